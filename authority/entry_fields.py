"""The fields of one entry: from plain data to values, reporting what is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from difflib import get_close_matches
from typing import TypeVar

from accredit.authority.id_template import IdTemplate
from accredit.authority.selector_kinds import mistake_in
from accredit.identity.durations import parse_duration
from accredit.identity.errors import SelectorError, SpiffeIdError
from accredit.identity.selector import Selector
from accredit.identity.spiffe_id import SpiffeId, TrustDomain
from accredit.identity.yaml_lines import Key, Plain

T = TypeVar("T")

_BRACES = frozenset("{}")
KEYS = ("id", "selectors", "ttl", "jwt_ttl", "federates_with", "hint", "default", "dns_names")
_MAX_HINT_BYTES = 1024  # Workload API section 8
_MAX_DNS_NAME = 253
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_DNS_NAME = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*")


class EntryFields:
    """Reads one entry's mapping; ``report(key, reason)`` is told of every mistake.

    A field with a mistake reads as empty, so that the next one can be looked at.
    """

    def __init__(self, data: Mapping[str, Plain], report: Callable[[Key, str], None]) -> None:
        self._data = data
        self._report = report

    def check_keys(self) -> None:
        """Report keys that are not an entry's."""
        for key in self._data:
            if key not in KEYS:
                close = get_close_matches(key, KEYS, n=1)
                cure = f"did you mean {close[0]!r}?" if close else f"expected {', '.join(KEYS)}"
                self._report((key,), f"unknown key; {cure}")

    def spiffe_id(self, trust_domain: TrustDomain) -> SpiffeId | IdTemplate:
        """Read ``id``: a path, or a whole ID of ``trust_domain``, or either with references."""
        value = self._data.get("id")
        if not isinstance(value, str) or not (value.startswith("/") or "://" in value):
            self._report(("id",), "expected a path such as /ns/web, or a whole SPIFFE ID")
            return trust_domain.id
        try:
            whole = _whole(value, trust_domain)
        except SpiffeIdError as error:
            self._report(("id",), str(error))
            return trust_domain.id
        if whole.trust_domain != trust_domain:
            reason = f"belongs to trust domain {whole.trust_domain}; expected {trust_domain}"
            self._report(("id",), reason)
        elif not whole.path:
            self._report(("id",), "a workload's SPIFFE ID needs a path, such as /ns/web")
        return whole

    def selectors(self) -> frozenset[Selector]:
        """Read ``selectors``: each ``type:value`` and once; a template may have none."""
        found = [s for _, s in self._items("selectors", _selector, "unix:uid:1000")]
        # What a template refers to must hold as well, so it never matches everybody.
        refers = not _BRACES.isdisjoint(str(self._data.get("id")))
        if not refers and not found and self._data.get("selectors") in (None, []):
            self._report(("selectors",), "expected at least one, such as unix:uid:1000")
        return frozenset(found)

    def federates_with(self, trust_domain: TrustDomain) -> tuple[TrustDomain, ...]:
        """Read ``federates_with``: other trust domains than the own."""
        found = tuple(self._items("federates_with", TrustDomain.parse, "partner.example"))
        for place, other in found:
            if other == trust_domain:
                self._report(("federates_with", place), "is the own trust domain")
        return tuple(other for _, other in found)

    def dns_names(self) -> tuple[str, ...]:
        """Read ``dns_names``: lower case."""
        return tuple(name for _, name in self._items("dns_names", _dns_name, "web.internal"))

    def duration(self, key: str, default: timedelta) -> timedelta:
        """Read a lifetime."""
        value = self._data.get(key)
        if value is None:
            return default
        try:
            return parse_duration(value if isinstance(value, str) else "")
        except ValueError as error:
            reason = str(error) if isinstance(value, str) else "expected a duration such as 1h"
            self._report((key,), reason)
            return default

    def hint(self) -> str:
        """Read ``hint``."""
        value = self._data.get("hint", "")
        if not isinstance(value, str) or not value.isprintable():
            self._report(("hint",), "expected one line of text; quote it if it looks like a number")
            return ""
        if len(value.encode()) > _MAX_HINT_BYTES:
            self._report(("hint",), f"is longer than {_MAX_HINT_BYTES} bytes")
        return value

    def default(self) -> bool:
        """Read ``default``."""
        value = self._data.get("default", False)
        if not isinstance(value, bool):
            self._report(("default",), "expected true or false")
        return value is True

    def _items(self, key: str, parse: Callable[[str], T], example: str) -> Iterator[tuple[int, T]]:
        """Yield place and value of each good item of a list of text."""
        values = self._data.get(key)
        if values is None:
            return
        if not isinstance(values, list):
            self._report((key,), f"expected a list such as [{example!r}]")
            return
        seen: set[T] = set()
        for place, value in enumerate(values):
            try:
                item = parse(_text(value, example))
            except ValueError as error:
                self._report((key, place), str(error))
                continue
            if item in seen:
                self._report((key, place), f"{value!r} is listed twice")
            seen.add(item)
            yield place, item


def _whole(text: str, trust_domain: TrustDomain) -> SpiffeId | IdTemplate:
    if not _BRACES.isdisjoint(text):
        return _template(text, trust_domain)
    return SpiffeId.parse(text) if "://" in text else SpiffeId(trust_domain, text)


def _template(text: str, trust_domain: TrustDomain) -> IdTemplate:
    scheme, colon, rest = text.rpartition("://")
    name, slash, path = rest.partition("/")
    if scheme:
        trust_domain = SpiffeId.parse(f"{scheme}{colon}{name}").trust_domain
    return IdTemplate.parse(trust_domain, slash + path)


def _text(value: Plain, example: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"expected text such as {example!r}, in quotes")  # noqa: TRY004
    return value


def _selector(text: str) -> Selector:
    selector = Selector.parse(text)
    if mistake := mistake_in(selector):
        raise SelectorError(mistake)
    return selector


def _dns_name(text: str) -> str:
    if len(text) > _MAX_DNS_NAME or not _DNS_NAME.fullmatch(text):
        raise ValueError(f"{text[:100]!r} is not a lower-case DNS name such as web.internal")
    return text
