from __future__ import annotations

import pytest
from pydantic import BaseModel, ValidationError

from accredit.agent import config_tpm
from accredit.agent.config_sections import EmbeddedAuthority
from accredit.agent.config_tpm import Keys, Tpm
from accredit.authority.embedded.settings import KeySettings
from accredit.identity.keys import KeyType


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ({}, KeySettings()),
        ("disk", KeySettings()),
        ({"disk": {}}, KeySettings()),
        ("tpm", KeySettings(in_tpm=True)),
        ({"tpm": {}}, KeySettings(in_tpm=True)),
        ({"disk": {"seal": "tpm"}}, KeySettings(sealed=True)),
        ({"disk": {"seal": "tpm", "pcrs": [7, 0]}}, KeySettings(sealed=True, pcrs=(0, 7))),
    ],
)
def test_where_keys_are_kept(written: object, meant: KeySettings) -> None:
    assert Keys.model_validate(written).settings() == meant


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("hsm", "expected disk, tpm, or a section of that name"),
        ({"disk": {}, "tpm": {}}, "expected disk or tpm, not both"),
        ({"disk": {"seal": "hsm"}}, "'tpm'"),
        ({"disk": {"pcrs": [7]}}, "pcrs says nothing without seal: tpm"),
        ({"disk": {"seal": "tpm", "pcrs": [24]}}, "numbers from 0 to 23"),
        ({"disk": {"seal": "tpm", "pcrs": [True]}}, "numbers from 0 to 23"),
        ({"disk": {"seal": "tpm", "pcrs": "7"}}, "numbers from 0 to 23"),
        ({"disk": {"seal": "tpm", "pcrs": [7, 7]}}, "names a register twice"),
        ({"tpm": {"seal": "tpm"}}, "Extra inputs"),
    ],
)
def test_what_means_nothing_is_refused(written: object, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Keys.model_validate(written)


def test_keys_of_a_kind_that_tpms_do_not_make_are_refused() -> None:
    for wrong in ({"key_type": KeyType.RSA_2048}, {"jwt_key_type": KeyType.EC_P384}):
        with pytest.raises(ValidationError, match="keys in a TPM are ec-p256: set key_type and"):
            EmbeddedAuthority.model_validate({"keys": "tpm", **wrong})


@pytest.mark.parametrize("device", ["tpm0", 3, "cmd:sh"])
def test_a_device_is_a_path_or_a_tcti(device: object) -> None:
    assert Tpm.model_validate({"device": "/dev/tpm0"}).device == "/dev/tpm0"
    with pytest.raises(ValidationError, match="expected the path of a device, such as /dev/tpmrm0"):
        Tpm.model_validate({"device": device})


def test_every_field_says_what_it_is_for() -> None:
    sections = [value for value in vars(config_tpm).values() if isinstance(value, type)]
    for section in sections:
        if issubclass(section, BaseModel):
            for name, field in section.model_fields.items():
                assert str(field.description).endswith("."), name
