"""A sidecar with one way in and one way out."""

from __future__ import annotations

from accredit.envoy.sidecar import Endpoint, Inbound, Outbound, Sidecar
from accredit.identity.spiffe_id import SpiffeId, TrustDomain

TRUST_DOMAIN = TrustDomain("td.example")
WEB = SpiffeId(TRUST_DOMAIN, "/web")
SHOP = SpiffeId(TRUST_DOMAIN, "/shop")
PARTNER = SpiffeId.parse("spiffe://partner.example/web")

INBOUND = Inbound(Endpoint("127.0.0.1", 8443), Endpoint("127.0.0.1", 8080), allow=(WEB,))
OUTBOUND = Outbound(Endpoint("127.0.0.1", 9001), Endpoint("127.0.0.1", 9443), expect=(WEB, SHOP))
SIDECAR = Sidecar(
    name="shop",
    trust_domain=TRUST_DOMAIN,
    socket="/run/accredit/public/api.sock",
    admin_socket="/run/shop/admin.sock",
    identity=str(SHOP),
    inbound=(INBOUND,),
    outbound=(OUTBOUND,),
)
