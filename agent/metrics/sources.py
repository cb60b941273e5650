"""What is looked at when somebody asks for metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from accredit.agent.listener import Listener
from accredit.file_output.ledger import Ledger as OutputLedger
from accredit.identity.spiffe_id import TrustDomain
from accredit.identity.trust_bundle import TrustBundle
from accredit.rotation.status import RotationStatus
from accredit.sds_server.ledger import Ledger as SdsLedger


@dataclass(frozen=True, slots=True)
class Sources:
    """The parts of the agent that count anyway; ``sds`` is None where it is switched off."""

    now: Callable[[], datetime]
    entries: Callable[[], int]
    problems: Callable[[], Sequence[str]]
    rotation: Callable[[], RotationStatus]
    signers: Callable[[], Mapping[str, Any]]
    bundles: Callable[[], Mapping[TrustDomain, TrustBundle]]
    federation: Callable[[], Sequence[Mapping[str, Any]]]
    outputs: OutputLedger
    sds: SdsLedger | None
    listeners: Sequence[Listener]
