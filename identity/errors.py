"""Every error accredit raises on purpose.

AccreditError
├── SpiffeIdError            text that is not a SPIFFE ID or trust domain name
├── SelectorError            text that is not a selector
├── X509SvidError            a certificate or chain that is no valid X.509-SVID
├── JwtSvidError             a token that is no valid JWT-SVID
├── BundleError              a document that is no SPIFFE trust bundle
├── PrivateKeyError          bytes that are no private key accredit can use
├── RequestError             a request that breaks the protocol it came over
├── ResponseError            a server's message that breaks its protocol; clients drop it
├── NotFoundError            a request that names something there is not
├── AttestationError         the caller cannot be identified, or is no longer who it was
├── NotEntitledError         identified, but no registration entry matches (any more)
├── UnavailableError         starting, stopping or overloaded: try again
│   ├── AuthorityUnavailableError   nobody can sign just now
│   └── TpmUnavailableError         no TPM answers just now
├── TpmError                 the TPM will not do it, now or later
├── UnimplementedError       switched off or not offered
├── ConfigError              mistakes in configuration or entries, all at once
├── StoreError               the data folder cannot be used as it is
└── DeployError              a program does not take the files it was given

``status`` names the gRPC code a caller sees (SPIFFE Workload Endpoint, section 6). It is a string
so that nothing here depends on gRPC. Messages are lower case, name the place and, where there is
one, the cure; they never hold keys, tokens or facts about other callers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar


class AccreditError(Exception):
    """Base of every error below."""

    status: ClassVar[str] = "INTERNAL"


class SpiffeIdError(AccreditError, ValueError):
    """Text that breaks SPIFFE-ID section 2."""

    status = "INVALID_ARGUMENT"

    def __init__(self, text: str, reason: str) -> None:
        shown = text if len(text) <= 100 else text[:100] + "..."
        super().__init__(f"{shown!r} is not a SPIFFE ID: {reason}")
        self.text = text
        self.reason = reason


class SelectorError(AccreditError, ValueError):
    """Text that is not ``type:value``."""

    status = "INVALID_ARGUMENT"


class RuleError(AccreditError):
    """A document that breaks a numbered rule of a standard.

    ``rule`` is the section, such as ``X509-SVID 5.2``.
    """

    status = "INVALID_ARGUMENT"
    kind: ClassVar[str] = "document"

    def __init__(self, rule: str, reason: str) -> None:
        super().__init__(f"not a valid {self.kind}: {reason} ({rule})")
        self.rule = rule
        self.reason = reason


class X509SvidError(RuleError):
    """A certificate or chain that is no valid X.509-SVID."""

    kind = "X.509-SVID"


class JwtSvidError(RuleError):
    """A token that is no valid JWT-SVID."""

    kind = "JWT-SVID"


class BundleError(RuleError):
    """A document that is no SPIFFE trust bundle."""

    kind = "trust bundle"


class PrivateKeyError(RuleError):
    """Bytes that are no private key accredit can use; whoever read them knows the file."""

    status = "INTERNAL"
    kind = "private key"


class RequestError(AccreditError):
    """A request that breaks the rules of its protocol."""

    status = "INVALID_ARGUMENT"


class ResponseError(AccreditError):
    """A server's message that breaks its protocol: to be reported and dropped."""


class NotFoundError(AccreditError):
    """A request names something that does not exist here."""

    status = "NOT_FOUND"


class AttestationError(AccreditError):
    """The caller cannot be identified, or is no longer the process that connected."""

    status = "PERMISSION_DENIED"


class NotEntitledError(AccreditError):
    """The caller is known and has no identity, or has just lost its last one."""

    status = "PERMISSION_DENIED"


class UnavailableError(AccreditError):
    """Not now: starting, stopping or overloaded."""

    status = "UNAVAILABLE"


class AuthorityUnavailableError(UnavailableError):
    """Nobody can sign just now."""


class TpmUnavailableError(UnavailableError):
    """There is no TPM, it does not answer, or too many wait for it: try again."""


class TpmError(AccreditError):
    """The TPM refuses what was asked of it, and would again."""

    def __init__(self, reason: str, cure: str = "") -> None:
        super().__init__(f"{reason}; {cure}" if cure else reason)
        self.reason = reason
        self.cure = cure


class UnimplementedError(AccreditError):
    """Switched off, or not offered."""

    status = "UNIMPLEMENTED"


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing wrong in a file a person wrote: where, what, and what was expected."""

    path: str
    line: int | None
    key: str
    reason: str

    def __str__(self) -> str:
        place = self.path if self.line is None else f"{self.path}:{self.line}"
        return f"{place}: {self.key}: {self.reason}" if self.key else f"{place}: {self.reason}"


class ConfigError(AccreditError):
    """Mistakes in a configuration or entries file; all of them, not only the first."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__("\n".join(str(mistake) for mistake in mistakes))
        self.mistakes = tuple(mistakes)


class StoreError(AccreditError):
    """The data folder, or one file in it, cannot be used as it is."""

    status = "UNAVAILABLE"

    def __init__(self, path: Path | str, reason: str, cure: str = "") -> None:
        super().__init__(f"{path}: {reason}" + (f"; {cure}" if cure else ""))
        self.path = str(path)
        self.reason = reason
        self.cure = cure


class DeployError(AccreditError):
    """A program that reads files refuses them, cannot be told of them, or does not serve them."""

    status = "UNAVAILABLE"
