"""The words; tests/integration/test_cli_tpm.py has what they are about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from accredit.agent.tpm_report import keys_in, keys_text, text
from accredit.identity.errors import StoreError

_FOUND: dict[str, Any] = {
    "device": "/dev/tpmrm0",
    "manufacturer": "IFX",
    "model": "SLB9670",
    "firmware": "7.85.17.51968",
    "specification": "2.0 revision 1.16",
    "endorsement_certificates": {"EK-RSA2048": "ab" * 32},
    "pcrs": {"7": "00" * 32, "16": "11" * 32},
    "data_dir": "/var/lib/accredit",
    "keys": {"plain": 0, "sealed": 2, "tpm": 0},
    "sealed_to": {"pcrs": [7], "changed": []},
}


def test_a_person_reads_which_tpm_and_what_hangs_on_which_register() -> None:
    assert text(_FOUND).splitlines() == [
        "TPM            /dev/tpmrm0: IFX SLB9670",
        "firmware       7.85.17.51968",
        "specification  2.0 revision 1.16",
        "endorsed by    EK-RSA2048 (SHA-256 abababababababab...)",
        "data           /var/lib/accredit",
        "keys           2 sealed to the TPM",
        "sealed to      this TPM, PCR 7",
        "",
        f"PCR  SHA-256{' ' * 57}  SEALED TO",
        f"7    {'00' * 32}  yes",
        f"16   {'11' * 32}",
    ]


def test_a_changed_register_stands_out() -> None:
    shown = text({**_FOUND, "sealed_to": {"pcrs": [7, 16], "changed": [16]}})
    assert "PCR 16 as they no longer are: the agent will not start" in shown
    assert "11  another value" in shown


def test_what_is_not_there_is_said() -> None:
    shown = text(
        {**_FOUND, "pcrs": {}, "sealed_to": None, "keys": None, "endorsement_certificates": {}}
    )
    assert "endorsed by    nobody" in shown
    assert "keys           none yet" in shown
    assert "nothing can be sealed to one" in shown


def test_keys_are_counted_by_the_way_they_are_kept(tmp_path: Path) -> None:
    assert keys_in(tmp_path / "authority") is None
    (tmp_path / "keys").mkdir()
    assert keys_text(keys_in(tmp_path)) == "none"
    for name in ("x509-1.key", "x509-2.tpm", "jwt-1.sealed", "jwt-2.sealed"):
        (tmp_path / "keys" / name).touch()
    assert keys_text(keys_in(tmp_path)) == ("1 in plain files, 2 sealed to the TPM, 1 in the TPM")
    (tmp_path / "other").mkdir()
    with pytest.raises(StoreError, match="keys: is missing"):
        keys_in(tmp_path / "other")
    with pytest.raises(StoreError, match="authority: not a directory"):
        keys_in(tmp_path / "keys/x509-1.key/authority")
