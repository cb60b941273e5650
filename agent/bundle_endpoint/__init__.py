"""Serves the own trust bundle to whom it may concern: SPIFFE Federation section 5."""
