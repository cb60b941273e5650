"""SPIFFE IDs with references in them, and the one ID each caller gets of such a template.

The shape is fixed: literal segments stay as they are, and a reference is one whole segment. So no
value can leave its segment, and two values never flow together. The first segment is literal, which
is the fence around everything a template can ever give.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from accredit.authority.references import Reference, Values
from accredit.identity.errors import SelectorError, SpiffeIdError
from accredit.identity.spiffe_id import SpiffeId, TrustDomain

MAX_VALUE = 253  # the longest name of a Kubernetes object
_VALUE = re.compile(r"[A-Za-z0-9._-]+")  # SPIFFE-ID section 2.2
_SEGMENT = re.compile(r"/(?:\{(?P<reference>[^{}]*)\}|(?P<literal>[^/{}]+))(?=/|\Z)")
_SHAPE = "a reference such as {k8s:ns} takes the whole of a path segment"


@dataclass(frozen=True, slots=True)
class IdTemplate:
    """A path of literal segments and references, valid by construction.

    Raises:
        SpiffeIdError: a literal segment is bad, the first is no literal, or no reference is there.
    """

    trust_domain: TrustDomain
    segments: tuple[str | Reference, ...]

    def __post_init__(self) -> None:
        if not self.segments or not isinstance(self.segments[0], str):
            raise SpiffeIdError(str(self), "a template begins with a segment of plain text")
        if not self.references:
            raise SpiffeIdError(str(self), "nothing is referred to")
        literals = [each for each in self.segments if isinstance(each, str)]
        try:
            SpiffeId(self.trust_domain, "".join(f"/{each}" for each in literals))
        except SpiffeIdError as error:
            raise SpiffeIdError(str(self), error.reason) from None

    @classmethod
    def parse(cls, trust_domain: TrustDomain, path: str) -> IdTemplate:
        """Parse ``/ns/{k8s:ns}/sa/{k8s:sa}``.

        Raises:
            SpiffeIdError: it is no template.
            SelectorError: a reference refers to nothing.
        """
        return cls(trust_domain, tuple(_segments(path)))

    @property
    def references(self) -> tuple[Reference, ...]:
        """The references, in order."""
        return tuple(each for each in self.segments if isinstance(each, Reference))

    def values(self, caller: Values) -> tuple[str, ...] | None:
        """Return the caller's one value for each reference; None if that cannot be."""
        found = [caller.of(reference) for reference in self.references]
        if any(_mistake(values) for values in found):
            return None
        return tuple(value for (value,) in found)

    def fill(self, values: Sequence[str]) -> SpiffeId | None:
        """Return the ID with ``values`` for the references; None if there is no such ID."""
        if any(map(mistake_in_value, values)) or len(values) != len(self.references):
            return None
        rest = iter(values)
        parts = (each if isinstance(each, str) else next(rest) for each in self.segments)
        try:
            return SpiffeId(self.trust_domain, "".join(f"/{part}" for part in parts))
        except SpiffeIdError:
            return None  # too long altogether

    def mistakes(self, caller: Values) -> Iterator[tuple[Reference, str]]:
        """Yield each reference that has no value for this caller, and why."""
        for reference in dict.fromkeys(self.references):
            if reason := _mistake(caller.of(reference)):
                yield reference, reason

    def __str__(self) -> str:
        return f"spiffe://{self.trust_domain}{self.path}"

    @property
    def path(self) -> str:
        """The path, references in braces."""
        parts = (each if isinstance(each, str) else f"{{{each}}}" for each in self.segments)
        return "".join(f"/{part}" for part in parts)


def mistake_in_value(value: str) -> str | None:
    """Return why ``value`` cannot be one path segment; None if it can."""
    if len(value) > MAX_VALUE:
        return f"its value is longer than {MAX_VALUE} characters"
    if value in {".", ".."} or not _VALUE.fullmatch(value):
        return f"its value {value[:100]!r} cannot be one path segment of a SPIFFE ID"
    return None


def _mistake(values: Sequence[str]) -> str | None:
    if not values:
        return "the caller has none"
    if len(values) > 1:
        return f"the caller has {len(values)} of them, and only one can be meant"
    return mistake_in_value(values[0])


def _segments(path: str) -> Iterator[str | Reference]:
    at = 0
    while at < len(path):
        found = _SEGMENT.match(path, at)
        if found is None:
            raise SpiffeIdError(path, _SHAPE)
        reference = found["reference"]
        yield found["literal"] if reference is None else _reference(path, reference)
        at = found.end()


def _reference(path: str, text: str) -> Reference:
    try:
        return Reference.parse(text)
    except SelectorError as error:
        raise SpiffeIdError(path, str(error)) from None
