"""What values in the configuration look like: durations, sizes, paths, names."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from accredit.identity.durations import parse_duration
from accredit.identity.errors import SpiffeIdError
from accredit.identity.keys import KeyType
from accredit.identity.spiffe_id import TrustDomain

_MAX_SOCKET_BYTES = 107  # sun_path holds 108, with the zero byte at its end


class Section(BaseModel):
    """Part of the configuration: nothing unknown, nothing converted, nothing changed later."""

    model_config = ConfigDict(
        strict=True, frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True
    )


@dataclass(frozen=True, slots=True)
class Unit:
    """What a field is counted in, for the reference."""

    name: str


def _duration(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str):
        raise ValueError("expected a duration such as 20s, 5m, 1h or 30d")  # noqa: TRY004  pydantic wants ValueError
    return parse_duration(value)


def _trust_domain(value: object) -> TrustDomain:
    if isinstance(value, TrustDomain):
        return value
    if not isinstance(value, str):
        raise ValueError("expected the name of a trust domain, such as prod.example")  # noqa: TRY004  pydantic wants ValueError
    try:
        return TrustDomain.parse(value)
    except SpiffeIdError as error:
        raise ValueError(str(error)) from None


def _path(value: object) -> Path:
    if isinstance(value, Path):
        return value
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError("expected a path")
    return Path(value)


def _socket(value: object) -> Path:
    if isinstance(value, str):
        if value.startswith("tcp:"):
            # Workload Endpoint section 3: TCP needs a network that authenticates the caller.
            raise ValueError("a TCP caller cannot be identified; expected a unix socket's path")
        value = value.removeprefix("unix://").removeprefix("unix:")
        if value.startswith("@"):
            raise ValueError("an abstract socket has no file permissions; expected a path")
    return _path(value)


def check_socket_length(path: Path) -> Path:
    """Return ``path`` if a unix socket can have it."""
    if len(str(path).encode()) > _MAX_SOCKET_BYTES:
        raise ValueError(f"longer than the {_MAX_SOCKET_BYTES} bytes a unix socket can have")
    return path


def _key_type(value: object) -> KeyType:
    if isinstance(value, KeyType):
        return value
    if value not in list(KeyType):
        raise ValueError("expected one of " + ", ".join(KeyType))
    return KeyType(str(value))


def _names(value: object) -> tuple[str, ...]:
    if isinstance(value, tuple):
        return value
    if not isinstance(value, list) or not all(isinstance(each, str) and each for each in value):
        raise ValueError("expected a list of names")
    return tuple(value)


def _bundles(value: object) -> dict[TrustDomain, Path]:
    if not isinstance(value, dict):
        raise ValueError("expected trust domains and paths, such as partner.example: partner.json")  # noqa: TRY004  pydantic wants ValueError
    return {_trust_domain(name): _path(path) for name, path in value.items()}


def _resource_name(value: str) -> str:
    if not value.isprintable() or value != value.strip() or value == "*":
        raise ValueError("expected a name without control characters and outer blanks")
    if value.startswith(("hint:", "jwt:", "spiffe://")):
        raise ValueError("expected a name that is no SPIFFE ID, no hint and no audience")
    return value


Duration = Annotated[timedelta, BeforeValidator(_duration), Unit("duration")]
TrustDomainName = Annotated[TrustDomain, BeforeValidator(_trust_domain), Unit("trust domain")]
FilePath = Annotated[Path, BeforeValidator(_path), Unit("path")]
SocketPath = Annotated[
    Path, BeforeValidator(_socket), AfterValidator(check_socket_length), Unit("path")
]
KeyTypeName = Annotated[KeyType, BeforeValidator(_key_type), Unit("key type")]
Switch = Annotated[bool, Unit("true or false")]
Count = Annotated[int, Field(ge=1, le=10_000_000), Unit("count")]
Bytes = Annotated[int, Field(ge=1, le=2**31 - 1), Unit("bytes")]
Names = Annotated[tuple[str, ...], BeforeValidator(_names), Unit("list of text")]
Bundles = Annotated[
    dict[TrustDomain, Path], BeforeValidator(_bundles), Unit("trust domains and paths")
]
ResourceName = Annotated[
    str, Field(min_length=1, max_length=255), AfterValidator(_resource_name), Unit("text")
]
