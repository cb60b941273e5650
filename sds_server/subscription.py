"""A state-of-the-world stream: requests and states in, messages out. No I/O, no clock.

The rules, in the words of the xDS protocol:

- A request that answers no message but the latest is stale: its names count for nothing, since the
  client will say them again with the nonce of the latest. What it says of the older message counts.
- ``error_detail`` makes a request a NACK, whatever version it carries.
- No name at all in the first request asks for everything, as in SPIRE; after a list of names it
  means that the last of them is no longer wanted.
- The first request is answered whatever version it carries: an Envoy that reconnects says the
  version it accepted last, and is not thereby up to date in all its contexts.
- An answer to a request is never itself answered, unless it changes what should be sent.
"""

from __future__ import annotations

from dataclasses import dataclass

from accredit.sds_server.catalog import Catalog
from accredit.sds_server.requests import Request
from accredit.sds_server.stream_state import Response, StreamState
from accredit.sds_server.wire import response


@dataclass(slots=True)
class Subscription:
    """One StreamSecrets stream."""

    state: StreamState
    _first: bool = True

    def receive(self, request: Request) -> None:
        """Take a request in.

        Raises:
            RequestError: it asks for more names than one stream may.
        """
        self.state.settle(request.nonce, request.error)
        if self._first:
            self._begin(request)
        elif request.nonce == self.state.nonce:
            self._name(request.names)

    def _begin(self, request: Request) -> None:
        self._first = False
        self.state.everything = not request.names
        self._name(request.names)
        if request.version:
            for name in request.names:
                self.state.claim(name, "")  # its version stands for all names together

    def _name(self, names: tuple[str, ...]) -> None:
        if self.state.everything and not names:
            return
        self.state.everything = False
        self.state.drop(tuple(self.state.names.keys() - names))
        self.state.add(names)

    def respond(self, catalog: Catalog) -> Response | None:
        """Return what Envoy should have and was not sent, or None."""
        return self.state.send(due) if (due := self.state.due(catalog)) else None

    def encode(self, message: Response) -> bytes:
        """Return the message as a DiscoveryResponse."""
        return response(message.version, message.nonce, (each.framed for each in message.secrets))
