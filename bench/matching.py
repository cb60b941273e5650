"""Matching callers among ten thousand entries, in a process of its own: ``bench.matching``.

Three sets of entries: each with a fact of its own; of pairs of facts that hundreds share, so that
many nearly match; and templates. Callers have what an attested one has in a container.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from random import Random

from accredit.authority.entry import Entry
from accredit.authority.entry_set import EntrySet
from accredit.authority.entry_template import Declared, EntryTemplate
from accredit.authority.id_template import IdTemplate
from accredit.identity.selector import Selector
from accredit.identity.spiffe_id import SpiffeId, TrustDomain
from bench.report import percentile

_ENTRIES = 10_000
_SIDE = 100
_CALLERS = 20_000
_HOUR = timedelta(hours=1)
_DOMAIN = TrustDomain("bench.example")
_random = Random(1)  # noqa: S311  the same callers in every run


def _selectors(*texts: str) -> frozenset[Selector]:
    return frozenset(map(Selector.parse, texts))


def _entry(number: int, *texts: str) -> Entry:
    spiffe_id = SpiffeId(_DOMAIN, f"/{number}")
    return Entry(str(number), spiffe_id, _selectors(*texts), _HOUR, _HOUR)


def _own_fact() -> Iterator[Declared]:
    for number in range(_ENTRIES):
        yield _entry(number, "unix:gid:100", f"unix:user:user{number}")


def _shared_pairs() -> Iterator[Declared]:
    for number in range(_ENTRIES):
        namespace, account = divmod(number, _SIDE)
        yield _entry(number, f"k8s:ns:ns{namespace}", f"k8s:sa:sa{account}")


def _templates() -> Iterator[Declared]:
    for number in range(_ENTRIES):
        shape = IdTemplate.parse(_DOMAIN, f"/{number}/{{k8s:ns}}/{{k8s:sa}}")
        wanted = _selectors(f"unix:user:user{number}")
        yield EntryTemplate(str(number), shape, wanted, _HOUR, _HOUR)


def _caller() -> frozenset[Selector]:
    return _selectors(
        "unix:uid:1000",
        "unix:gid:100",
        f"unix:user:user{_random.randrange(_ENTRIES)}",
        *(f"unix:supplementary_gid:{number}" for number in range(8)),
        f"k8s:ns:ns{_random.randrange(_SIDE)}",
        f"k8s:sa:sa{_random.randrange(_SIDE)}",
        *(f"k8s:pod-label:label{number}:value" for number in range(8)),
    )


def _times(entries: EntrySet) -> list[float]:
    callers = [_caller() for _ in range(_CALLERS)]
    took = []
    for caller in callers:
        # Of this thread's own time: what others do on a busy machine is not the question.
        started = time.thread_time_ns()
        found = entries.match(caller)
        took.append((time.thread_time_ns() - started) / 1e3)
        assert len(found) == 1  # noqa: S101  else this measures something else
    return took


def main() -> None:
    """Print the microseconds."""
    kinds: dict[str, Callable[[], Iterator[Declared]]] = {
        "entries with a fact of their own": _own_fact,
        "entries of pairs that others share": _shared_pairs,
        "templates": _templates,
    }
    answer = {}
    for name, kind in kinds.items():
        took = _times(EntrySet(kind()))
        answer[f"{name}: p50"], answer[f"{name}: p99"] = (percentile(took, p) for p in (0.5, 0.99))
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
