"""What the two kinds of stream have in common: names, versions sent, answers awaited."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

from accredit.identity.errors import RequestError
from accredit.sds_server.catalog import Catalog
from accredit.sds_server.peer import Holding, Peer
from accredit.sds_server.secrets import Secret
from accredit.sds_server.wire import joint_version

_MAX_UNANSWERED = 16


@dataclass(frozen=True, slots=True)
class Response:
    """One message to Envoy, not yet serialised."""

    version: str
    nonce: str
    secrets: tuple[Secret, ...]
    removed: tuple[str, ...] = ()


@dataclass(slots=True)
class StreamState:
    """One stream's part of a peer.

    ``everything`` means that it asked for no name in particular. ``_sent`` are the versions that
    need not be sent; ``holding`` also has what the client only says it has.
    """

    peer: Peer
    max_names: int
    names: dict[str, None] = field(default_factory=dict)
    everything: bool = False
    nonce: str = ""
    holding: Holding = field(default_factory=Holding)
    _sent: dict[str, str] = field(default_factory=dict)
    _unanswered: OrderedDict[str, tuple[Secret, ...]] = field(default_factory=OrderedDict)
    _count: int = 0

    def add(self, names: Iterable[str]) -> None:
        """Ask for more names.

        Raises:
            RequestError: more of them than one stream, or one connection, may ask for.
        """
        for name in names:
            if name not in self.names:
                if len(self.names) >= self.max_names:
                    raise RequestError(f"more than {self.max_names} resource names on one stream")
                self.peer.ask(name)
                self.names[name] = None

    def drop(self, names: Iterable[str]) -> None:
        """Ask for some names no more; unknown ones are ignored."""
        for name in names:
            if name in self.names:
                del self.names[name]
                self.peer.leave(name, self.holding)
                self._sent.pop(name, None)
                self.holding.versions.pop(name, None)

    def claim(self, name: str, version: str) -> None:
        """Note that Envoy says it has ``version`` of ``name`` from before."""
        self.holding.versions[name] = version

    def skip(self, name: str, version: str) -> None:
        """Do not send ``version`` of ``name``."""
        self._sent[name] = version

    def forget(self, name: str) -> None:
        """Send ``name`` again, even if nothing has changed."""
        self._sent.pop(name, None)
        if name in self.holding:
            self.holding.versions[name] = ""

    def due(self, catalog: Catalog) -> tuple[Secret, ...]:
        """Return what Envoy should have and was not sent on this stream."""
        if self.everything:
            self.add(catalog.everything())
        found = []
        for name in self.names:
            secret = self.peer.offer(name, catalog, self.holding)
            if secret is not None and secret.version != self._sent.get(name):
                found.append(secret)
        return tuple(found)

    def send(self, secrets: tuple[Secret, ...], removed: tuple[str, ...] = ()) -> Response:
        """Note that ``secrets`` go out together; return the message."""
        for secret in secrets:
            self.peer.sent(secret)
            self._sent[secret.name] = self.holding.versions[secret.name] = secret.version
        self._count += 1
        self.nonce = str(self._count)
        self._unanswered[self.nonce] = secrets
        if len(self._unanswered) > _MAX_UNANSWERED:
            self._unanswered.popitem(last=False)
        return Response(joint_version(self._sent.items()), self.nonce, secrets, removed)

    def settle(self, nonce: str, error: str | None) -> None:
        """Note an ACK, or a NACK with its text; a nonce that awaits no answer is ignored."""
        for secret in self._unanswered.pop(nonce, ()):
            if error is None:
                self.peer.accepted(secret)
            else:
                self.peer.refused(secret, error)

    def close(self) -> None:
        """Give all names back."""
        self.drop(tuple(self.names))
