"""Methods and paths per caller, and those who try to get around them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.sidecar import app, caller, grpc_app, http2, legacy_app
from support.sidecar.http1 import values
from support.sidecar.world import APP, FRONTEND, INTRUDER, World
from support.sidecar_pair import free_port

from accredit.envoy.address import Endpoint

_READER, _CLERK = FRONTEND, "spiffe://prod.example/ns/clerks/a"


@dataclass
class Ruled:
    """An app over HTTP/1 and one over gRPC, both behind rules, and certificates of callers."""

    http: Endpoint
    grpc: Endpoint
    reader: Path
    clerk: Path
    admin: Path


@pytest.fixture(scope="module")
def ruled(world: World) -> Iterator[Ruled]:
    at, http, grpc = free_port(), free_port(), free_port()
    with app.serving(at, legacy_app.talk), grpc_app.serving() as grpc_at:
        text = f"""
sidecar:
  spiffe_id: {APP}
  inbound:
    - listen: {http}
      app: {at}
      allow:
        - {INTRUDER}
        - id: {_READER}
          methods: [GET, HEAD]
          paths: [/public/*, /status]
        - id: /ns/clerks/*
          paths: [/orders/*]
        - id: /ns/clerks/*
          methods: [GET]
          paths: [/status]
    - listen: {grpc}
      app: 127.0.0.1:{grpc_at}
      protocol: grpc
      allow:
        - id: {_READER}
          paths: [/{grpc_app.SERVICE}/Echo]
        - id: {_CLERK}
          paths: [/{grpc_app.SERVICE}/*]
"""
        certificates = (world.pem(world.prod.issue(each)) for each in (_READER, _CLERK, INTRUDER))
        with world.sidecar("ruled", text):
            yield Ruled(http, grpc, *certificates)


def _status(of: Ruled, who: str, request: str) -> int:
    method, _, target = request.partition(" ")
    with caller.connect(of.http, getattr(of, who)) as sock:
        return caller.get(sock, target, method=method).status


@pytest.mark.parametrize(
    ("who", "request_line", "status"),
    [
        ("reader", "GET /status", 200),
        ("reader", "GET /status?verbose=/admin", 200),
        ("reader", "HEAD /status", 200),
        ("reader", "POST /status", 403),
        ("reader", "GET /public/a/b", 200),
        ("reader", "GET /public/", 200),
        ("reader", "GET /public", 403),
        ("reader", "GET /publicity/a", 403),
        ("reader", "GET /status/", 403),
        ("reader", "GET /orders/1", 403),
        ("reader", "GET /", 403),
        ("clerk", "DELETE /orders/1", 200),
        ("clerk", "GET /status", 200),
        ("clerk", "POST /status", 403),
        ("clerk", "GET /public/a", 403),
        ("admin", "DELETE /anything", 200),
        ("admin", "GET /a%20b/..hidden?x=..;%2f", 200),
        ("reader", "GET /public/a%20b/caf%C3%A9/50%25/%E2%82%AC?x=%2f..%u002f%c0%ae", 200),
    ],
)
def test_each_caller_may_do_what_its_rules_say(
    ruled: Ruled, who: str, request_line: str, status: int
) -> None:
    assert _status(ruled, who, request_line) == status


@pytest.mark.parametrize(
    "request_line",
    [
        "GET /public/../admin",
        "GET /public/x/../../admin",
        "GET /public/..",
        "GET /public/%2e%2e/admin",
        "GET /public/.%2E/admin",
        "GET /public/%252e%252e/admin",
        "GET /public/%25252fadmin",
        "GET /public/%255c..%255cadmin",
        "GET //admin",
        "GET /admin//public/",
        "GET /public/..;/admin",
        "GET /public/..;a=b/admin",
        "GET /public;/../admin",
        "GET /public/%2fadmin",
        "GET /public%2f..%2fadmin",
        "GET /public/..%2fadmin",
        "GET /public%2fa",
        "GET /public/..%5cadmin",
        "GET /public\\..\\admin",
        "GET /public/..\\admin",
        "GET /public/%3b/admin",
        "GET /PUBLIC/a",
        "GET /Status",
        "GET /%2e/admin",
        "GET /admin?/public/",
        "GET /admin?x=/../public/a",
        "GET /admin%3f/public/a",
        "GET /public/%00/../admin",
        "GET /public/x%0d%0aGET%20/admin",
        "GET /public/.%7f./admin",
        "GET /public/%c0%ae%c0%ae/admin",
        "GET /public/..%C1%9cadmin",
        "GET /public/..%e0%80%afadmin",
        "GET /public/..%f0%80%80%afadmin",
        "GET /public/%u002e%u002e%u2215admin",
        "GET /public/%25u002e%25u002e/admin",
        "GET /public/%%32%66admin",
        "GET /public/%2%2566admin",
        "GET /public/%25%2532fadmin",
        "GET /public/%",
        "GET /public/%2",
        "GET http://app/admin",
        "GET http://app/public/../admin",
        "get /status",
        "Get /status",
        "POST /public/a",
        "OPTIONS *",
        "TRACE /status",
    ],
)
def test_no_spelling_gets_around_a_rule(ruled: Ruled, request_line: str) -> None:
    assert _status(ruled, "reader", request_line) in {400, 403, 404, 405}


@pytest.mark.parametrize("path", ["/public/./a", "/public//a", "/x/../public/a", "/%70ublic/a"])
def test_the_app_reads_the_path_that_was_compared(ruled: Ruled, path: str) -> None:
    with caller.connect(ruled.http, ruled.reader) as sock:
        answer = caller.get(sock, path)
    assert answer.status == 200
    assert json.loads(answer.body)["line"] == "GET /public/a HTTP/1.1"


def test_an_absolute_target_is_compared_by_its_path(ruled: Ruled) -> None:
    assert _status(ruled, "reader", "GET http://elsewhere/status") == 200


_OTHER_PATH = ("X-Original-URL: /admin", "X-Rewrite-Url: /admin", "x_original_url: /admin")
_OTHER_METHOD = (
    "X-HTTP-Method-Override: DELETE",
    "X-HTTP-Method: DELETE",
    "X-Method-Override: DELETE",
    "X_HTTP_Method_Override: DELETE",
)


@pytest.mark.parametrize("field", [*_OTHER_PATH, *_OTHER_METHOD])
def test_no_field_says_another_path_or_method_than_was_compared(ruled: Ruled, field: str) -> None:
    with caller.connect(ruled.http, ruled.reader) as sock:
        assert caller.get(sock, "/status", field).status == 403
    with caller.connect(ruled.http, ruled.admin) as sock:
        assert caller.get(sock, "/status", field).status == 200


def test_a_field_for_what_is_not_limited_passes(ruled: Ruled) -> None:
    with caller.connect(ruled.http, ruled.clerk) as sock:
        assert caller.get(sock, "/orders/1", _OTHER_METHOD[0], method="POST").status == 200


@pytest.mark.parametrize(
    ("who", "path", "status"),
    [
        ("reader", f"/{grpc_app.SERVICE}/Echo", "0"),
        ("reader", f"/{grpc_app.SERVICE}/Metadata", "7"),
        ("reader", f"/{grpc_app.SERVICE}/echo", "7"),
        ("reader", f"/{grpc_app.SERVICE}/Echo/../Metadata", "7"),
        ("clerk", f"/{grpc_app.SERVICE}/Metadata", "0"),
        ("clerk", f"/{grpc_app.SERVICE}Evil/Echo", "7"),
        ("clerk", "/grpc.health.v1.Health/Check", "7"),
    ],
)
def test_a_grpc_method_is_a_path(ruled: Ruled, who: str, path: str, status: str) -> None:
    fields = (("content-type", "application/grpc"), ("te", "trailers"))
    with caller.connect(ruled.grpc, getattr(ruled, who), alpn=["h2"]) as sock:
        answer = http2.request(sock, path, *fields, method="POST", body=b"\0\0\0\0\0")
    assert values([*answer.fields, *answer.trailers], "grpc-status") == [status]
