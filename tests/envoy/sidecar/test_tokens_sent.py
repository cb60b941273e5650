"""JWT-SVIDs that one sidecar sends along and another demands, between two trust domains."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import jwt
import pytest
from support import needs
from support.eventually import wait_until
from support.sidecar import app, caller, legacy_app, side
from support.sidecar.http1 import Message, values
from support.sidecar_pair import free_port

from accredit.envoy.address import Endpoint
from accredit.envoy.sidecar import Profile

_SHOP, _STOCK = "spiffe://shop.example/web", "spiffe://stock.example/api"


@dataclass
class Ways:
    """Where the shop's app sends its requests, by what becomes of their tokens."""

    taken: Endpoint
    forwarded: Endpoint
    for_another: Endpoint
    not_sent: Endpoint
    subject_refused: Endpoint


@pytest.fixture(scope="module")
def ways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ways]:
    needs.envoy()
    ways = Ways(*(free_port() for _ in range(5)))
    taking, forwarding, refusing, to = (free_port() for _ in range(4))
    stock_text = f"sidecar:\n  spiffe_id: {_STOCK}\n  inbound:\n"
    for listen, subjects, more in (
        (taking, f"{_SHOP}", ""),
        (forwarding, "spiffe://shop.example/*", "forward: true, "),
        (refusing, "spiffe://shop.example/other", ""),
    ):
        stock_text += f"    - {{listen: '{listen}', app: '{to}', allow: ['{_SHOP}'],"
        stock_text += f" jwt: {{{more}audience: stock, allow: ['{subjects}']}}}}\n"
    shop_text = f"sidecar:\n  spiffe_id: {_SHOP}\n  outbound:\n"
    for listen, server, token in (
        (ways.taken, taking, "jwt: {audience: stock}"),
        (ways.forwarded, forwarding, "jwt: {audience: stock}"),
        (ways.for_another, taking, "jwt: {audience: another}"),
        (ways.not_sent, taking, ""),
        (ways.subject_refused, refusing, "jwt: {audience: stock}"),
    ):
        shop_text += f"    - {{listen: '{listen}', to: '{server}', expect: '{_STOCK}', {token}}}\n"
    folder = tmp_path_factory.mktemp("t")
    with (
        side.two(folder) as (shop, stock),
        app.serving(to, legacy_app.talk),
        stock.sidecar(stock_text, Profile.ACCREDIT),
        shop.sidecar(shop_text, Profile.ACCREDIT),
    ):
        # Each inbound waits for its first try to fetch keys only, which may take too long for it.
        for way in (ways.taken, ways.forwarded, ways.subject_refused):
            wait_until(lambda way=way: _ask(way).status != 401, 60, "the keys are there")  # type: ignore[misc]
        yield ways


def _ask(at: Endpoint, *fields: str) -> Message:
    with app.connect(at) as sock:
        return caller.get(sock, "/", *fields)


def _authorization(answer: Message) -> list[str]:
    assert answer.status == 200
    return values(
        [(name, value) for name, value in json.loads(answer.body)["fields"]], "authorization"
    )


def test_a_token_is_sent_along_and_stays_with_the_sidecar_that_demands_it(ways: Ways) -> None:
    assert _authorization(_ask(ways.taken)) == []


def test_the_token_says_who_calls_whom(ways: Ways) -> None:
    (sent,) = _authorization(_ask(ways.forwarded))
    claims = jwt.decode(sent.removeprefix("Bearer "), options={"verify_signature": False})
    assert (claims["sub"], claims["aud"]) == (_SHOP, ["stock"])


@pytest.mark.parametrize("own", ["Basic dTpw", "Bearer of-the-app"])
def test_what_the_app_itself_sent_is_replaced(ways: Ways, own: str) -> None:
    (sent,) = _authorization(_ask(ways.forwarded, f"Authorization: {own}"))
    assert sent.startswith("Bearer ey")


def test_a_token_for_another_or_none_or_of_another_subject_is_refused(ways: Ways) -> None:
    assert _ask(ways.for_another).status == 403
    assert _ask(ways.not_sent).status == 401
    assert _ask(ways.subject_refused).status == 403
