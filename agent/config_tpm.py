"""Sections of the configuration: which TPM, and what it does for the authority's keys."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from accredit.agent.config_types import Section, Unit
from accredit.attestation.tpm.settings import DEFAULT_DEVICE, TpmSettings
from accredit.authority.embedded.settings import KeySettings

_LAST_PCR = 23


def _device(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"expected the path of a device, such as {DEFAULT_DEVICE}")  # noqa: TRY004  pydantic wants ValueError
    return TpmSettings(value).device


def _pcrs(value: object) -> tuple[int, ...]:
    if isinstance(value, tuple):
        return value
    whole = isinstance(value, list) and all(type(each) is int for each in value)
    if not whole or not isinstance(value, list) or not set(value) <= set(range(_LAST_PCR + 1)):
        raise ValueError(f"expected a list of numbers from 0 to {_LAST_PCR}, such as [0, 7]")
    if len(set(value)) != len(value):
        raise ValueError("names a register twice")
    return tuple(sorted(value))


class Tpm(Section):
    """The machine's TPM 2.0. It is not touched unless something else here asks for it."""

    device: Annotated[str, BeforeValidator(_device), Unit("path, or TCTI")] = Field(
        default=DEFAULT_DEVICE,
        description="Its device, behind the kernel's resource manager; or what else libtss2 can "
        "talk to, such as `swtpm:path=/run/swtpm.sock`.",
    )


class DiskKeys(Section):
    """Private keys in files of the data folder, mode 0600."""

    seal: Annotated[Literal["tpm"] | None, Unit("`tpm`")] = Field(
        default=None,
        description="Encrypt them with a key that only this machine's TPM tells, once, at start.",
    )
    pcrs: Annotated[tuple[int, ...], BeforeValidator(_pcrs), Unit("list of numbers")] = Field(
        default=(),
        description="And only while these registers of the SHA-256 bank hold what they held, such "
        "as `[0, 7]` for firmware and secure boot.",
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.pcrs and self.seal is None:
            raise ValueError("pcrs says nothing without seal: tpm")
        return self


class TpmKeys(Section):
    """Private keys made in the TPM, which never leave it. The agent needs it to sign."""


class Keys(Section):
    """Where roots' and JWT signing keys are kept: `disk`, `tpm`, or one of them as a section.

    See [TPM](tpm.md) for what each defends against, and for changing from one to another.
    """

    disk: DiskKeys | None = Field(
        default=None, description="In files; `keys: disk`, the default, is short for it."
    )
    tpm: TpmKeys | None = Field(
        default=None, description="In the TPM; `keys: tpm` is short for it. EC P-256 only."
    )

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        if isinstance(value, str):
            if value not in {"disk", "tpm"}:
                raise ValueError("expected disk, tpm, or a section of that name")
            return {value: {}}
        return value

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.disk is not None and self.tpm is not None:
            raise ValueError("expected disk or tpm, not both")
        return self

    def settings(self) -> KeySettings:
        """Return what the authority takes."""
        disk = self.disk or DiskKeys()
        return KeySettings(self.tpm is not None, disk.seal is not None, disk.pcrs)
