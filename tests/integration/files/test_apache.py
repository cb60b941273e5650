"""A real Apache on files that rotate."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from signal import SIGUSR1

import pytest
from support import needs
from support.apache import Apache
from support.outputs import rotate_under_load

from accredit.file_output.address import Address
from accredit.file_output.profiles.web import APACHE
from accredit.file_output.recipe import Recipe
from accredit.file_output.tell.command import Command
from accredit.file_output.tell.signal import Signal
from accredit.file_output.verify import Verify

_GET = b"GET / HTTP/1.0\r\n\r\n"
_ROTATIONS = 50


def recipe(apache: Apache) -> Recipe:
    """The profile, for an Apache that is not the system's; SIGUSR1 is its graceful reload."""
    binary = needs.program("apache2", apt="apache2")
    return replace(
        APACHE.recipe,
        validate=Command((str(binary), "-t", "-f", str(apache.config))),
        reload=Signal(str(apache.pid_file), SIGUSR1, program="apache2"),
        verify=Verify((Address("127.0.0.1", apache.port),)),
    )


@pytest.mark.slow
async def test_fifty_rotations_under_load_fail_nobody(tmp_path: Path) -> None:
    files = tmp_path / "files"
    apache = Apache(
        tmp_path, files, f"SSLCACertificateFile {files}/ca.crt\nSSLVerifyClient require"
    )
    await rotate_under_load(apache, files, recipe(apache), _ROTATIONS, say=_GET)
