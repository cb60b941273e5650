"""An authority with its keys on disk, sealed to a TPM, and what happens to both."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey as _Ec
from support.clock import FakeClock
from support.swtpm import SoftwareTpm
from support.tpm_authority import (
    SEALED,
    SEALED_TO_PCR,
    kept,
    key_files,
    live_until_replaced,
    roots_of,
    signs,
)

from accredit.identity.errors import StoreError, TpmUnavailableError


async def test_plain_keys_are_sealed_and_unsealed_again_by_a_restart(
    tmp_path: Path, tpm: SoftwareTpm, clock: FakeClock
) -> None:
    with kept(tmp_path, clock, "disk", tpm) as authority:
        before = roots_of(authority)
        keys_before = authority._vault.keys.values()
        numbers = [key.private_numbers() for key in keys_before if isinstance(key, _Ec)]
        secrets = [number.private_value.to_bytes(32) for number in numbers]
    for keys, files in (
        (SEALED_TO_PCR, {"x509.sealed", "jwt.sealed"}),
        (SEALED, {"x509.sealed", "jwt.sealed"}),
        ("disk", {"x509.key", "jwt.key"}),
    ):
        with kept(tmp_path, clock, keys, tpm) as authority:
            assert roots_of(authority) == before
            assert key_files(tmp_path) == files
            await signs(authority, clock)
        if keys != "disk":
            everything = b"".join(
                path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file()
            )
            assert not any(secret in everything for secret in secrets)
    assert not (tmp_path / "data/authority/wrapping.tpm").exists()


async def test_sealed_keys_need_the_tpm_at_the_start_only(
    tmp_path: Path, tpm: SoftwareTpm, clock: FakeClock
) -> None:
    with kept(tmp_path, clock, SEALED_TO_PCR, tpm) as authority:
        tpm.kill()
        await live_until_replaced(authority, clock)
        assert key_files(tmp_path) == {"x509.sealed", "jwt.sealed"}
    with (
        pytest.raises(TpmUnavailableError, match="does not answer"),
        kept(tmp_path, clock, SEALED_TO_PCR, tpm),
    ):
        pass
    tpm.start()
    with kept(tmp_path, clock, SEALED_TO_PCR, tpm) as authority:
        await signs(authority, clock)


async def test_changed_registers_refuse_and_a_restored_one_does_not(
    tmp_path: Path, tpm: SoftwareTpm, clock: FakeClock
) -> None:
    with kept(tmp_path, clock, SEALED_TO_PCR, tpm):
        pass
    tpm.extend()
    with (
        pytest.raises(
            StoreError,
            match=r"wrapping\.tpm: is sealed to other values of PCR 16 than the machine has now.*"
            r"boot the old one, or run: accredit tpm provision --recover FILE",
        ),
        kept(tmp_path, clock, SEALED_TO_PCR, tpm),
    ):
        pass
    tpm.restart()
    with kept(tmp_path, clock, SEALED_TO_PCR, tpm) as authority:
        await signs(authority, clock)
    assert tpm.loaded() == 0


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (Path.unlink, r"wrapping\.tpm: is missing; restore it from a backup, or run: accredit tpm"),
        (lambda path: path.write_text("{}"), r"wrapping\.tpm: is damaged: expected a secret that"),
        (lambda path: path.write_text("[]"), r"wrapping\.tpm: is damaged"),
        (
            lambda path: path.write_text(
                re.sub('"public": "[^"]{8}', '"public": "', path.read_text())
            ),
            r"wrapping\.tpm: is damaged: .* public area",
        ),
    ],
)
def test_a_damaged_wrapping_key_is_named_with_its_cure(
    tmp_path: Path, tpm: SoftwareTpm, clock: FakeClock, damage: object, words: str
) -> None:
    assert callable(damage)
    with kept(tmp_path, clock, SEALED, tpm):
        pass
    damage(tmp_path / "data/authority/wrapping.tpm")
    with pytest.raises(StoreError, match=words), kept(tmp_path, clock, SEALED, tpm):
        pass
