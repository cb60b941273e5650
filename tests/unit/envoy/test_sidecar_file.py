from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from support.sidecar_documents import surroundings
from support.sidecar_text import read as read_text
from support.sidecar_text import told, whole

from accredit.envoy.sidecar import Profile
from accredit.envoy.sidecar_file import parse, read
from accredit.identity.errors import ConfigError

_AT = surroundings(Profile.ACCREDIT)
_WHOLE = whole()


def test_ten_lines_are_enough() -> None:
    sidecar = read_text(_WHOLE)
    assert (sidecar.name, sidecar.identity) == ("web", "default")
    assert sidecar.socket == "/run/accredit/public/api.sock"
    assert sidecar.admin_socket == "/run/sidecar-web/admin.sock"
    assert (sidecar.svid_ttl, sidecar.lifetime) == (timedelta(hours=1), timedelta(minutes=30))
    assert (sidecar.access_log, sidecar.redirect, sidecar.outbound) == ("", None, ())


def test_what_is_said_is_read() -> None:
    fields = "name: shop-1\nspiffe_id: spiffe://own.example/shop\nsocket: unix:/run/agent.sock\n"
    fields += "admin: /run/shop.sock\nsvid_ttl: 2h\nconnection_lifetime: 2h\naccess_log: /var/l o\n"
    sidecar = read_text(_WHOLE + "".join(f"  {line}\n" for line in fields.splitlines()))
    assert (sidecar.name, sidecar.identity) == ("shop-1", "spiffe://own.example/shop")
    assert (sidecar.socket, sidecar.admin_socket) == ("/run/agent.sock", "/run/shop.sock")
    assert (sidecar.lifetime, sidecar.access_log) == (timedelta(hours=2), "/var/l o")


def test_the_own_id_may_be_a_path_and_paths_may_be_of_the_own_ids_trust_domain() -> None:
    assert str(read_text(_WHOLE + "  spiffe_id: /shop\n").spiffe_id) == "spiffe://own.example/shop"
    by_id = _WHOLE.replace("trust_domain: own.example", "spiffe_id: spiffe://b.example/shop")
    assert str(read_text(by_id).inbound[0].peers[0]) == "spiffe://b.example/web"


@pytest.mark.parametrize(
    ("text", "mistakes"),
    [
        ("", ["'sidecar' is missing; expected it at the top, and all the rest below it"]),
        ("- a\n", ["1: 'sidecar' is missing"]),
        ("sidecar:\n", ["1: sidecar: is empty"]),
        ("\nsidecar: 5\n", ["2: sidecar: expected keys and values"]),
        ("inbound: []\n", ["1: inbound: unknown key; expected sidecar", "1: 'sidecar' is missing"]),
        ("sidecar: {}\n", ["1: sidecar: 'inbound' is missing; expected who may call the app"]),
        (
            "sidecar: {inbound: [], outbound: []}\n",
            ["1: sidecar.inbound: is empty", "1: sidecar.outbound: is empty"],
        ),
        ("sidecar: {inbound: 0}\n", ["1: sidecar.inbound: expected keys and values"]),
        (_WHOLE + "sidecar: {}\n", ["4: sidecar: is given twice, first in line 1"]),
        (_WHOLE + "---\n", ["4: holds a second document"]),
        (_WHOLE + "  name: !!str a\n", ["4: sidecar.name: has a tag"]),
        (_WHOLE + "  <<: {}\n", ["4: sidecar: has a merge key"]),
        (_WHOLE + "  name: a\x07\n", ["4: holds the control character '\\x07'"]),
        (_WHOLE + "\tname: a\n", ["4: is not YAML: a tab"]),
        (_WHOLE + '  "\\e[2J": a\n', ["4: sidecar.'\\x1b[2J': unknown key; expected name"]),
        (_WHOLE + "  name: a/b\n", ["4: sidecar.name: expected a name of letters, digits"]),
        (
            _WHOLE + "  spiffe_id: spiffe://b.example/a\n",
            ["4: sidecar.spiffe_id: is not of the trust domain own.example"],
        ),
        (
            _WHOLE + "  spiffe_id: spiffe://own.example\n",
            ["4: sidecar.spiffe_id: is a trust domain; a workload's SPIFFE ID has a path"],
        ),
        (
            "sidecar: {spiffe_id: /a, inbound: []}\n",
            ["1: sidecar.inbound: is empty", "1: sidecar.spiffe_id: '/a' has no trust domain"],
        ),
        (_WHOLE + "  svid_ttl: 30\n", ["4: sidecar.svid_ttl: expected text"]),
        (
            _WHOLE + "  access_log: access.log\n",
            ["4: sidecar.access_log: expected an absolute path"],
        ),
        (
            _WHOLE + "  socket: api.sock\n  admin: /run/\n",
            ["4: sidecar.socket: 'api.sock' is no", "5: sidecar.admin: '/run/' is no"],
        ),
    ],
)
def test_each_mistake_is_told_in_its_line(text: str, mistakes: list[str]) -> None:
    found = told(text)
    assert len(found) == len(mistakes), found
    for each, mistake in zip(found, mistakes, strict=True):
        assert each.lstrip().startswith(mistake)


def test_mistakes_of_every_part_come_at_once_in_the_order_of_the_lines() -> None:
    text = """\
sidecar:
  nam: web
  inbound:
    - app: 127.0.0.1:8080
      listen: 8443
      alow: [/web]
    -
      listen: 0.0.0.0:8444
      app: 127.0.0.1:8081
      allow:
        - spiffe://b.example/web
        - "*"
  outbound:
    listen: 127.0.0.1:9001
    to: server
    expect: [{id: a}]
"""
    assert [each.partition(";")[0] for each in told(text)] == [
        "2: sidecar.nam: unknown key",
        "4: sidecar.inbound[0]: 'allow' is missing",
        "5: sidecar.inbound[0].listen: expected text",
        "6: sidecar.inbound[0].alow: unknown key",
        "12: sidecar.inbound[1].allow[1]: '*' would be everybody",
        "15: sidecar.outbound.to: 'server' has no port",
        "16: sidecar.outbound.expect[0]: expected text",
    ]


def test_an_alias_is_told_where_its_anchor_stands() -> None:
    text = whole("inbound:\n  - &a {listen: 0.0.0.0:1, app: x, allow: /web}\n  - *a")
    assert [each.partition(": '")[0] for each in told(text)] == [
        "4: sidecar.inbound[0].app",
        "4: sidecar.inbound[1].app",
    ]


@pytest.mark.parametrize(
    ("at", "key"),
    [
        (replace(_AT, socket=""), "socket"),
        (replace(_AT, socket="/" + "x" * 107), "socket"),
        (replace(_AT, runtime_dir=""), "admin"),
        (replace(_AT, runtime_dir="/" + "x" * 90), "admin"),
    ],
)
def test_where_a_machine_has_no_place_the_file_must_say_one(at: object, key: str) -> None:
    with pytest.raises(ConfigError, match=f"'{key}' is missing"):
        parse(_WHOLE, Path("web.yaml"), at)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["web.yaml", "web.sidecar.yaml", "/etc/web"])
def test_a_sidecar_is_called_like_its_file(name: str) -> None:
    assert parse(_WHOLE, Path(name), _AT).name == "web"


def test_a_file_whose_name_cannot_be_a_sidecars_needs_a_name_in_it() -> None:
    path = Path("my web.yaml")
    with pytest.raises(ConfigError, match="'name' is missing"):
        parse(_WHOLE, path, _AT)
    assert parse(_WHOLE + "  name: web\n", path, _AT).name == "web"


def test_a_file_is_read_with_or_without_a_byte_order_mark(tmp_path: Path) -> None:
    file = tmp_path / "web.yaml"
    for mark in ("", "\ufeff"):
        file.write_text(mark + _WHOLE)
        assert read(file, _AT).name == "web"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "web.yaml: cannot be read: no such file"),
        (b"a: b\n\xff", "web.yaml:2: is not UTF-8 text"),
        (b"#" * (1024 * 1024 + 1), "web.yaml: is larger than 1048576 bytes"),
    ],
)
def test_a_file_that_cannot_be_read_is_told(
    tmp_path: Path, content: bytes | None, reason: str
) -> None:
    if content is not None:
        (tmp_path / "web.yaml").write_bytes(content)
    with pytest.raises(ConfigError, match=reason):
        read(tmp_path / "web.yaml", _AT)
    with pytest.raises(ConfigError, match="cannot be read: is a directory"):
        read(tmp_path, _AT)


def test_a_file_without_an_end_is_not_read_to_its_end() -> None:
    with pytest.raises(ConfigError, match="is larger than"):
        read(Path("/dev/zero"), _AT)


@pytest.mark.parametrize(
    "text",
    [
        "sidecar: {" + ", ".join(f"k{n}: 1" for n in range(80_000)) + "}",
        whole("inbound:\n" + "  - {listen: 0.0.0.0:8443, app: a:1, allow: /a}\n" * 20_000),
        whole(
            "inbound: [{listen: 0.0.0.0:1, app: a:1, allow: ["
            + ", ".join(f"/a{n}" for n in range(100_000))
            + "]}]"
        ),
        whole("inbound: [" * 200),
        "a: &a [x, x]\n" + "".join(f"b{n}: &b{n} [*a, *a]\n" for n in range(9)),
    ],
    ids=["unknown keys", "inbounds", "callers", "depth", "aliases"],
)
def test_a_large_file_is_read_or_refused(text: str) -> None:
    # Bounded by pytest's own timeout; what took quadratic time would take hours.
    assert len(told(text)) <= 2100
