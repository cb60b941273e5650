"""A sidecar with one way in and one way out."""

from __future__ import annotations

from accredit.envoy.address import Endpoint
from accredit.envoy.peers import Peer, Rule
from accredit.envoy.sidecar import Inbound, Outbound, Sidecar
from accredit.identity.spiffe_id import SpiffeId, TrustDomain

TRUST_DOMAIN = TrustDomain("td.example")
WEB = Peer(TRUST_DOMAIN, "/web")
SHOP = SpiffeId(TRUST_DOMAIN, "/shop")
PARTNER = Peer(TrustDomain("partner.example"), "/web")

INBOUND = Inbound(Endpoint("127.0.0.1", 8443), Endpoint("127.0.0.1", 8080), allow=(Rule((WEB,)),))
OUTBOUND = Outbound(
    listen=Endpoint("127.0.0.1", 9001),
    to=(Endpoint("127.0.0.1", 9443),),
    expect=(WEB, Peer.exactly(SHOP)),
)
SIDECAR = Sidecar(
    name="shop",
    socket="/run/accredit/public/api.sock",
    admin_socket="/run/shop/admin.sock",
    spiffe_id=SHOP,
    inbound=(INBOUND,),
    outbound=(OUTBOUND,),
)
