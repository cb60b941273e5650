"""What a sidecar file is read with: what it leaves out, and what day it is."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from accredit.envoy.address import parse_socket
from accredit.envoy.peers import Peer, parse_peer
from accredit.envoy.sidecar import Profile
from accredit.identity.spiffe_id import TrustDomain

_JWKS = "jwks.sock"


def usable(socket: str) -> str:
    """Return the path of a socket, or nothing if there can be none there."""
    with suppress(ValueError):
        return parse_socket(socket)
    return ""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where things are on this machine when the file does not say, and ``today``'s date.

    Without a date a migration that should be over is no mistake.
    ``runtime_dir`` is where sockets go that live as long as the sidecar; empty where there is no
    such folder.
    """

    profile: Profile
    socket: str
    runtime_dir: str
    today: date | None


@dataclass(frozen=True, slots=True)
class Context:
    """The surroundings, the own trust domain if the file names one, and the agent's socket."""

    at: Surroundings
    own: TrustDomain | None
    socket: str

    @property
    def spire(self) -> bool:
        """Whether it is SPIRE Agent that is asked."""
        return self.at.profile is Profile.SPIRE

    @property
    def jwks(self) -> str:
        """The unix socket where the agent serves JWT keys; empty if it does not."""
        if self.spire or not self.socket:
            return ""
        return usable(str(Path(self.socket).with_name(_JWKS)))

    @property
    def peer(self) -> Callable[[str], Peer]:
        """What reads a peer."""
        return lambda text: parse_peer(text, self.own)
