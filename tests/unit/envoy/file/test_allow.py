from __future__ import annotations

import pytest
from support.sidecar_text import in_flow, inbound, out_flow, told, whole

from accredit.envoy.peers import Peer, Rule
from accredit.identity.spiffe_id import TrustDomain

_NEVER = r"* status /a?b /a#b /a%20b /a;b /a//b /./a /a/.. /a/../* /a* /*/a /a\\\\b"
_OWN = TrustDomain("own.example")
_WEB, _OPS = Peer(_OWN, "/web"), Peer(_OWN, "/ops", below=True)


@pytest.mark.parametrize(
    ("allow", "rules"),
    [
        ("/web", [Rule((_WEB,))]),
        ("[/web, /ops/*]", [Rule((_WEB, _OPS))]),
        ("{id: /web, methods: GET}", [Rule((_WEB,), ("GET",))]),
        ("[{id: [/web, /ops/*], paths: [/a, /b/*]}]", [Rule((_WEB, _OPS), (), ("/a", "/b/*"))]),
        (
            "[{id: /web, methods: GET}, /ops/*, {id: /web, methods: PUT, paths: /in}]",
            [Rule((_OPS,)), Rule((_WEB,), ("GET",)), Rule((_WEB,), ("PUT",), ("/in",))],
        ),
        ("any identity of any trust domain", [Rule((Peer(None, below=True),))]),
    ],
)
def test_who_may_do_what(allow: str, rules: list[Rule]) -> None:
    assert list(inbound(f"allow: {allow}").allow) == rules


@pytest.mark.parametrize(
    ("allow", "mistakes"),
    [
        ("[]", ["allow: is empty; give it a value, or remove the key"]),
        ("", ["allow: is empty; give it a value, or remove the key"]),
        ("[/web, /web]", ["allow[1]: '/web' is listed twice"]),
        (
            "[spiffe://own.example/web, 7, '*']",
            [
                "allow[1]: expected text; quote it if it looks like a number",
                (
                    "allow[2]: '*' would be everybody; if that is meant,"
                    " write 'any identity of any trust domain'"
                ),
            ],
        ),
        (
            "{id: /web}",
            ["allow.id: is not limited; expected 'methods' or 'paths', or the ID alone"],
        ),
        (
            "[{paths: /}]",
            [
                (
                    "allow[0]: 'id' is missing; expected the SPIFFE ID, or a list of them,"
                    " that may do this"
                )
            ],
        ),
        (
            "[{id: /web, methods: []}]",
            ["allow[0].methods: is empty; give it a value, or remove the key"],
        ),
        (
            "[{id: /web, methods: [get, GET]}]",
            ["allow[0].methods[0]: 'get' is no HTTP method; expected such as GET, in upper case"],
        ),
        (
            "[{id: /web, paths: /, method: GET}]",
            ["allow[0].method: unknown key; did you mean 'methods'?"],
        ),
    ],
)
def test_each_mistake_is_told_at_its_place(allow: str, mistakes: list[str]) -> None:
    text = whole(in_flow(f"allow: {allow}"))
    assert told(text) == [f"3: sidecar.inbound[0].{each}" for each in mistakes]


@pytest.mark.parametrize("wider", ["/ns/web", "/ns/*", "/*", "any identity of any trust domain"])
def test_limits_of_somebody_who_may_do_anything_anyway_are_a_mistake(wider: str) -> None:
    allow = f"allow: [{{id: /ns/web, methods: GET}}, {wider}]"
    (mistake,) = told(whole(in_flow(allow)))
    assert "inbound[0].allow[0]: 'spiffe://own.example/ns/web' may do anything" in mistake
    assert mistake.endswith("its limits are moot")


def test_limits_beside_other_peoples_freedom_are_none() -> None:
    allow = "allow: [{id: /ns/web, methods: GET}, /ns/web/*, /ns/we/*, spiffe://b.example/*]"
    assert told(whole(in_flow(allow))) == []


def test_connections_know_no_methods_and_paths() -> None:
    text = whole(in_flow("protocol: tcp, allow: [{id: /web, methods: GET}]"))
    assert told(text) == [
        "3: sidecar.inbound[0].allow[0]: tcp has no methods and paths; expected IDs only"
    ]


@pytest.mark.parametrize("path", ["/", "/*", "/status", "/reports/", "/reports/*", "/a-b/~c!$&'()"])
def test_a_path_that_a_request_can_have_is_taken(path: str) -> None:
    (rule,) = inbound(f'allow: [{{id: /web, paths: ["{path}"]}}]').allow
    assert rule.paths == (path,)


@pytest.mark.parametrize(
    "path",
    [
        *_NEVER.split(),
        "/{id}",
        "/a|b",
        "/<",
        "/a^",
        "/`",
        "",
        "/a b",
        "/\u00e4",
        "/\U0001f600",
        "/" + "a" * 2048,
    ],
)
def test_a_path_that_no_request_ever_has_is_a_mistake(path: str) -> None:
    (mistake,) = told(whole(in_flow(f'allow: [{{id: /web, paths: ["{path}"]}}]')))
    assert "paths[0]" in mistake
    assert "is no path such as /status or /reports/*" in mistake


def test_an_outbound_says_whom_it_expects() -> None:
    assert told(whole("outbound: [{listen: 127.0.0.1:1, to: a:1}]")) == [
        (
            "3: sidecar.outbound[0]: 'expect' is missing;"
            " expected the SPIFFE IDs that the server may have"
        )
    ]
    (mistake,) = told(whole(out_flow("expect: any identity of any trust domain")))
    assert mistake.endswith("expect: names everybody; name whom the app means to talk to")
