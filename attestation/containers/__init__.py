"""Selectors of containers that Docker or Podman run."""
