"""Being an ordinary user, whom the kernel refuses what root may do."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support import other_user


@contextmanager
def acting() -> Iterator[Path]:
    """Lend a folder of an ordinary user, and be that user meanwhile: ourselves, unless root."""
    if os.geteuid() != 0:
        with tempfile.TemporaryDirectory(prefix="accredit-") as path:
            yield Path(path)
        return
    with other_user.folder() as folder:
        os.setresuid(other_user.UID, other_user.UID, 0)  # access(2) goes by the real one
        try:
            yield folder
        finally:
            os.setresuid(0, 0, 0)
