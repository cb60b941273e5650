"""What values in the configuration look like: durations, sizes, paths, names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from accredit.agent.socket_path import parse_path
from accredit.file_output.address import Address, parse_address
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


def section_in(annotation: Any) -> type[Section] | None:
    """Return the section a field holds, by itself or in a list; None if it holds none."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    inner = (section_in(each) for each in get_args(annotation))
    return next((each for each in inner if each is not None), None)


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
    return value if isinstance(value, Path) else parse_path(value)


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


def _words(value: object) -> tuple[str, ...]:
    if isinstance(value, tuple):
        return value
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value) or not value:
        raise ValueError("expected a program and its arguments as a list, such as [nginx, -t]")
    return tuple(value)


def _addresses(value: object) -> tuple[Address, ...]:
    if isinstance(value, tuple):
        return value
    each = [value] if isinstance(value, str) else value
    if not isinstance(each, list) or not each or not all(isinstance(one, str) for one in each):
        raise ValueError("expected an address, or a list of them: host:port or unix:/path")
    return tuple(parse_address(one) for one in each)


def _mode(value: object) -> int:
    text = value if isinstance(value, str) else ""
    if not re.fullmatch("0?[0-7]{3}", text):
        raise ValueError('expected the octal digits of a mode in quotes, such as "0640"')
    return int(text, 8)


def _account(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return str(value)
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError("expected the name or the number of a user or group")
    return value


def _without_nul(value: str) -> str:
    if "\0" in value:
        raise ValueError("a text cannot hold a NUL character")
    return value


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
Words = Annotated[tuple[str, ...], BeforeValidator(_words), Unit("list of text")]
Addresses = Annotated[
    tuple[Address, ...], BeforeValidator(_addresses), Unit("address, or list of them")
]
FileMode = Annotated[int, BeforeValidator(_mode), Unit("octal digits in quotes")]
Account = Annotated[str, BeforeValidator(_account), Unit("name or number")]
Text = Annotated[
    str, Field(min_length=1, max_length=4096), AfterValidator(_without_nul), Unit("text")
]
ResourceName = Annotated[
    str, Field(min_length=1, max_length=255), AfterValidator(_resource_name), Unit("text")
]
