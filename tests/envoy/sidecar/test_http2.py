"""HTTP/2 from end to end, by curl and by h2, to apps at every kind of address."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import needs
from support.sidecar import app, caller, http2, legacy_app, line_app, pair
from support.sidecar.http1 import values
from support.sidecar.world import FRONTEND, World
from support.sidecar_pair import free_port

from accredit.envoy.address import Address, Endpoint, Pipe
from accredit.envoy.sidecar import Profile, Protocol


def test_requests_and_trailers_pass_over_http2(world: World) -> None:
    at = free_port()
    with (
        app.serving(at, http2.talk),
        pair.running(world, "h2", at, protocol=Protocol.HTTP2) as way,
    ):
        with app.connect(way.front) as sock:
            answer = http2.request(
                sock, "/a?b=c", ("x-odd", "kept"), ("cookie", "a=1"), method="PUT", body=b"hello"
            )
        seen = json.loads(answer.body)
        assert values(answer.fields, "server") == ["h2-app"]
        assert answer.trailers == [("x-sum", str(len(answer.body)))]
        fields = [(name, value) for name, value in seen["fields"]]
        assert values(fields, ":path") == ["/a?b=c"]
        assert values(fields, ":method") == ["PUT"]
        assert values(fields, ":authority") == ["app"]
        assert values(fields, "x-odd") == ["kept"]
        assert values(fields, "x-forwarded-client-cert")[0].endswith(f"URI={FRONTEND}")
        assert seen["length"] == 5


def test_curl_with_prior_knowledge_is_served(world: World) -> None:
    curl, at = needs.program("curl", apt="curl"), free_port()
    with (
        app.serving(at, http2.talk),
        pair.running(world, "h2-curl", at, protocol=Protocol.HTTP2) as way,
    ):
        told = ("--silent", "--fail", "--http2-prior-knowledge", "--data", "hello")
        done = subprocess.run(
            [curl, *told, f"http://{way.front}/a"], capture_output=True, check=True, timeout=30
        )
    assert json.loads(done.stdout)["length"] == 5


@contextlib.contextmanager
def _app_at(kind: str, folder: Path, protocol: Protocol) -> Iterator[Address]:
    at: Address = free_port()
    if kind == "IPv6":
        at = Endpoint("::1", free_port().port)
    if kind == "unix":
        at = Pipe(str(folder / f"{protocol.value}.sock"))
    talk = {Protocol.HTTP: legacy_app.talk, Protocol.HTTP2: http2.talk}.get(protocol, line_app.talk)
    with app.serving(at, talk):
        yield at


@pytest.mark.parametrize("kind", ["IPv6", "unix"])
@pytest.mark.parametrize(
    "protocol", [Protocol.HTTP, Protocol.HTTP2, Protocol.TCP], ids=lambda each: each.value
)
@pytest.mark.parametrize("profile", Profile, ids=lambda each: each.value)
def test_an_app_is_reached_at_every_kind_of_address(
    world: World, kind: str, protocol: Protocol, profile: Profile, tmp_path: Path
) -> None:
    listen = Endpoint("::1" if kind == "IPv6" else "127.0.0.1", free_port().port)
    name = f"{kind}-{protocol.value}-{profile.value}"
    with (
        _app_at(kind, tmp_path, protocol) as at,
        pair.running(world, name, at, protocol=protocol, listen=listen, profile=profile) as way,
        app.connect(way.front) as sock,
    ):
        assert caller.speak(protocol, sock)
