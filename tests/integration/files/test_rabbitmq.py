"""A real RabbitMQ on files that rotate."""

from __future__ import annotations

import grp
import os
import pwd
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from support import handshakes, recipes
from support.ca import TestCa
from support.eventually import eventually
from support.handshakes import Handshakes
from support.outputs import at_work, rotate_running, with_group, write_first_files
from support.rabbitmq import PROGRAMS, Rabbitmq
from support.real_program import open_folder

from accredit.file_output.profiles.services import RABBITMQ
from accredit.file_output.recipe import Recipe
from accredit.file_output.tell.command import Command

_HEADER = b"AMQP\0\0\x09\x01"
_ROTATIONS = 6


@pytest.fixture(scope="module")
def server() -> Iterator[Rabbitmq]:
    """One for all, since it takes seconds to start; it refuses to do so without files."""
    with open_folder() as folder:
        files = folder / "files"
        port, *lines = RABBITMQ.lines.replace("{dir}", str(files)).splitlines(keepends=True)
        assert port.startswith("listeners.ssl.default")
        made = Rabbitmq(folder / "server", files, "".join(lines))
        write_first_files(files, recipe(made))
        with made.running():
            yield made


def recipe(server: Rabbitmq) -> Recipe:
    """The profile, for a node that is not the system's."""
    reload = RABBITMQ.recipe.reload
    assert isinstance(reload, Command)
    return replace(
        with_group(RABBITMQ.recipe, grp.getgrgid(pwd.getpwnam(server.user).pw_gid).gr_name),
        reload=Command(
            (str(PROGRAMS / reload.argv[0]), *reload.argv[1:]),
            user=server.user if os.geteuid() == 0 else "",  # as Debian's wrapper does
            environment=server.environment,
        ),
        verify=recipes.at(server),
    )


@pytest.mark.slow
async def test_rotations_under_load_fail_nobody(server: Rabbitmq) -> None:
    async with at_work(server.files, recipe(server)) as bench:
        await rotate_running(server, bench, _ROTATIONS, say=_HEADER)


@pytest.mark.slow
async def test_another_authority_is_believed_and_the_one_before_no_longer(
    server: Rabbitmq,
) -> None:
    async with at_work(server.files, recipe(server)) as bench:
        await bench.rotated()
        before = bench.ca.svid("spiffe://td.example/client")
        with connected(server, handshakes.context(bench.ca, before)):
            bench.ca = TestCa(now=datetime.now(UTC))
            serial = await bench.rotated()
            now = bench.ca.svid("spiffe://td.example/client")
            assert answer(server, handshakes.context(bench.ca, now)) == serial
            # It hangs up at once: the alert may be lost.
            with pytest.raises(OSError, match=r"(?i)unknown ca|EOF|reset"):
                answer(server, handshakes.context(bench.ca, before))
            await eventually(lambda: "Unknown CA" in server.log.read_text())


@contextmanager
def connected(server: Rabbitmq, context: ssl.SSLContext) -> Iterator[ssl.SSLSocket]:
    with (
        socket.create_connection(("127.0.0.1", server.port), 20) as plain,
        context.wrap_socket(plain) as tls,
    ):
        tls.sendall(_HEADER)
        assert tls.recv(64)
        yield tls


def answer(server: Rabbitmq, context: ssl.SSLContext) -> str:
    """Return the serial of what it serves to a client that it lets in."""
    return Handshakes(server.port, context, say=_HEADER).once()
