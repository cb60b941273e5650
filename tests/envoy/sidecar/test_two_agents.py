"""Two trust domains, each with an agent of its own that has the other's bundle from a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import needs
from support.sidecar import app, caller, legacy_app, side
from support.sidecar.side import Side
from support.sidecar_pair import free_port

from accredit.envoy.sidecar import Profile, Protocol


@pytest.fixture
def sides(folder: Path) -> Iterator[tuple[Side, Side]]:
    needs.envoy()
    with side.two(folder) as found:
        yield found


@pytest.mark.parametrize("profile", Profile, ids=lambda each: each.value)
def test_a_caller_of_another_trust_domain_gets_through_and_is_known(
    sides: tuple[Side, Side], profile: Profile
) -> None:
    shop, stock = sides
    at, mtls, front = (free_port() for _ in range(3))
    stock_text = f"""
sidecar:
  spiffe_id: spiffe://stock.example/api
  inbound:
    - {{listen: "{mtls}", app: "{at}", allow: ["spiffe://shop.example/*", /own]}}
"""
    shop_text = f"""
sidecar:
  spiffe_id: spiffe://shop.example/web
  outbound:
    - {{listen: "{front}", to: "{mtls}", expect: "spiffe://stock.example/api"}}
"""
    with (
        app.serving(at, legacy_app.talk),
        stock.sidecar(stock_text, profile),
        shop.sidecar(shop_text, profile),
        app.connect(front) as sock,
    ):
        answer = caller.get(sock)
        assert answer.status == 200
        fields = dict(json.loads(answer.body)["fields"])
        assert fields["x-forwarded-client-cert"].startswith("By=spiffe://stock.example/api;")
        assert fields["x-forwarded-client-cert"].endswith(";URI=spiffe://shop.example/web")
        assert not caller.is_served(Protocol.HTTP, mtls, None)
