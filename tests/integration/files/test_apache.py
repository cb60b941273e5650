"""A real Apache on files that rotate."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import recipes
from support.apache import Apache
from support.outputs import rotate_under_load

_GET = b"GET / HTTP/1.0\r\n\r\n"
_ROTATIONS = 50


@pytest.mark.slow
async def test_fifty_rotations_under_load_fail_nobody(tmp_path: Path) -> None:
    files = tmp_path / "files"
    apache = Apache(
        tmp_path, files, f"SSLCACertificateFile {files}/ca.crt\nSSLVerifyClient require"
    )
    await rotate_under_load(apache, files, recipes.apache(apache), _ROTATIONS, say=_GET)
