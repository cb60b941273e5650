"""A machine that tells secrets to itself only, without a TPM: for tests of what is around one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from accredit.authority.embedded.keeping import Keeper, PlainKeeper, Way, Ways
from accredit.authority.embedded.sealed import open_sealed
from accredit.identity.errors import TpmError

_MAGIC = b"fake seal "


@dataclass
class FakeSealer:
    """``state`` stands for registers; who has another ``machine`` or state gets no secret."""

    machine: bytes = b"one"
    state: bytes = b"booted"
    current: bool = True

    def seal(self, secret: bytes) -> bytes:
        return _MAGIC + self._hidden(secret) + self._check(secret)

    def unseal(self, sealed: bytes) -> bytes:
        if not sealed.startswith(_MAGIC) or len(sealed) != len(_MAGIC) + 64:
            raise ValueError("no fake seal")
        secret = self._hidden(sealed[len(_MAGIC) : -32])
        if self._check(secret) != sealed[-32:]:
            raise TpmError("another machine sealed it", "go there")
        return secret

    def is_current(self, sealed: bytes) -> bool:
        return self.current and bool(sealed)

    def ways(self, chosen: Way = Way.SEALED) -> Ways:
        """Return the ways of a machine that can seal."""

        def plain(_: object) -> Keeper:
            return PlainKeeper()

        return Ways(chosen, {Way.PLAIN: plain, Way.SEALED: lambda path: open_sealed(path, self)})

    def _hidden(self, secret: bytes) -> bytes:
        pad = hashlib.sha256(self.machine + b"/" + self.state).digest()
        return bytes(one ^ other for one, other in zip(secret, pad, strict=True))

    def _check(self, secret: bytes) -> bytes:
        return hashlib.sha256(self.machine + self.state + secret).digest()
