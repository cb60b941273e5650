"""A real HAProxy, told by a reload and by its runtime API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support import handshakes, recipes
from support.ca import TestCa
from support.eventually import eventually
from support.handshakes import Handshakes
from support.haproxy import Haproxy
from support.outputs import at_work, rotate_under_load

from accredit.file_output.address import Address
from accredit.file_output.ledger import State
from accredit.file_output.profiles.web import HAPROXY
from accredit.file_output.tell.haproxy import HaproxyRuntime, Loaded, Store
from accredit.file_output.tell.haproxy_cli import Cli
from accredit.file_output.tell.way import Nothing

_GET = b"GET / HTTP/1.0\r\n\r\n"
_ROTATIONS = 50
_RELOADS_AT_START = 1  # since nobody knows what it had read until then


def master(haproxy: Haproxy) -> Cli:
    return Cli(Address(path=str(haproxy.master)), worker="@1")


@pytest.mark.slow
async def test_fifty_reloads_under_load_fail_nobody(tmp_path: Path) -> None:
    haproxy = Haproxy(tmp_path, tmp_path / "files")
    await rotate_under_load(
        haproxy, haproxy.files, recipes.haproxy_reload(haproxy), _ROTATIONS, say=_GET
    )


@pytest.mark.slow
@pytest.mark.parametrize("through", [recipes.haproxy_cli, master])
async def test_fifty_updates_of_the_running_process_under_load_fail_nobody(
    tmp_path: Path, through: Callable[[Haproxy], Cli]
) -> None:
    files = tmp_path / "files"
    haproxy = Haproxy(tmp_path, files, f"ca-file {files}/ca.crt verify optional")
    recipe = recipes.haproxy_runtime(haproxy, through(haproxy))
    await rotate_under_load(haproxy, files, recipe, _ROTATIONS, say=_GET)
    assert haproxy.log.read_text().count("New worker") == 1 + _RELOADS_AT_START


async def test_new_authorities_are_taken_by_a_reload_and_the_next_certificate_without(
    tmp_path: Path,
) -> None:
    files = tmp_path / "files"
    haproxy = Haproxy(tmp_path, files, f"ca-file {files}/ca.crt verify required")
    async with at_work(
        files, recipes.haproxy_runtime(haproxy, recipes.haproxy_cli(haproxy))
    ) as bench:
        await bench.written()
        with haproxy.running():
            await bench.rotated()
            old, bench.ca = bench.ca, TestCa(now=datetime.now(UTC))
            await bench.rotated()
            serial = await bench.rotated()
            client = bench.ca.svid("spiffe://td.example/client")
            stranger = old.svid("spiffe://td.example/client")
            trusted = Handshakes(haproxy.port, handshakes.context(bench.ca, client), say=_GET)
            assert trusted.once() == serial
            refused = Handshakes(haproxy.port, handshakes.context(bench.ca, stranger), say=_GET)
            with pytest.raises(OSError, match=r"(?i)unknown ca|reset"):
                refused.once()
    assert haproxy.log.read_text().count("New worker") == 3


async def test_authorities_can_be_replaced_in_the_running_process_too(tmp_path: Path) -> None:
    files = tmp_path / "files"
    haproxy = Haproxy(tmp_path, files, f"ca-file {files}/ca.crt verify required")
    authorities = Loaded("ca.crt", Store.AUTHORITIES)
    recipe = replace(
        HAPROXY.recipe,
        validate=Nothing(),
        reload=HaproxyRuntime((recipes.haproxy_cli(haproxy),), (authorities,)),
    )
    async with at_work(files, replace(recipe, verify=Nothing())) as bench:
        bench.rotate()
        await bench.until(State.FAILING)
        old = bench.ca
        with haproxy.running():
            await bench.rotated()
            bench.ca = TestCa(now=datetime.now(UTC))
            await bench.rotated()
            client = bench.ca.svid("spiffe://td.example/client")
            Handshakes(haproxy.port, handshakes.context(old, client), say=_GET).once()


async def test_what_haproxy_does_not_know_is_told_with_its_words(tmp_path: Path) -> None:
    haproxy = Haproxy(tmp_path, tmp_path / "files")
    unknown = HaproxyRuntime(
        (recipes.haproxy_cli(haproxy),), (Loaded("haproxy.pem", path="/other.pem"),)
    )
    recipe = replace(recipes.haproxy_reload(haproxy), reload=unknown)
    async with at_work(tmp_path / "files", recipe) as bench:
        bench.rotate()
        await bench.until(State.FAILING)
        assert "cannot be reached: no such file" in bench.line.last_error
        with haproxy.running():
            await eventually(lambda: "not referenced" in bench.line.last_error)
    assert "/other.pem" in bench.line.last_error
    assert "PRIVATE" not in bench.line.last_error
