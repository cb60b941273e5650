"""An Envoy's streams over one connection, and what is told of their secrets."""

from __future__ import annotations

from typing import Any

from accredit.sds_server.names import Parked
from accredit.sds_server.peer import Peer
from accredit.sds_server.requests import Request
from accredit.sds_server.subscription import Subscription
from support.sds_playbook import Player, State

NOBODY_NOW = Parked("no registration entry matches the caller", revoked=True)


def line(of: Peer, name: str = "a") -> dict[str, Any]:
    found = [each for each in of.describe()["secrets"] if each["name"] == name]  # type: ignore[attr-defined]
    assert len(found) == 1
    return dict(found[0])


def streams(of: Peer, state: State, *names: str) -> list[Player]:
    """Return one stream for each name, as Envoy opens them, with its secret accepted."""
    players = []
    for name in names:
        player = Player(Subscription, of)
        player.play(state)
        player.play(Request((name,)))
        player.play(Request((name,), nonce="1"))
        players.append(player)
    return players
