"""How the authority's keys are kept, as the configuration says; a TPM is opened when asked for.

Nothing of a TPM is imported before that: an agent without one does not carry it. There is one
connection to it, since without a resource manager two would fight for its few places.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from accredit.agent.plan import Plan
from accredit.authority.embedded.keeping import Keeper, PlainKeeper, Way, Ways
from accredit.authority.embedded.settings import KeySettings

if TYPE_CHECKING:
    from accredit.attestation.tpm.device import Device
    from accredit.attestation.tpm.keeper import TpmSealer

TpmOf: TypeAlias = "Callable[[], Device]"


@contextmanager
def key_ways(plan: Plan) -> Iterator[Ways]:
    """Yield the ways, for as long as keys are used."""
    with tpm_of(plan) as device:
        yield ways(plan, device)


@contextmanager
def tpm_of(plan: Plan) -> Iterator[TpmOf]:
    """Yield what returns the TPM; let go of it at the end, if it was asked for."""
    with ExitStack() as stack:

        @cache
        def device() -> Device:
            from accredit.attestation.tpm.device import Device  # noqa: PLC0415  see above
            from accredit.attestation.tpm.settings import TpmSettings  # noqa: PLC0415

            return stack.enter_context(closing(Device(TpmSettings(plan.tpm_device))))

        yield device


def ways(plan: Plan, device: TpmOf) -> Ways:
    """Return the chosen way and how to read keys kept in others."""
    openers: dict[Way, Callable[[Path], Keeper]] = {
        Way.PLAIN: _plain,
        Way.SEALED: partial(_sealed, plan.embedded.keys, device),
        Way.TPM: partial(_in_tpm, device),
    }
    return Ways(_chosen(plan.embedded.keys), openers)


def sealer(keys: KeySettings, device: TpmOf) -> TpmSealer:
    """Return who seals to the TPM and to the configured registers."""
    from accredit.attestation.tpm.keeper import TpmSealer  # noqa: PLC0415  see above

    return TpmSealer(device(), keys.pcrs if keys.sealed else None)


def _chosen(keys: KeySettings) -> Way:
    if keys.in_tpm:
        return Way.TPM
    return Way.SEALED if keys.sealed else Way.PLAIN


def _plain(_folder: Path) -> Keeper:
    return PlainKeeper()


def _sealed(keys: KeySettings, device: TpmOf, folder: Path) -> Keeper:
    from accredit.authority.embedded.sealed import open_sealed  # noqa: PLC0415  only if used

    return open_sealed(folder, sealer(keys, device))


def _in_tpm(device: TpmOf, _folder: Path) -> Keeper:
    from accredit.attestation.tpm.keeper import TpmKeeper  # noqa: PLC0415  see above

    return TpmKeeper(device())
