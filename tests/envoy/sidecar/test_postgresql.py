"""A real PostgreSQL client and server, which know nothing of TLS, through a pair of sidecars."""

from __future__ import annotations

import hashlib
import signal
import subprocess
from collections.abc import Iterator

import pytest
from support.eventually import wait_until
from support.sidecar import pair, postgresql
from support.sidecar.pair import Pair
from support.sidecar.world import FRONTEND, INTRUDER, World
from support.sidecar_pair import free_port

from accredit.envoy.address import Endpoint
from accredit.envoy.sidecar import Profile, Protocol


@pytest.fixture(scope="module")
def database() -> Iterator[Endpoint]:
    at = free_port()
    with postgresql.serving(at):
        yield at


@pytest.fixture(scope="module", params=Profile, ids=lambda each: each.value)
def way(world: World, database: Endpoint, request: pytest.FixtureRequest) -> Iterator[Pair]:
    profile: Profile = request.param
    name = f"sql-{profile.value}"
    with pair.running(world, name, database, protocol=Protocol.TCP, profile=profile) as found:
        yield found


def _ask(way: Pair, sql: str, given: bytes = b"") -> bytes:
    done = postgresql.psql(way.front, sql, given)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def test_a_large_result_comes_whole(way: Pair) -> None:
    rows = _ask(way, "select n || repeat('x', 1000) from generate_series(1, 10000) n")
    expected = b"".join(b"%d%s\n" % (n, b"x" * 1000) for n in range(1, 10001))
    assert hashlib.sha256(rows).digest() == hashlib.sha256(expected).digest()


def test_copy_goes_both_ways(way: Pair) -> None:
    rows = b"".join(b"%d\tline %d\n" % (n, n) for n in range(100_000))
    _ask(way, "drop table if exists copied; create table copied (n int, text text)")
    _ask(way, "copy copied from stdin", rows)
    assert _ask(way, "copy (select * from copied order by n) to stdout") == rows


def test_a_query_is_cancelled_over_a_connection_of_its_own(way: Pair, database: Endpoint) -> None:
    with subprocess.Popen(
        postgresql.command(way.front, "-c", "select 'to be cancelled', pg_sleep(50)"),
        stderr=subprocess.PIPE,
    ) as client:
        running = "select count(*) from pg_stat_activity where query like '%to be%pg_sleep(50)'"
        wait_until(
            lambda: postgresql.psql(database, running).stdout == b"1\n", 60, "the query runs"
        )
        client.send_signal(signal.SIGINT)
        _, said = client.communicate(timeout=20)
    assert b"canceling statement due to user request" in said


def test_the_servers_log_names_who_is_connected(way: Pair) -> None:
    _ask(way, "select 1")
    wait_until(
        lambda: FRONTEND in [line.get("caller") for line in way.server.access_log()], 60, "logged"
    )


def test_a_client_whose_sidecar_has_another_id_is_refused(world: World, database: Endpoint) -> None:
    with pair.running(
        world, "sql-refused", database, protocol=Protocol.TCP, caller=INTRUDER
    ) as way:
        done = postgresql.psql(way.front, "select 1")
        assert done.returncode == 2
        assert b"server closed the connection unexpectedly" in done.stderr
        assert sum(way.server.stats("ssl.fail_verify_san").values()) > 0
