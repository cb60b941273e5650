"""What an operator should know is wrong with relationships, in a line each. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from accredit.identity.durations import format_duration

_MOST_INTERVALS = 3
_SECOND = timedelta(seconds=1)
_View = Mapping[str, Any]


def problems_of_relationships(views: Iterable[_View], now: datetime) -> Iterator[str]:
    """Yield what is wrong with each relationship as plain data, and what helps."""
    for view in views:
        for each in _of_one(view, now):
            yield f"federation with {view['trust_domain']}: {each}"


def _of_one(view: _View, now: datetime) -> Iterator[str]:
    bundle = view["bundle"]
    if bundle is None:
        yield from _without_bundle(view)
        return
    if not bundle["x509_authorities"] and not bundle["jwt_authorities"]:
        yield f"its bundle has no key, nothing of it is trusted; ask the partner, or {_set(view)}"
    if (until := bundle["x509_until"]) and _moment(until) <= now:
        ended = f"every root in its bundle has expired, the last on {until}"
        yield f"{ended}; ask the partner for its new bundle, and {_set(view)}"
    yield from _stale(view, now)


def _without_bundle(view: _View) -> Iterator[str]:
    if view["failures"]:
        yield f"there is no bundle, nothing of it is trusted; {_tries(view)}"


def _stale(view: _View, now: datetime) -> Iterator[str]:
    """Tell of a bundle that is older than the partner may expect of us."""
    age = now - _fresh(view)
    if age > _MOST_INTERVALS * view["interval"] * _SECOND:
        shown = format_duration(age // _SECOND * _SECOND)
        yield f"nothing fetched for {shown}, the bundle held still counts; {_tries(view)}"


def _fresh(view: _View) -> datetime:
    """Return until when the bundle held was as new as it should be."""
    if view["failures"]:
        return _moment(view["succeeded"] or view["failing_since"])
    return max(_moment(each) for each in (view["succeeded"], view["bundle"]["since"]) if each)


def _tries(view: _View) -> str:
    cure, count = _set(view), view["failures"]
    if not count:
        return f"none was tried; {cure}"
    words = "1 try has" if count == 1 else f"{count} tries have"
    if cure in view["error"]:
        return f"{words} failed: {view['error']}"
    return f"{words} failed: {view['error']}; see whether {view['url']} answers, or {cure}"


def _set(view: _View) -> str:
    return f"run: accredit bundle set {view['trust_domain']} FILE"


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
