"""The sidecar file: read strictly, all of its mistakes at once, each with its line."""
