"""Which entries one caller could match together. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from accredit.authority.entry_template import Declared
from accredit.authority.references import Reference
from accredit.identity.selector import Selector

_Fact = tuple[str, str]
# Of these a process has several; of the others it has one.
_SEVERAL = {
    *(("unix", "supplementary_gid"), ("unix", "supplementary_group"), ("docker", "env")),
    *(("k8s", kind) for kind in ("pod-image", "pod-init-image", "container-image")),
}


def overlaps(entries: Sequence[Declared]) -> Iterator[tuple[Declared, Declared]]:
    """Yield each entry that a caller of an earlier one could match too, after the first such.

    Two never meet if they want different values of one fact, such as two uids. Everything else is
    taken to be possible.
    """
    # Sets of places as the bits of numbers: ten thousand entries take a moment, not a minute.
    everyone = (1 << len(entries)) - 1
    having: defaultdict[_Fact, int] = defaultdict(int)
    wanting: defaultdict[tuple[_Fact, str], int] = defaultdict(int)
    for place, entry in enumerate(entries):
        for fact, value in _facts(entry):
            having[fact] |= 1 << place
            wanting[fact, value] |= 1 << place
    for place, entry in enumerate(entries):
        meeting = everyone & ((1 << place) - 1)
        for fact, value in _facts(entry):
            meeting &= wanting[fact, value] | ~having[fact]
        if meeting:
            yield entries[(meeting & -meeting).bit_length() - 1], entry


def _facts(entry: Declared) -> Iterator[tuple[_Fact, str]]:
    for selector in entry.selectors:
        fact, value = _split(selector)
        if fact not in _SEVERAL:
            yield fact, value


def _split(selector: Selector) -> tuple[_Fact, str]:
    reference = Reference.of(selector)
    return (reference.type, reference.kind), selector.value.removeprefix(reference.kind)
