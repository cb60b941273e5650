"""SPIFFE IDs and trust domain names, SPIFFE-ID section 2."""

from __future__ import annotations

import re
from dataclasses import dataclass

from accredit.identity.errors import SpiffeIdError

_SCHEME = "spiffe://"
_MAX_ID_BYTES = 2048
_MAX_NAME_BYTES = 255
_NAME = re.compile(r"[a-z0-9._-]+")
_SEGMENT = re.compile(r"[A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True, order=True)
class TrustDomain:
    """The name of a trust domain, such as ``prod.example``.

    Raises:
        SpiffeIdError: the name is empty, too long or not lower case ``[a-z0-9._-]``.
    """

    name: str

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise SpiffeIdError(
                _SCHEME + self.name, "trust domain is empty or not lowercase [a-z0-9._-]"
            )
        if len(self.name) > _MAX_NAME_BYTES:
            raise SpiffeIdError(_SCHEME + self.name, "trust domain is longer than 255 bytes")

    @classmethod
    def parse(cls, text: str) -> TrustDomain:
        """Parse ``prod.example`` or ``spiffe://prod.example``; an ID with a path is refused."""
        if "://" not in text:
            return cls(text)
        spiffe_id = SpiffeId.parse(text)
        if spiffe_id.path:
            raise SpiffeIdError(text, "a trust domain's ID has no path")
        return spiffe_id.trust_domain

    @property
    def id(self) -> SpiffeId:
        """The trust domain's own ID, without a path."""
        return SpiffeId(self)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True, order=True)
class SpiffeId:
    """The name of a workload: a trust domain and a path (``""`` for the trust domain itself).

    Nothing is repaired on the way in but the case of the scheme: an ID that had to be lowercased
    or trimmed to match is an ID that someone may one day compare unrepaired.

    Raises:
        SpiffeIdError: any rule of SPIFFE-ID section 2 is broken.
    """

    trust_domain: TrustDomain
    path: str = ""

    def __post_init__(self) -> None:
        if len(_SCHEME) + len(self.trust_domain.name) + len(self.path) > _MAX_ID_BYTES:
            raise SpiffeIdError(str(self), "longer than 2048 bytes")
        if self.path:
            self._check_path()

    def _check_path(self) -> None:
        root, *segments = self.path.split("/")
        if root or not segments:
            raise SpiffeIdError(str(self), "path does not start with '/'")
        for segment in segments:
            if not segment:
                raise SpiffeIdError(str(self), "empty path segment or trailing slash")
            if segment in {".", ".."} or not _SEGMENT.fullmatch(segment):
                raise SpiffeIdError(str(self), f"bad path segment {segment[:100]!r}")

    @classmethod
    def parse(cls, text: str) -> SpiffeId:
        """Parse ``spiffe://trust-domain/path``."""
        if len(text) > _MAX_ID_BYTES:
            raise SpiffeIdError(text, "longer than 2048 bytes")
        if text[: len(_SCHEME)].lower() != _SCHEME:
            raise SpiffeIdError(text, "scheme is not spiffe://")
        name, slash, path = text[len(_SCHEME) :].partition("/")
        try:
            return cls(TrustDomain(name), slash + path)
        except SpiffeIdError as error:
            raise SpiffeIdError(text, error.reason) from None

    def __str__(self) -> str:
        return f"{_SCHEME}{self.trust_domain.name}{self.path}"
