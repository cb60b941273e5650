"""What one stream does with its inputs: requests and snapshots in, bytes out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from accredit.identity.clock import Clock
from accredit.rotation.snapshot import Snapshot
from accredit.rotation.token_follower import TokenFollower
from accredit.sds_server.catalog import Catalog, SnapshotCatalog
from accredit.sds_server.peer import Peer
from accredit.sds_server.requests import DeltaRequest, Request
from accredit.sds_server.secrets import Kind
from accredit.sds_server.settings import SdsSettings
from accredit.sds_server.stream_state import Response, StreamState

R = TypeVar("R", bound=Request | DeltaRequest)
R_contra = TypeVar("R_contra", bound=Request | DeltaRequest, contravariant=True)


class Machine(Protocol[R_contra]):
    """The state machine of one kind of stream."""

    @property
    def state(self) -> StreamState:
        """Names and versions."""
        ...

    def receive(self, request: R_contra) -> None:
        """Take a request in."""
        ...

    def respond(self, catalog: Catalog) -> Response | None:
        """Return what is to be sent, or None."""
        ...

    def encode(self, message: Response) -> bytes:
        """Return the message as it goes out."""
        ...


@dataclass(slots=True)
class Session(Generic[R]):
    """A machine with the snapshots it runs on, as one of its peer's streams."""

    peer: Peer
    machine: Machine[R]
    settings: SdsSettings
    clock: Clock
    tokens: TokenFollower

    def receive(self, request: R) -> None:
        """Take a request in; what Envoy says of itself holds for all streams of the connection."""
        if request.node is not None:
            self.peer.node = request.node
        self.machine.receive(request)

    def catalog(self, snapshot: Snapshot) -> SnapshotCatalog:
        """Return what names mean in this state."""
        now = self.clock.now()
        return SnapshotCatalog.of(snapshot, self.peer.node, self.settings, self.tokens, now)

    def message(self, snapshot: Snapshot) -> bytes | None:
        """Return what is to be sent in this state, or None.

        Raises:
            AttestationError: there is a token to be sent, and the caller is not who it was.
        """
        with self.tokens.round():
            answer = self.machine.respond(self.catalog(snapshot))
        if answer and any(secret.kind is Kind.TOKEN for secret in answer.secrets):
            # Rotation checks this before a new snapshot; a new token comes between two of them.
            self.peer.require_same()
        return self.machine.encode(answer) if answer else None

    def close(self) -> None:
        """Give back what the stream asked for."""
        self.machine.state.close()
        self.tokens.close()
