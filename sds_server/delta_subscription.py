"""A delta stream: requests and states in, messages out. No I/O, no clock.

What differs from the state of the world: names come and go one by one, so no request is stale; a
client that reconnects says which versions it holds, and is sent only what differs; subscribing
again asks for the resource again. A name that can never be valid here is answered with
``removed_resources``, which ends Envoy's waiting; one that is not granted yet is not, so that
Envoy's readiness stays honest.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from accredit.sds_server.catalog import Catalog
from accredit.sds_server.names import Never
from accredit.sds_server.requests import DeltaRequest
from accredit.sds_server.stream_state import Response, StreamState
from accredit.sds_server.wire import delta_response


@dataclass(slots=True)
class DeltaSubscription:
    """One DeltaSecrets stream. ``_unanswered`` are names subscribed to since the last message."""

    state: StreamState
    _first: bool = True
    _unanswered: dict[str, None] = field(default_factory=dict)

    def receive(self, request: DeltaRequest) -> None:
        """Take a request in.

        Raises:
            RequestError: it asks for more names than one stream may.
        """
        self.state.settle(request.nonce, request.error)
        if self._first:
            self._first = False
            self.state.everything = not request.subscribe
        self._unsubscribe(request.unsubscribe)
        self._subscribe(request)

    def _unsubscribe(self, names: tuple[str, ...]) -> None:
        self.state.drop(names)
        for name in names:
            self._unanswered.pop(name, None)

    def _subscribe(self, request: DeltaRequest) -> None:
        self.state.add(request.subscribe)
        for name in request.subscribe:
            self.state.forget(name)
            self._unanswered[name] = None
        for name, version in request.versions.items():
            if name in self.state.names or self.state.everything:
                self.state.claim(name, version)
                self.state.skip(name, version)

    def respond(self, catalog: Catalog) -> Response | None:
        """Return what Envoy should have and does not have, or None."""
        due = self.state.due(catalog)
        never = tuple(n for n in self._unanswered if isinstance(catalog.look_up(n), Never))
        self._unanswered.clear()
        return self.state.send(due, never) if due or never else None

    def encode(self, message: Response) -> bytes:
        """Return the message as a DeltaDiscoveryResponse."""
        framed = (each.framed_delta for each in message.secrets)
        return delta_response(message.version, message.nonce, framed, message.removed)
