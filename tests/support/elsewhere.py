"""Programs of another system's folder, run here with the loader and the libraries of theirs."""

from __future__ import annotations

from pathlib import Path


def command(root: Path, program: str) -> tuple[str, ...]:
    """Return what runs ``program``, a path below ``root``, which is ``/`` for this system."""
    binary = str(root / program)
    loaders = sorted(root.glob("usr/lib*/ld-linux*.so.*"))
    if root == Path("/") or not loaders:
        return (binary,)
    libraries = ":".join(map(str, root.glob("usr/lib/*-linux-gnu")))
    return (str(loaders[-1]), "--library-path", libraries, binary)
