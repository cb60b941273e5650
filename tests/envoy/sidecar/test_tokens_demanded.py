"""JWT-SVIDs that an inbound demands beside the certificate: those it takes and the others."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from support.ca import TestCa
from support.eventually import wait_until
from support.sidecar import app, caller, jwks_app, legacy_app
from support.sidecar.http1 import Message, values
from support.sidecar.world import APP, FRONTEND, World
from support.sidecar_pair import free_port
from support.token import Token, part

from accredit.envoy.address import Endpoint, Pipe

_USER, _PORTAL = "spiffe://prod.example/ns/users/ada", "spiffe://partner.example/portal"
_CLAIMS = {"sub": _USER, "aud": ["checkout"]}


@dataclass
class Guarded:
    """One app behind two inbounds; the second leaves the token in the request."""

    at: Endpoint
    forwarding: Endpoint
    certificate: Path


@pytest.fixture(scope="module")
def guarded(world: World) -> Iterator[Guarded]:
    to, at, forwarding = free_port(), free_port(), free_port()
    keys = Pipe(str(world.folder / "jwks.sock"))  # where the agent serves them
    text = f"sidecar:\n  spiffe_id: {APP}\n  inbound:\n"
    for listen, more in ((at, ""), (forwarding, "        forward: true\n")):
        text += f"    - listen: {listen}\n      app: {to}\n      allow: {FRONTEND}\n      jwt:\n"
        text += f"        audience: [checkout, other]\n        allow: [/ns/users/*, '{_PORTAL}']\n"
        text += more
    with (
        app.serving(to, legacy_app.talk),
        app.serving(keys, jwks_app.of(world.prod.bundle(), world.partner.bundle())),
        world.sidecar("guarded", text),
    ):
        found = Guarded(at, forwarding, world.pem(world.prod.issue(FRONTEND)))
        # Each inbound waits for its first try to fetch keys only, which may take too long for it.
        for token in (_token(world, world.prod), _token(world, world.partner, sub=_PORTAL)):
            for way in (at, forwarding):
                wait_until(
                    lambda token=token, way=way: _ask(found, _bearer(token), at=way).status == 200,  # type: ignore[misc]
                    30,
                    "the keys are there",
                )
        yield found


def _ask(of: Guarded, *fields: str, target: str = "/", at: Endpoint | None = None) -> Message:
    with caller.connect(at or of.at, of.certificate) as sock:
        return caller.get(sock, target, *fields)


def _token(world: World, ca: TestCa, **changes: object) -> Token:
    header = {"kid": ca.jwt_authority.key_id}
    return Token(ca.jwt_key, header, {**_CLAIMS, **changes}, now=world.now)


def _bearer(token: object) -> str:
    return f"Authorization: Bearer {token}"


def _unsigned(world: World) -> str:
    head, claims, _ = str(_token(world, world.prod).but(header={"alg": "none"})).split(".")
    return f"{head}.{claims}."


def _hmac(world: World) -> str:
    public = world.prod.jwt_key.public_key()
    secret = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signed, _, _ = str(_token(world, world.prod).but(alg="HS256")).rpartition(".")
    return f"{signed}.{part(hmac.digest(secret, signed.encode(), 'sha256'))}"


_GOOD: dict[str, Callable[[World], object]] = {
    "own user": lambda of: _token(of, of.prod),
    "partner's portal": lambda of: _token(of, of.partner, sub=_PORTAL),
    "one of many audiences": lambda of: _token(of, of.prod, aud=["x", "other"]),
    "one audience as text": lambda of: _token(of, of.prod, aud="checkout"),
    "more claims": lambda of: _token(of, of.prod, groups=["a"]),
}
_BAD: dict[str, Callable[[World], object]] = {
    "no token": lambda _: "",
    "no token at all but text": lambda _: "hello",
    "expired": lambda of: _token(of, of.prod, exp=int(of.now.timestamp()) - 60),
    "no expiry": lambda of: _token(of, of.prod, exp=None),
    "not valid yet": lambda of: _token(of, of.prod, nbf=int(of.now.timestamp()) + 3600),
    "another audience": lambda of: _token(of, of.prod, aud=["ledger"]),
    "an audience that begins alike": lambda of: _token(of, of.prod, aud=["checkout2"]),
    "no audience": lambda of: _token(of, of.prod, aud=None),
    "another subject": lambda of: _token(of, of.prod, sub=FRONTEND),
    "a subject that begins alike": lambda of: _token(
        of, of.prod, sub="spiffe://prod.example/ns/users-evil/x"
    ),
    "the path itself": lambda of: _token(of, of.prod, sub="spiffe://prod.example/ns/users"),
    "no subject": lambda of: _token(of, of.prod, sub=None),
    "another of the partner": lambda of: _token(of, of.partner, sub=f"{_PORTAL}2"),
    "partner's key, own subject": lambda of: _token(of, of.partner),
    "own key, partner's subject": lambda of: _token(of, of.prod, sub=_PORTAL),
    "trust domain that begins alike": lambda of: _token(
        of, of.evil, sub="spiffe://prod.example.evil/ns/users/ada"
    ),
    "unknown key": lambda of: _token(of, TestCa("prod.example", now=of.now)),
    "unknown key under a known name": lambda of: _token(of, TestCa("prod.example", now=of.now)).but(
        header={"kid": of.prod.jwt_authority.key_id}
    ),
    "unsigned": _unsigned,
    "signed with the public key as a secret": _hmac,
    "signature cut": lambda of: str(_token(of, of.prod))[:-4],
}


@pytest.mark.parametrize("make", _GOOD.values(), ids=_GOOD)
def test_a_good_token_opens_and_stays_with_the_sidecar(
    world: World, guarded: Guarded, make: Callable[[World], object]
) -> None:
    token = str(make(world))
    answer = _ask(guarded, _bearer(token))
    assert answer.status == 200
    assert token not in answer.body.decode()


@pytest.mark.parametrize("make", _BAD.values(), ids=_BAD)
def test_a_bad_token_does_not(
    world: World, guarded: Guarded, make: Callable[[World], object]
) -> None:
    assert _ask(guarded, _bearer(make(world))).status in (401, 403)


def test_a_request_without_the_field_is_refused(guarded: Guarded) -> None:
    assert _ask(guarded).status == 401


def test_a_token_elsewhere_than_in_its_field_is_none(world: World, guarded: Guarded) -> None:
    token = str(_token(world, world.prod))
    assert _ask(guarded, target=f"/?access_token={token}").status == 401
    assert _ask(guarded, f"X-Authorization: Bearer {token}").status == 401
    assert _ask(guarded, f"Cookie: Authorization={token}").status == 401
    assert _ask(guarded, f"Authorization: Basic {token}").status == 401


def test_of_two_tokens_both_have_to_be_good(world: World, guarded: Guarded) -> None:
    good, bad = (_bearer(_token(world, each)) for each in (world.prod, world.partner))
    assert _ask(guarded, good).status == 200
    for both in ((good, bad), (bad, good)):
        assert _ask(guarded, *both).status in (401, 403)


def test_a_token_is_left_in_the_request_where_the_file_says_so(
    world: World, guarded: Guarded
) -> None:
    sent = f"Bearer {_token(world, world.prod)}"
    answer = _ask(guarded, f"Authorization: {sent}", at=guarded.forwarding)
    seen = [(name, value) for name, value in json.loads(answer.body)["fields"]]
    assert values(seen, "authorization") == [sent]


def test_a_token_does_not_stand_in_for_a_certificate(world: World, guarded: Guarded) -> None:
    with pytest.raises((OSError, EOFError)), caller.connect(guarded.at, None) as sock:
        caller.get(sock, "/", _bearer(_token(world, world.prod)))
