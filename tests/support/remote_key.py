"""A key that is elsewhere: in the same process, but it lets nobody see that."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn, TypeVar

from cryptography.hazmat.primitives.asymmetric import ec

from accredit.identity.keys import RemoteKey

T = TypeVar("T")


class KeyElsewhere(RemoteKey):
    """Counts how often it was asked to run something."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.runs = 0

    async def run(self, work: Callable[[], T]) -> T:
        self.runs += 1
        return work()

    def sign(
        self,
        data: bytes | bytearray | memoryview,
        signature_algorithm: ec.EllipticCurveSignatureAlgorithm,
    ) -> bytes:
        return self._key.sign(data, signature_algorithm)

    def public_key(self) -> ec.EllipticCurvePublicKey:
        return self._key.public_key()

    @property
    def curve(self) -> ec.EllipticCurve:
        return self._key.curve

    @property
    def key_size(self) -> int:
        return self._key.key_size

    def exchange(self, algorithm: ec.ECDH, peer_public_key: ec.EllipticCurvePublicKey) -> NoReturn:
        raise AssertionError(f"it only signs: {algorithm}, {peer_public_key}")

    def private_numbers(self) -> NoReturn:
        raise AssertionError("it stays where it is")

    def private_bytes(self, *args: object, **options: object) -> NoReturn:
        raise AssertionError(f"it stays where it is: {args}, {options}")

    def __copy__(self) -> KeyElsewhere:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> KeyElsewhere:
        return self
