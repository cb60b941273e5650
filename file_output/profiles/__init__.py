"""What each well-known program wants: which files, and how it is told and checked."""
