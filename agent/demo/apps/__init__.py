"""Two legacy apps: standard library only, plain HTTP only."""
