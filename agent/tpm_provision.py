"""Brings the keys of a data folder into the form that the configuration asks for."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from accredit.agent.key_ways import sealer, tpm_of, ways
from accredit.agent.plan import Plan
from accredit.agent.tpm_report import keys_in
from accredit.authority.embedded import recovery
from accredit.authority.embedded.signers import first
from accredit.authority.embedded.vault import Vault
from accredit.identity.errors import RequestError
from accredit.rotation.clock import SystemClock


def provision(plan: Plan, *, recovery_key: Path | None, recover: Path | None) -> dict[str, Any]:
    """Make the authority if there is none, and keep its keys as configured.

    Raises:
        RequestError: a recovery key is asked for, and keys are not sealed.
        StoreError: the folder is in use, or cannot be used as it is.
        TpmUnavailableError, TpmError: there is no TPM, or it refuses.
    """
    if (recovery_key or recover) and not plan.embedded.keys.sealed:
        raise RequestError(
            "only sealed keys have a recovery key: set authority.embedded.keys to"
            " {disk: {seal: tpm}}"
        )
    keys = plan.embedded.keys
    with closing(SystemClock()) as clock, tpm_of(plan) as device:
        if recover:
            recovery.recover(plan.data_dir, sealer(keys, device), recover)
        make_first = partial(first, plan.trust_domain, plan.embedded, clock)
        opened = Vault.open(plan.data_dir, plan.trust_domain, make_first, ways(plan, device))
        with closing(opened) as vault:
            made = vault.is_new
        if recovery_key:
            recovery.export(plan.data_dir, sealer(keys, device), recovery_key)
    kept = keys_in(plan.data_dir / "authority") or {}
    return {
        "data_dir": str(plan.data_dir),
        "made": made,
        "keys": kept,
        "recovery_key": recovery_key and str(recovery_key),
        "next": _next(kept, in_tpm=keys.in_tpm),
    }


def _next(kept: Mapping[str, int], *, in_tpm: bool) -> str:
    """Return what is left to do: a key neither gets into a TPM nor out of it."""
    if in_tpm and kept["plain"] + kept["sealed"]:
        return "the next are made in the TPM: start the agent, and run accredit ca rotate"
    if not in_tpm and kept["tpm"]:
        return "the next are made on disk: start the agent, and run accredit ca rotate"
    return ""
