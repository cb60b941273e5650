"""What ``accredit tpm`` finds and says: the TPM, and how the data folder's keys are kept."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from accredit.agent import table
from accredit.agent.plan import Plan
from accredit.attestation.tpm.device import Device
from accredit.attestation.tpm.facts import Facts, facts
from accredit.attestation.tpm.sealing import changed, parse_sealed
from accredit.attestation.tpm.settings import TpmSettings
from accredit.authority.embedded import folder
from accredit.authority.embedded.keeping import WRAPPING, Way
from accredit.identity.errors import StoreError

_WORDS = {Way.PLAIN: "plain", Way.SEALED: "sealed", Way.TPM: "tpm"}
_SHORT = 16


def look(plan: Plan) -> dict[str, Any]:
    """Return facts about the TPM and the data folder; changes nothing.

    Raises:
        TpmUnavailableError, TpmError: there is no TPM, or no software for it.
        StoreError: the data folder cannot be looked into.
    """
    authority = plan.data_dir / "authority"
    with closing(Device(TpmSettings(plan.tpm_device))) as device:
        return {
            "device": plan.tpm_device,
            **_of_tpm(device.ask(facts)),
            "data_dir": str(plan.data_dir),
            "keys": keys_in(authority),
            "sealed_to": _sealed_to(device, authority / WRAPPING),
        }


def keys_in(authority: Path) -> dict[str, int] | None:
    """Return how many keys are kept in which way; None where there is no authority yet.

    Raises:
        StoreError: the folder cannot be looked into.
    """
    try:
        authority.lstat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise folder.unusable(authority, error) from None
    try:
        names = [path.name for path in (authority / "keys").iterdir()]
    except OSError as error:
        raise folder.unusable(authority / "keys", error) from None
    return {word: sum(name.endswith(way) for name in names) for way, word in _WORDS.items()}


def _of_tpm(found: Facts) -> dict[str, Any]:
    return {
        "manufacturer": found.manufacturer,
        "model": found.model,
        "firmware": found.firmware,
        "specification": found.specification,
        "endorsement_certificates": dict(found.certificates),
        "pcrs": {str(number): value.hex() for number, value in found.pcrs.items()},
    }


def _sealed_to(device: Device, file: Path) -> dict[str, Any] | None:
    """Return the registers that guard sealed keys, and those that have changed."""
    if not os.path.lexists(file):
        return None
    try:
        sealed = parse_sealed(folder.read_private(file))
    except ValueError as error:
        raise StoreError(file, f"is damaged: {error}", "restore it from a backup") from None
    return {"pcrs": sorted(sealed.pcrs), "changed": sorted(changed(device, sealed))}


def text(found: Mapping[str, Any]) -> str:
    """Return it for people. Pure."""
    certificates = [
        f"{kind} (SHA-256 {digest[:_SHORT]}...)"
        for kind, digest in found["endorsement_certificates"].items()
    ]
    head = table.facts(
        [
            ("TPM", f"{found['device']}: {found['manufacturer']} {found['model']}".rstrip()),
            ("firmware", found["firmware"]),
            ("specification", found["specification"]),
            ("endorsed by", ", ".join(certificates) or "nobody"),
            ("data", found["data_dir"]),
            ("keys", keys_text(found["keys"])),
            ("sealed to", _sealed_text(found)),
        ]
    )
    return f"{head}\n\n{_pcr_table(found)}"


def keys_text(keys: Mapping[str, int] | None) -> str:
    """Return where the keys are, in words. Pure."""
    if keys is None:
        return "none yet"
    places = {"plain": "in plain files", "sealed": "sealed to the TPM", "tpm": "in the TPM"}
    return ", ".join(f"{count} {places[word]}" for word, count in keys.items() if count) or "none"


def _sealed_text(found: Mapping[str, Any]) -> str:
    sealed = found["sealed_to"]
    if sealed is None:
        return ""
    if sealed["changed"]:
        numbers = ", ".join(map(str, sealed["changed"]))
        return f"PCR {numbers} as they no longer are: the agent will not start"
    return "this TPM" + "".join(f", PCR {number}" for number in sealed["pcrs"])


def _pcr_table(found: Mapping[str, Any]) -> str:
    if not found["pcrs"]:
        return "There is no SHA-256 bank of PCRs: nothing can be sealed to one."
    sealed = found["sealed_to"] or {"pcrs": [], "changed": []}
    rows = [(number, value, _mark(int(number), sealed)) for number, value in found["pcrs"].items()]
    return table.render(("PCR", "SHA-256", "SEALED TO"), rows)


def _mark(number: int, sealed: Mapping[str, list[int]]) -> str:
    if number not in sealed["pcrs"]:
        return ""
    return "another value" if number in sealed["changed"] else "yes"
