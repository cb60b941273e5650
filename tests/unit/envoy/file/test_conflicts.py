from __future__ import annotations

import pytest
from support.sidecar_text import told, whole

_IN = "  - {{listen: {}, app: {}, allow: /web{}}}\n"
_OUT = "  - {{{}, to: server:8443, expect: /server}}\n"


def _inbounds(*pairs: tuple[str, str], more: str = "") -> str:
    return "inbound:\n" + "".join(_IN.format(*pair, more) for pair in pairs)


def _outbounds(*ways: str) -> str:
    return "outbound:\n" + "".join(_OUT.format(way) for way in ways)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("10.0.0.5:80", "10.0.0.5:80"),
        ("0.0.0.0:80", "10.0.0.5:80"),
        ("'[::1]:80'", "'[::]:80'"),
        ("'[::]:80'", "10.0.0.5:80"),
    ],
)
def test_two_listeners_cannot_have_one_port(one: str, other: str) -> None:
    app = "127.0.0.1:1"
    for first, second in ((one, other), (other, one)):
        (mistake,) = told(whole(_inbounds((first, app), (second, app))))
        assert mistake.startswith("5: sidecar.inbound[1].listen: ")
        assert f"{second.strip(chr(39))} is taken by {first.strip(chr(39))} of this file" in mistake


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("10.0.0.5:80", "10.0.0.5:81"),
        ("10.0.0.5:80", "10.0.0.6:80"),
        ("0.0.0.0:80", "'[::1]:80'"),
        ("'[fd00::1]:80'", "'[fd00::2]:80'"),
    ],
)
def test_listeners_beside_each_other_are_fine(one: str, other: str) -> None:
    assert told(whole(_inbounds((one, "127.0.0.1:1"), (other, "127.0.0.1:1")))) == []


def test_places_are_right_behind_a_part_that_could_not_be_read() -> None:
    text = _inbounds(("nowhere", "a:1"), ("10.0.0.5:80", "a:1"), ("10.0.0.5:80", "a:1"))
    assert [
        each.partition(": ")[0] + each.partition(": ")[2][:28] for each in told(whole(text))
    ] == [
        "4sidecar.inbound[0].listen: '",
        "6sidecar.inbound[2].listen: 1",
    ]


def test_probes_outbounds_and_redirects_have_ports_too() -> None:
    text = _inbounds(("10.0.0.5:80", "a:1"), more=", probe: {listen: 0.0.0.0:80, paths: /healthz}")
    text += _outbounds("listen: 127.0.0.1:80, intercept: '*:80'")
    text += "redirect: {users: app, listen: 127.0.0.1:80}"
    assert [each.partition(" is taken")[0] for each in told(whole(text))] == [
        "4: sidecar.inbound[0].probe.listen: 0.0.0.0:80",
        "6: sidecar.outbound[0].listen: 127.0.0.1:80",
        "7: sidecar.redirect.listen: 127.0.0.1:80",
    ]


@pytest.mark.parametrize(
    ("listen", "app"),
    [
        ("10.0.0.5:80", "10.0.0.5:80"),
        ("10.0.0.5:80", "0.0.0.0:80"),
        ("10.0.0.5:80", "127.0.0.1:9001"),
        ("0.0.0.0:80", "127.0.0.1:80"),
        ("'[::]:80'", "127.0.0.1:80"),
        ("'[::]:80'", "'[::1]:80'"),
    ],
)
def test_what_this_sidecar_listens_on_is_no_app(listen: str, app: str) -> None:
    text = _inbounds((listen, app)) + _outbounds("listen: 127.0.0.1:9001")
    (mistake,) = told(whole(text))
    assert mistake.startswith("4: sidecar.inbound[0].app: is where this sidecar listens")


@pytest.mark.parametrize(
    "app", ["'unix:/run/a'", "127.0.0.1:81", "app:80", "10.0.0.9:80", "'[::1]:80'"]
)
def test_apps_elsewhere_are_fine(app: str) -> None:
    assert told(whole(_inbounds(("0.0.0.0:80", app)))) == []


def test_a_destination_has_one_outbound() -> None:
    text = "redirect: {users: app}\n" + _outbounds(
        "intercept: '*:80'", "intercept: ['*:81', '*:80']"
    )
    assert told(whole(text)) == [
        "6: sidecar.outbound[1].intercept[1]: *:80 is intercepted by outbound[0] already"
    ]


def test_interception_and_redirect_need_each_other() -> None:
    (mistake,) = told(whole(_outbounds("listen: 127.0.0.1:1", "intercept: '*:80'")))
    assert mistake.startswith("5: sidecar.outbound[1].intercept: needs 'redirect:' beside")
    assert told(whole(_outbounds("listen: 127.0.0.1:1") + "redirect: {users: app}")) == [
        "5: sidecar.redirect: has nothing to steer; give an outbound 'intercept'"
    ]


def test_what_could_not_be_read_is_told_as_that_alone() -> None:
    intercepting = _outbounds("intercept: ['*:80', nowhere]", "intercept: ['*:99999', '*:80']")
    mistakes = told(whole(f"redirect: {{users: '-'}}\n{intercepting}"))
    assert [each.split(":")[:2] for each in mistakes] == [
        ["3", " sidecar.redirect.users"],
        ["5", " sidecar.outbound[0].intercept[1]"],
        ["6", " sidecar.outbound[1].intercept[0]"],
        ["6", " sidecar.outbound[1].intercept[1]"],
    ]
    (mistake,) = told(whole("redirect: app\n" + _outbounds("intercept: '*:80'")))
    assert mistake == "3: sidecar.redirect: expected keys and values"
    (mistake,) = told(whole("redirect: {users: app}\n" + _outbounds("intercept: '*:0'")))
    assert mistake.startswith("5: sidecar.outbound[0].intercept: ")


@pytest.mark.parametrize("socket", ["/run/own.sock", "/run/../run/own.sock"])
@pytest.mark.parametrize(
    ("key", "what"), [("admin", "Envoy's admin socket"), ("socket", "the agent's socket")]
)
def test_the_app_is_neither_envoys_admin_interface_nor_the_agent(
    key: str, what: str, socket: str
) -> None:
    text = whole(_inbounds(("0.0.0.0:1", f"'unix:{socket}'")) + f"{key}: /run/own.sock\n")
    (mistake,) = told(text)
    assert mistake.endswith(f"sidecar.inbound[0].app: is {what}; expected the app's own address")
