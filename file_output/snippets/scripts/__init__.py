"""Programs for the script engines of nginx (njs), HAProxy and Apache (Lua)."""

from __future__ import annotations

from importlib import resources


def read(*names: str) -> str:
    """Return scripts of this folder, one after the other."""
    folder = resources.files(__name__)
    return "".join((folder / name).read_text("utf-8") for name in names)
