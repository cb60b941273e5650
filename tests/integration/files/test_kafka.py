"""A real Kafka on keystores that rotate."""

from __future__ import annotations

import grp
import os
import ssl
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from support import handshakes, recipes
from support.ca import TestCa
from support.handshakes import Handshakes
from support.kafka import Kafka, java
from support.outputs import at_work, rotate_running, with_group, write_first_files

from accredit.file_output.profiles.services import KAFKA
from accredit.file_output.recipe import Recipe
from accredit.file_output.tell.command import Command

_ROTATIONS = 3
_PASSWORD = "changeit"
# ApiVersions in its version 0, from a client without a name.
_ASK = bytes.fromhex("0000000a 0012 0000 00000001 ffff")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """One for all, since it takes seconds to start; it refuses to do so without files."""
    folder = tmp_path_factory.mktemp("kafka")
    files = folder / "files"
    lines = KAFKA.lines.replace("{dir}", str(files)).replace("PASSWORD", _PASSWORD)
    made = Kafka(folder, files, lines)
    password = folder / "password"
    password.touch(0o600)
    password.write_text(f"{_PASSWORD}\n")
    write_first_files(files, recipe(made))
    with made.running():
        yield made


def recipe(server: Kafka) -> Recipe:
    """The profile, for a broker that is not the system's."""
    reload = KAFKA.recipe.reload
    assert isinstance(reload, Command)
    assert reload.argv[0] == "kafka-configs.sh"
    words = (word.replace("localhost:9092", server.plain) for word in reload.argv[1:])
    known = with_group(KAFKA.recipe, grp.getgrgid(os.getegid()).gr_name)
    password = str(server.folder / "password")
    return replace(
        known,
        files=tuple(replace(each, password_file=password) for each in known.files),
        reload=Command(java("kafka.admin.ConfigCommand", *words)),
        verify=recipes.at(server),
    )


@pytest.mark.slow
async def test_rotations_under_load_fail_nobody(server: Kafka) -> None:
    async with at_work(server.files, recipe(server)) as bench:
        await rotate_running(server, bench, _ROTATIONS, say=_ASK)


@pytest.mark.slow
async def test_other_names_and_another_authority_are_taken_and_the_one_before_is_not_believed(
    server: Kafka,
) -> None:
    async with at_work(server.files, recipe(server)) as bench:
        await bench.rotated()
        before = bench.ca.svid("spiffe://td.example/client")
        bench.ca = TestCa(now=datetime.now(UTC))
        serial = await bench.rotated(dns_names=("other",), subject="other")
        now = bench.ca.svid("spiffe://td.example/client")
        assert answer(server, handshakes.context(bench.ca, now)) == serial
        with pytest.raises(OSError, match=r"(?i)certificate.unknown|EOF|reset"):
            answer(server, handshakes.context(bench.ca, before))


def answer(server: Kafka, context: ssl.SSLContext) -> str:
    """Return the serial of what it serves to a client that it lets in."""
    return Handshakes(server.port, context, say=_ASK).once()
