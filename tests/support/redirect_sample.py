"""A sidecar that an app's own connections are steered into."""

from __future__ import annotations

from dataclasses import replace

from accredit.envoy.address import Endpoint, parse_destination
from accredit.envoy.sidecar import Outbound, Protocol, Redirect, Sidecar
from support.sidecar_sample import OUTBOUND, SIDECAR, WEB

REDIRECT = Redirect(
    listen=(Endpoint("127.0.0.1", 15001), Endpoint("::1", 15001)), users=("legacy",)
)


def intercepting(*destinations: str, to: str = "", port: int = 0) -> Outbound:
    """Return an outbound that intercepts these, written as in a file."""
    return Outbound(
        expect=(WEB,),
        to=(Endpoint(to, 8443),) if to else (),
        port=port,
        protocol=Protocol.TCP,
        intercept=tuple(parse_destination(each) for each in destinations),
    )


def steering(*outbound: Outbound, redirect: Redirect | None = REDIRECT) -> Sidecar:
    """Return a sidecar with these outbounds, and one that the app has to be told of."""
    return replace(SIDECAR, outbound=(*outbound, OUTBOUND), redirect=redirect)
