"""What rotation is told by the configuration."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from accredit.identity.keys import KeyType


@dataclass(frozen=True, slots=True)
class RotationSettings:
    """How SVIDs are made and kept.

    ``first_svid_timeout`` bounds how long anyone waits for an SVID that is still to be signed,
    ``sign_timeout`` one attempt at signing. SVIDs nobody has asked for in ``keep_warm`` and nobody
    watches are not renewed. ``idle_callers`` and ``jwt_svids`` bound what is kept for later, and so
    does ``template_svids`` for X.509-SVIDs of templates that nobody watches;
    ``followed_jwt_svids`` and, of each entry, ``followed_audiences`` what streams follow.
    """

    key_type: KeyType = KeyType.EC_P256
    first_svid_timeout: timedelta = timedelta(seconds=5)
    sign_timeout: timedelta = timedelta(seconds=10)
    retry_first: timedelta = timedelta(seconds=1)
    retry_most: timedelta = timedelta(minutes=1)
    keep_warm: timedelta = timedelta(minutes=10)
    idle_callers: int = 256
    jwt_svids: int = 1000
    template_svids: int = 4096
    followed_jwt_svids: int = 10_000
    followed_audiences: int = 1000
