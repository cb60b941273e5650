"""What one file of an output is to hold, and who may read it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from accredit.file_output.layout import CURRENT, PREVIOUS, SETS

PLACEHOLDER = "{trust_domain}"
BY_KIND = -1  # the mode that suits what the file holds

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._@+-]*")
_MAX_NAME_BYTES = 255
_PUBLIC, _SECRET = 0o644, 0o600
_GROUP_READS, _ALL_READ = 0o040, 0o004


class Kind(StrEnum):
    """The kinds of file, by their names in the configuration.

    Those that start with FOREIGN are one file for each federated trust domain.
    """

    CERTIFICATE = "certificate"
    KEY = "key"
    COMBINED = "combined"
    OWN_BUNDLE = "own-bundle"
    FOREIGN_BUNDLES = "foreign-bundles"
    CRL = "crl"
    PKCS12 = "pkcs12"
    PKCS12_TRUST = "pkcs12-trust"
    JKS = "jks"
    JKS_TRUST = "jks-trust"
    BUNDLE_JSON = "bundle-json"
    FOREIGN_BUNDLE_JSON = "foreign-bundle-json"
    JWKS = "jwks"
    FOREIGN_JWKS = "foreign-jwks"
    JWT = "jwt"
    ENVOY_SDS_CERT = "envoy-sds-cert"
    ENVOY_SDS_CONTEXT = "envoy-sds-context"

    @property
    def secret(self) -> bool:
        """Whether such a file holds a private key or a token."""
        return self in _SECRETS

    @property
    def foreign(self) -> bool:
        """Whether there is one such file for each federated trust domain."""
        return self in _FOREIGN

    @property
    def needs_svid(self) -> bool:
        """Whether such a file holds the X.509-SVID."""
        return self in _OF_SVID

    @property
    def encrypted(self) -> bool:
        """Whether such a file takes a password."""
        return self in _ENCRYPTED

    @property
    def needs_password(self) -> bool:
        """Whether such a file cannot be made without one."""
        return self in _PASSWORD_NEEDED


_FOREIGN = {Kind.FOREIGN_BUNDLES, Kind.FOREIGN_BUNDLE_JSON, Kind.FOREIGN_JWKS}
_WITH_KEY = {Kind.KEY, Kind.COMBINED, Kind.PKCS12, Kind.JKS, Kind.ENVOY_SDS_CERT}
_SECRETS = _WITH_KEY | {Kind.JWT}
_OF_SVID = _WITH_KEY | {Kind.CERTIFICATE}
_ENCRYPTED = {Kind.PKCS12, Kind.PKCS12_TRUST, Kind.JKS, Kind.JKS_TRUST}
_PASSWORD_NEEDED = _ENCRYPTED - {Kind.PKCS12}


@dataclass(frozen=True, slots=True)
class FileSpec:
    """One file, or for FOREIGN kinds one for each federated trust domain.

    ``mode`` is 0600 for secrets and 0644 for the others unless given. A secret is readable by a
    group only if ``group`` names it, and never by everybody. ``owner`` and ``group`` are names or
    numbers; empty means those of accredit. ``audience`` is that of a JWT, ``password_file`` the
    path of a keystore's password.

    Raises:
        ValueError: the name, the mode or a field does not fit, each said in words.
    """

    kind: Kind
    name: str
    mode: int = BY_KIND
    owner: str = ""
    group: str = ""
    audience: str = ""
    password_file: str = ""

    def __post_init__(self) -> None:
        if self.mode == BY_KIND:
            object.__setattr__(self, "mode", _SECRET if self.kind.secret else _PUBLIC)
        self._check_name()
        self._check_mode()
        self._check_fields()

    def _check_name(self) -> None:
        if self.name.count(PLACEHOLDER) != self.kind.foreign:
            needed = f"needs {PLACEHOLDER} once in" if self.kind.foreign else "takes no {...} in"
            raise ValueError(f"{self.name!r}: a file of kind {self.kind} {needed} its name")
        check_file_name(self.name.replace(PLACEHOLDER, "x"))

    def _check_mode(self) -> None:
        if self.mode & ~_PUBLIC or not self.mode & 0o400:
            raise ValueError(f"{self.name}: mode {self.mode:04o} is not one of 0400 to 0644")
        if not self.kind.secret:
            return
        if self.mode & _ALL_READ:
            raise ValueError(f"{self.name}: mode {self.mode:04o} would show a secret to everybody")
        if self.mode & _GROUP_READS and not self.group:
            raise ValueError(f"{self.name}: mode {self.mode:04o} needs a group that may read it")

    def _check_fields(self) -> None:
        if bool(self.audience) != (self.kind is Kind.JWT):
            raise ValueError(f"{self.name}: an audience belongs to kind jwt, and to no other")
        if self.password_file and not self.kind.encrypted:
            raise ValueError(f"{self.name}: a password_file is for keystores only")
        if self.kind.needs_password and not self.password_file:
            raise ValueError(f"{self.name}: a file of kind {self.kind} needs a password_file")


def check_distinct(names: Iterable[str]) -> None:
    """Refuse two files of one name.

    Raises:
        ValueError: one would overwrite the other.
    """
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"{name!r} is the name of two files")
        seen.add(name)


def check_file_name(name: str) -> None:
    """Refuse what is not the plain name of a file, or already means something in the folder.

    Raises:
        ValueError: it could leave the folder, hide in it, or upset what reads a configuration.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name[:100]!r} is not a file name of letters, digits and . _ @ + -")
    if len(name) > _MAX_NAME_BYTES:
        raise ValueError(f"{name[:100]!r} is longer than {_MAX_NAME_BYTES} bytes")
    if name in {CURRENT, PREVIOUS, SETS}:
        raise ValueError(f"{name!r} is a name that accredit itself uses in the folder")
