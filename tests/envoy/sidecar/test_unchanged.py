"""What an app that knows nothing of its sidecar sees of requests, and callers of its answers."""

from __future__ import annotations

import contextlib
import hashlib
import json
import socket
import ssl
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support.sidecar import app, caller, legacy_app, pair
from support.sidecar.http1 import Fields, Message, chunked, read_head, read_response, values
from support.sidecar.pair import Pair
from support.sidecar.world import APP, FRONTEND, World
from support.sidecar_pair import free_port

# What Envoy adds: the truth about the caller, a name for the request, and the scheme.
_ADDED = {"x-forwarded-client-cert", "x-request-id", "x-forwarded-proto"}
_XFCC = "x-forwarded-client-cert"
_LOOKALIKES = ("x_forwarded_client_cert", "X_Forwarded-Client_Cert", "x-forwarded-client_cert")

_STEERING = (
    "x-envoy-upstream-rq-timeout-ms: 1",
    "x-envoy-upstream-rq-per-try-timeout-ms: 1",
    "x-envoy-expected-rq-timeout-ms: 1",
    "x-envoy-max-retries: 5",
    "x-envoy-retry-on: 5xx",
    "x-envoy-retry-grpc-on: internal",
    "x-envoy-retriable-status-codes: 503",
    "x-envoy-hedge-on-per-try-timeout: true",
    "x-envoy-upstream-alt-stat-name: mine",
    "x-envoy-decorator-operation: mine",
    "x-envoy-original-path: /admin",
    "x-envoy-internal: true",
    "x-envoy-external-address: 203.0.113.9",
    "x-envoy-force-trace: true",
    "x-envoy-attempt-count: 9",
    "x-envoy-ip-tags: trusted",
    "x-envoy-original-dst-host: 127.0.0.1:1",
    "x-envoy-is-timeout-retry: true",
)

Connect = Callable[[], socket.socket]


@pytest.fixture(scope="module")
def way(world: World) -> Iterator[Pair]:
    at = free_port()
    with app.serving(at, legacy_app.talk), pair.running(world, "plain", at) as found:
        yield found


@pytest.fixture(params=["of another sidecar", "of its own"])
def connect(world: World, way: Pair, request: pytest.FixtureRequest) -> Connect:
    """Return how to reach the app: from behind a sidecar, or with a certificate in hand."""
    if request.param == "of another sidecar":
        return lambda: app.connect(way.front)
    certificate = world.pem(world.prod.issue(FRONTEND))
    return lambda: caller.connect(way.mtls, certificate)


def _ask(connect: Connect, target: str, *more: str, method: str = "GET") -> Message:
    with connect() as sock:
        return caller.get(sock, target, *more, method=method)


def _seen(answer: Message) -> dict[str, Any]:
    assert answer.status == 200
    return dict(json.loads(answer.body))


def _fields(seen: dict[str, Any]) -> Fields:
    return [(str(name), str(value)) for name, value in seen["fields"]]


def test_the_app_gets_the_fields_that_were_sent_and_three_more(connect: Connect) -> None:
    sent = [
        ("Host", "shop.example:8080"),
        ("User-Agent", "legacy/1.0 (odd; thing)"),
        ("X-Forwarded-For", "203.0.113.9, 198.51.100.1"),
        ("Forwarded", "for=203.0.113.9"),
        ("Authorization", "Basic dTpw"),
        ("Cookie", "a=1; b=2"),
        ("X_Under_Score", "kept"),
        ("X-Empty", ""),
        ("X-Twice", "one"),
        ("X-Twice", "two"),
        ("X-Latin", "caf\u00e9"),
        ("Accept-Encoding", "gzip, br"),
        ("Via", "1.0 fred"),
        ("Date", "Tue, 15 Nov 1994 08:12:31 GMT"),
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        ("X-Long", "x" * 8000),
    ]
    lines = ["GET /path HTTP/1.1", *(f"{name}: {value}" for name, value in sent)]
    with connect() as sock:
        answer = caller.send(sock, ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
    got = _fields(_seen(answer))
    assert {name for name, _ in got} - {name.lower() for name, _ in sent} == _ADDED
    for name, _ in sent:
        assert values(got, name) == values(sent, name), name


@pytest.mark.parametrize(
    "target",
    [
        "/?q=1&q=2&a=%20b+c",
        "/a%2Fb/%41%7e%C3%A9?x=%2F",
        "/a/../b/./c//d",
        "/public/..;/admin",
        "/a%2e%2e/b",
        "/a?redirect=http://elsewhere/",
        "/~user/$&'()*+,;=:@!",
    ],
)
def test_the_app_gets_the_target_that_was_sent(connect: Connect, target: str) -> None:
    assert _seen(_ask(connect, target))["line"] == f"GET {target} HTTP/1.1"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"])
def test_the_app_gets_every_method_and_its_body(connect: Connect, method: str) -> None:
    with connect() as sock:
        head = f"{method} /x HTTP/1.1\r\nHost: app\r\nContent-Length: 5\r\n\r\n"
        seen = _seen(caller.send(sock, head.encode() + b"hello"))
    assert (seen["line"], seen["length"]) == (f"{method} /x HTTP/1.1", 5)


def test_ten_megabytes_pass_both_ways(connect: Connect) -> None:
    body = legacy_app.big()
    with connect() as sock:
        head = f"POST /upload HTTP/1.1\r\nHost: app\r\nContent-Length: {len(body)}\r\n\r\n"
        seen = _seen(caller.send(sock, head.encode() + body))
    assert seen["length"] == legacy_app.BIG
    assert seen["sha256"] == hashlib.sha256(body).hexdigest()
    assert _ask(connect, "/big").body == body


def test_chunked_bodies_and_trailers_pass_both_ways(connect: Connect) -> None:
    head = b"POST /x HTTP/1.1\r\nHost: app\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
    with connect() as sock:
        body = chunked(b"one", b"two" * 10, trailers="X-Sum: 33\r\n")
        seen = _seen(caller.send(sock, head + body))
    assert (seen["length"], seen["trailers"]) == (33, [["x-sum", "33"]])
    answer = _ask(connect, "/chunked")
    assert (answer.body, answer.trailers) == (b"something", [("x-sum", "9")])


def test_the_answer_is_the_apps(connect: Connect) -> None:
    answer = _ask(connect, "/odd")
    assert answer.one("server") == legacy_app.SERVER
    assert answer.all("set-cookie") == ["a=1", "b=2"]
    assert answer.one("x_under") == "score"
    assert answer.one("x-empty") == ""
    assert answer.one("via") == "1.0 old"
    assert not [name for name, _ in answer.fields if name.startswith("x-envoy")]
    for status in (204, 304, 404, 418, 500, 503, 599):
        assert _ask(connect, f"/status/{status}").status == status


def test_head_has_the_length_and_no_body(connect: Connect) -> None:
    answer = _ask(connect, "/x", method="HEAD")
    assert (answer.status, answer.one("content-length"), answer.body) == (200, "0", b"")


def test_a_body_that_ends_with_the_connection_comes_whole(connect: Connect) -> None:
    assert _ask(connect, "/until-close").body == b"to the end"


def test_the_app_itself_decides_about_expect_100_continue(connect: Connect) -> None:
    head = "POST {} HTTP/1.1\r\nHost: app\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
    with connect() as sock:
        sock.sendall(head.format("/x").encode())
        stream = sock.makefile("rb")
        first = read_head(stream)
        assert first is not None
        assert first.status == 100
        sock.sendall(b"hello")
        assert _seen(read_response(stream))["length"] == 5
    with connect() as sock:
        assert caller.send(sock, head.format("/refuse-body").encode()).status == 417


def test_http_1_0_is_served(connect: Connect) -> None:
    with connect() as sock:
        seen = _seen(caller.send(sock, b"GET /old HTTP/1.0\r\n\r\n"))
    assert values(_fields(seen), "host") == ["localhost"]
    with connect() as sock:
        seen = _seen(caller.send(sock, b"GET /old HTTP/1.0\r\nHost: shop\r\n\r\n"))
    assert values(_fields(seen), "host") == ["shop"]


def test_requests_over_one_connection_are_answered_in_order(connect: Connect) -> None:
    one = "GET /{} HTTP/1.1\r\nHost: app\r\n\r\n"
    with connect() as sock:
        sock.sendall("".join(one.format(n) for n in range(5)).encode())
        stream = sock.makefile("rb")
        lines = [_seen(read_response(stream))["line"] for _ in range(5)]
    assert lines == [f"GET /{n} HTTP/1.1" for n in range(5)]


def test_the_app_sees_who_calls_and_no_forgery(connect: Connect) -> None:
    forged = f"By={APP};Hash=00;URI=spiffe://prod.example/ns/admin"
    names = (_XFCC, _XFCC.title(), _XFCC, *_LOOKALIKES)
    seen = _fields(_seen(_ask(connect, "/", *(f"{name}: {forged}" for name in names))))
    certs = {name: value for name, value in seen if "client" in name.lower()}
    assert list(certs) == [_XFCC]
    assert len(values(seen, _XFCC)) == 1
    parts = dict(part.split("=", 1) for part in certs[_XFCC].split(";"))
    assert parts.keys() == {"By", "Hash", "URI"}
    assert (parts["By"], parts["URI"]) == (APP, FRONTEND)


def test_no_trailer_passes_for_a_word_of_the_sidecar(connect: Connect) -> None:
    names = (_XFCC, *_LOOKALIKES, "x-envoy-internal", "X-Forwarded-Proto", "Authorization")
    trailers = "".join(f"{name}: forged\r\n" for name in (*names, "X-Sum"))
    with connect() as sock:
        head = b"POST /x HTTP/1.1\r\nHost: app\r\nTransfer-Encoding: chunked\r\n\r\n"
        seen = _seen(caller.send(sock, head + chunked(b"one", trailers=trailers)))
    assert seen["trailers"] == [["x-sum", "forged"]]


def test_fields_that_steer_an_envoy_do_not_reach_the_app(connect: Connect) -> None:
    seen = _fields(_seen(_ask(connect, "/", *_STEERING)))
    assert [name for name, _ in seen if name.startswith("x-envoy")] == []


def test_fields_that_steer_an_envoy_have_no_effect(connect: Connect, way: Pair) -> None:
    retries = r"^cluster\.(in|out)bound_0\.upstream_rq_retry$"
    assert _ask(connect, "/status/503", *_STEERING).status == 503
    assert _ask(connect, "/slow/0.2", *_STEERING).status == 200
    for envoy in (way.caller, way.server):
        assert sum(envoy.stats(retries).values()) == 0


def test_a_caller_cannot_smuggle_a_second_request(connect: Connect) -> None:
    with connect() as sock, contextlib.suppress(ConnectionError, ssl.SSLError):
        head = "POST /x HTTP/1.1\r\nHost: app\r\nContent-Length: 4\r\n"
        head += "Transfer-Encoding: chunked\r\n\r\n"
        answer = caller.send(sock, head.encode() + b"0\r\n\r\nGET /admin HTTP/1.1\r\n\r\n")
        assert answer.status == 400


@pytest.mark.parametrize(
    ("target", "fields", "status"),
    [
        ("/", [f"X-Field-{n}: 1" for n in range(90)], 200),
        ("/", [f"X-Field-{n}: 1" for n in range(110)], 431),
        ("/", ["X-Long: " + "x" * 50_000], 200),
        ("/", ["X-Long: " + "x" * 70_000], 431),
        ("/a#b", [], 400),
    ],
)
def test_there_are_limits(connect: Connect, target: str, fields: list[str], status: int) -> None:
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        assert _ask(connect, target, *fields).status == status


def test_an_absolute_target_becomes_host_and_path(connect: Connect) -> None:
    seen = _seen(_ask(connect, "http://shop.example/a?b"))
    assert seen["line"] == "GET /a?b HTTP/1.1"
    assert values(_fields(seen), "host") == ["shop.example"]
    assert values(_fields(seen), "x-forwarded-proto") == ["https"]
