"""The ways in which private keys may be kept, and how one signs with a key that is elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Protocol, TypeVar

from cryptography.hazmat.primitives.asymmetric import rsa

from accredit.identity.errors import AuthorityUnavailableError, TpmError, TpmUnavailableError
from accredit.identity.keys import (
    KeyType,
    PrivateKey,
    RemoteKey,
    generate,
    load_pkcs8,
    to_pkcs8_pem,
)

T = TypeVar("T")

WRAPPING = "wrapping.tpm"  # beside the folder of keys: what sealed ones are encrypted with


class Way(StrEnum):
    """How a key is kept; its value ends the names of such files."""

    PLAIN = ".key"
    SEALED = ".sealed"
    TPM = ".tpm"


class Keeper(Protocol):
    """Makes keys, and turns them into files and back; may wait for a device."""

    def generate(self, kind: KeyType) -> PrivateKey:
        """Return a new key."""
        ...

    def pack(self, name: str, key: PrivateKey) -> bytes:
        """Return the content of the file ``name``."""
        ...

    def unpack(self, name: str, data: bytes) -> PrivateKey:
        """Return the key of the file ``name``.

        Raises:
            PrivateKeyError: the file is damaged, or was another's.
            TpmError: the TPM does not take it.
            TpmUnavailableError: there is no TPM now.
        """
        ...


class PlainKeeper:
    """PKCS #8 in PEM, protected by the mode of the file alone."""

    def generate(self, kind: KeyType) -> PrivateKey:
        """Return a new key."""
        return generate(kind)

    def pack(self, name: str, key: PrivateKey) -> bytes:
        """Return the key as it is."""
        del name
        return to_pkcs8_pem(key)

    def unpack(self, name: str, data: bytes) -> PrivateKey:
        """Return the key; PrivateKeyError if it is none."""
        del name
        return load_pkcs8(data)


def _plain(_folder: Path) -> Keeper:
    return PlainKeeper()


@dataclass(frozen=True)
class Ways:
    """How new keys are kept, and who reads those of each way; asked for when there is one.

    Keys that can be moved are moved to the chosen way. One in a TPM stays there, and none gets
    into it: it goes with the next rotation.
    """

    chosen: Way = Way.PLAIN
    openers: Mapping[Way, Callable[[Path], Keeper]] = field(
        default_factory=lambda: MappingProxyType({Way.PLAIN: _plain})
    )

    def way_of(self, key: PrivateKey, present: Way) -> Way:
        """Return how ``key``, kept in the ``present`` way, should be kept."""
        if isinstance(key, RemoteKey):
            return Way.TPM
        return present if self.chosen is Way.TPM else self.chosen


async def in_time(key: PrivateKey, work: Callable[[], T]) -> T:
    """Do ``work``, which signs with ``key``, where it does not hold up the event loop.

    EC keys sign here; RSA keys, a hundred times as slow, in a thread; others where they are.

    Raises:
        AuthorityUnavailableError: what holds the key is away, or refuses.
    """
    if isinstance(key, RemoteKey):
        return await unless_away(key.run(work))
    return await asyncio.to_thread(work) if isinstance(key, rsa.RSAPrivateKey) else work()


async def unless_away(result: Awaitable[T]) -> T:
    """Await ``result``; a TPM's refusal is then the authority's.

    Raises:
        AuthorityUnavailableError: the TPM is away, or refuses.
    """
    try:
        return await result
    except (TpmError, TpmUnavailableError) as error:
        raise AuthorityUnavailableError(str(error)) from error
