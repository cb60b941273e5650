"""Valid sidecar files of every kind, for Hypothesis."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import count
from typing import Any

from hypothesis import strategies as st

from accredit.envoy.file.context import Surroundings
from accredit.envoy.peers import ANYBODY
from accredit.envoy.sidecar import Profile

TODAY = date(2026, 11, 27)
OWN = "own.example"
PARTNERS = ("partner.example", "b.example", "c.example")

_SEGMENT = st.text("abYN019._-", min_size=1, max_size=6).filter(lambda s: s not in {".", ".."})
_PATH = st.lists(_SEGMENT, min_size=1, max_size=3).map(lambda parts: "/" + "/".join(parts))
_HTTP_PATH = st.sampled_from(["/", "/*", "/status", "/reports/*", "/pkg.Service/Call", "/a-b_c~!/"])
_EXACT_PATH = _HTTP_PATH.filter(lambda path: not path.endswith("*"))
_EXACT_PATHS = st.lists(_EXACT_PATH, min_size=1, max_size=3, unique=True)
_DURATION = st.sampled_from(["1s", "90s", "5m", "1h30m", "30d"])
_AUDIENCE = st.sampled_from(["orders", "https://api.example/v1", "spiffe://b.example/a, b", "ä y"])
_NAME = st.sampled_from(["y", "N", "on", "null", "7", "0x10", "1e3", "web", "web-1.example_2"])
_METHODS = st.lists(st.sampled_from(["GET", "POST", "M-SEARCH"]), min_size=1, unique=True)
_HOST = st.sampled_from(["10.0.0.5", "[fd00::7]", "payments.internal", "y", "db_1.example."])
_MIN_TLS = st.sampled_from(["1.2", "1.3", 1.2, 1.3])
_UNTIL = st.integers(0, 366).map(lambda days: str(TODAY + timedelta(days=days)))
_SOCKET = st.sampled_from(["/run/app.sock", "unix:/run/n", "/" + "x" * 106, "/run/ä é.sock"])
# An app is neither Envoy's admin interface nor the agent.
_APP_SOCKET = st.sampled_from(["/run/its.sock", "/run/i", "/" + "y" * 106, "/run/é ä.sock"])


def surroundings(profile: Profile) -> Surroundings:
    return Surroundings(profile, "/run/accredit/public/api.sock", "/run", TODAY)


@dataclass
class _World:
    """Hands out what two parts of one file may not share."""

    draw: st.DrawFn
    profile: Profile
    ports: count[int] = field(default_factory=lambda: count(2001))
    numbers: count[int] = field(default_factory=count)

    def maybe(self, section: dict[str, Any], **fields: st.SearchStrategy[Any]) -> None:
        """Fill in some of the optional fields."""
        for name, values in fields.items():
            if self.draw(st.booleans()):
                section[name] = self.draw(values)

    def at(self, *hosts: str) -> str:
        return f"{self.draw(st.sampled_from(hosts))}:{next(self.ports)}"

    def few(self, make: Callable[[], Any], most: int = 2) -> Any:
        """Return a list or, now and then, the one item of it alone."""
        items = [make() for _ in range(self.draw(st.integers(1, most)))]
        return items[0] if len(items) == 1 and self.draw(st.booleans()) else items

    def peer(self, *trust_domains: str) -> str:
        """Return a peer that no other one of the file is part of, but for whole trust domains."""
        trust_domain = self.draw(st.sampled_from(trust_domains))
        path = f"/n{next(self.numbers)}{self.draw(_PATH)}" + self.draw(st.sampled_from(["", "/*"]))
        short = trust_domain == OWN and self.draw(st.booleans())
        return path if short else f"spiffe://{trust_domain}{path}"


@st.composite
def documents(draw: st.DrawFn, profile: Profile) -> dict[str, Any]:
    """Return what a valid file holds; listeners never share a port."""
    world = _World(draw, profile)
    sidecar: dict[str, Any] = {"trust_domain": OWN}
    world.maybe(
        sidecar,
        name=_NAME,
        spiffe_id=_PATH.map(f"spiffe://{OWN}".__add__) | _PATH,
        socket=_SOCKET.filter(lambda text: len(text) < 100),
        admin=_SOCKET,
        svid_ttl=st.sampled_from(["1s", "1h", "30d"]),
        access_log=st.sampled_from(["/var/log/web access.log", "/dev/stderr"]),
    )
    world.maybe(sidecar, connection_lifetime=st.just(sidecar.get("svid_ttl", "30m")))
    sides = draw(st.sampled_from([("inbound",), ("outbound",), ("inbound", "outbound")]))
    if "inbound" in sides:
        sidecar["inbound"] = world.few(lambda: _inbound(world))
    if "outbound" in sides:
        sidecar["outbound"] = world.few(lambda: _outbound(world))
        outbounds = sidecar["outbound"]
        outbounds = outbounds if isinstance(outbounds, list) else [outbounds]
        intercepted = [str(each["intercept"]) for each in outbounds if "intercept" in each]
        if intercepted:
            # Lists are shown in brackets as well.
            sidecar["redirect"] = _redirect(world, ipv6="]:" in "".join(intercepted))
    return {"sidecar": sidecar}


def _inbound(world: _World) -> dict[str, Any]:
    draw = world.draw
    protocol = draw(st.sampled_from(["http", "http2", "grpc", "tcp"]))
    app = world.at("127.0.0.1", "[::1]", "app.internal", "n")
    section: dict[str, Any] = {
        "listen": world.at("0.0.0.0", "10.0.0.5", "[::]", "[fd00::1]"),
        "app": draw(st.just(app) | _APP_SOCKET.map("unix:{}".format)),
        "allow": _allow(world, protocol),
    }
    world.maybe(section, protocol=st.just(protocol), min_tls=_MIN_TLS, mode=st.just("strict"))
    if protocol != "http":
        section["protocol"] = protocol
    if draw(st.booleans()):
        section |= {"mode": "permissive", "until": draw(_UNTIL)}
    if protocol != "tcp":
        world.maybe(section, timeout=_DURATION)
        if draw(st.booleans()):
            section["probe"] = {"listen": world.at("0.0.0.0"), "paths": draw(_EXACT_PATHS)}
        if draw(st.booleans()):
            section["jwt"] = _demand(world, anybody=section["allow"] == ANYBODY)
    world.maybe(section, health_check=st.just(_health_check(world, protocol)))
    return section


def _allow(world: _World, protocol: str) -> Any:
    draw = world.draw
    if draw(st.integers(0, 9)) == 0:
        return ANYBODY
    items: list[Any] = [f"spiffe://{PARTNERS[1]}/*"] if draw(st.booleans()) else []
    items += [world.peer(OWN, PARTNERS[0]) for _ in range(draw(st.integers(0, 2)))]
    if protocol != "tcp":
        items += [_limited(world) for _ in range(draw(st.integers(0, 2)))]
    return list(draw(st.permutations(items))) if items else world.peer(OWN)


def _limited(world: _World) -> dict[str, Any]:
    section: dict[str, Any] = {"id": world.few(lambda: world.peer(OWN, PARTNERS[0]))}
    paths = st.lists(_HTTP_PATH, min_size=1, max_size=3, unique=True)
    world.maybe(section, methods=_METHODS, paths=paths)
    return section if len(section) > 1 else {**section, "methods": "GET"}


def _demand(world: _World, *, anybody: bool) -> dict[str, Any]:
    section: dict[str, Any] = {"audience": world.draw(st.lists(_AUDIENCE, min_size=1, unique=True))}
    # Whose tokens "anybody" has no issuer's keys can tell, and SPIRE serves one trust domain's.
    spire = world.profile is Profile.SPIRE
    issuers = [world.draw(st.sampled_from([OWN, *PARTNERS]))] if spire else [OWN, *PARTNERS]
    if anybody or spire or world.draw(st.booleans()):
        section["allow"] = world.few(lambda: world.peer(*issuers))
    world.maybe(section, forward=st.booleans())
    if spire or world.draw(st.booleans()):
        section["jwks"] = world.draw(_SOCKET)
    return section


def _health_check(world: _World, protocol: str) -> dict[str, Any]:
    section: dict[str, Any] = {}
    world.maybe(section, interval=_DURATION, timeout=_DURATION)
    if protocol != "tcp":
        world.maybe(section, path=_EXACT_PATH)
    return section


def _outbound(world: _World) -> dict[str, Any]:
    draw = world.draw
    protocol = draw(st.sampled_from(["http", "http2", "grpc", "tcp"]))
    domains = [draw(st.sampled_from((OWN, *PARTNERS)))]
    if world.profile is Profile.ACCREDIT:
        domains = [OWN, *PARTNERS]
    section: dict[str, Any] = {"expect": world.few(lambda: world.peer(*domains))}
    world.maybe(section, protocol=st.just(protocol), min_tls=_MIN_TLS)
    if protocol != "http":
        section["protocol"] = protocol
    if protocol != "tcp":
        world.maybe(section, timeout=_DURATION, retries=st.integers(0, 10))
        if world.profile is Profile.ACCREDIT and draw(st.booleans()):
            section["jwt"] = {"audience": draw(_AUDIENCE)}
    _ways(world, section, protocol)
    return section


def _ways(world: _World, section: dict[str, Any], protocol: str) -> None:
    """Let the app come by a port, by interception or by both."""
    come = world.draw(st.sampled_from(["listen", "intercept", "both"]))
    if come != "intercept":
        section["listen"] = world.at("127.0.0.1", "[::1]")
        if world.draw(st.booleans()):
            section |= {"listen": world.at("10.0.0.5"), "remote_apps": True}
    if come != "listen":
        section["intercept"] = world.few(
            lambda: world.at("10.0.0.5", "10.0.0.0/8", "[fd00::7]", "[fd00::/8]", "*")
        )
    if come != "intercept" or world.draw(st.booleans()):
        section["to"] = world.few(lambda: f"{world.draw(_HOST)}:{next(world.ports)}")
        world.maybe(section, health_check=st.just(_health_check(world, protocol)))
    else:
        world.maybe(section, port=st.integers(1, 65535))


def _redirect(world: _World, *, ipv6: bool) -> dict[str, Any]:
    both = ["127.0.0.1:1501", "[::1]:1501"]
    section: dict[str, Any] = {"users": world.few(lambda: f"app-{next(world.numbers)}")}
    world.maybe(
        section,
        cgroups=st.just(["system.slice/legacy.service"]),
        otherwise=st.sampled_from(["pass", "refuse"]),
        listen=st.sampled_from([both] if ipv6 else [both, both[0]]),
    )
    return section
