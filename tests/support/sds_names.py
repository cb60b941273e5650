"""What a name means to a caller with two identities and a partner."""

from __future__ import annotations

from typing import Any

from accredit.identity.spiffe_id import TrustDomain
from accredit.rotation.snapshot import Snapshot
from accredit.sds_server.names import Certificate, Meaning, Names
from accredit.sds_server.node import Node
from accredit.sds_server.settings import SdsSettings
from support.ca import TestCa
from support.entries import entry
from support.snapshots import TRUST_DOMAIN, snapshot

CA = TestCa(TRUST_DOMAIN)
PARTNER = TestCa("partner.example")
OWN, FOREIGN = TrustDomain(TRUST_DOMAIN), TrustDomain("partner.example")
API = entry("/api", hint="internal", order=1, federates_with=("partner.example",))
WEB = entry("/web", hint="public", order=2)
STATE = snapshot(CA, API, WEB, partners=[PARTNER])
EMPTY = snapshot(CA)


def meaning(
    name: str, state: Snapshot = STATE, node: Node | None = None, **settings: Any
) -> Meaning:
    return Names(state, node or Node(), SdsSettings(**settings)).meaning(name)


def path_of(answer: Meaning) -> str:
    assert isinstance(answer, Certificate)
    return answer.identity.spiffe_id.path
