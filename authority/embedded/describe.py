"""What an operator sees of the authority, as plain data. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta

from accredit.authority.embedded.schedule import Step
from accredit.authority.embedded.signers import certificate
from accredit.authority.embedded.state import Kind, Phase, Signer, State
from accredit.identity.moment import rfc3339

_SECOND = timedelta(seconds=1)


def describe(
    state: State, steps: Iterable[Step], publish_for: Mapping[Kind, timedelta]
) -> dict[str, object]:
    """Return trust domain, sequence, signers and next steps; times in ISO 8601, else seconds."""
    return {
        "trust_domain": str(state.trust_domain),
        "sequence": state.sequence,
        "refresh_hint": state.refresh_hint // _SECOND,
        "publish_for": {kind: each // _SECOND for kind, each in publish_for.items()},
        "roots": [_signer(signer) for signer in state.of(Kind.X509)],
        "jwt_keys": [_signer(signer) for signer in state.of(Kind.JWT)],
        "next_steps": [describe_step(step) for step in steps],
    }


def describe_step(step: Step) -> dict[str, object]:
    """Return what happens next to which signer, and when."""
    return {"action": step.action, "kind": step.kind, "kid": step.kid, "at": rfc3339(step.at)}


def _signer(signer: Signer) -> dict[str, object]:
    serial = {}
    if signer.kind is Kind.X509:
        serial["serial"] = f"{certificate(signer).serial_number:x}"
    return {
        "kid": signer.kid,
        "state": signer.phase,
        **serial,
        "not_before": rfc3339(signer.not_before),
        "not_after": rfc3339(signer.not_after),
        "prepared_at": rfc3339(signer.prepared_at),
        "activated_at": None if signer.activated_at is None else rfc3339(signer.activated_at),
        "needed_until": rfc3339(signer.signed_until) if signer.phase is Phase.OLD else None,
        "forced": signer.forced,
    }
