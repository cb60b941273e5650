"""Keeps the SVIDs of every entitled caller fresh and tells watchers; the newest state wins."""
