"""What names are compared with: matchers that match more than they seem to, or nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator

from accredit.envoy.lint import rbac
from accredit.envoy.lint.bootstrap import Bootstrap
from accredit.envoy.lint.edit import Remove, Rename, Set, Value
from accredit.envoy.lint.place import Place
from accredit.envoy.lint.rule import Found, error, warning
from accredit.envoy.lint.tls import SAN_TYPES, San, sans
from accredit.identity.errors import SpiffeIdError
from accredit.identity.spiffe_id import SpiffeId

_SCHEME = "spiffe://"
_WHOLE_SEGMENTS = re.compile(r"/\.[*+]$")
_ESCAPED = re.compile(r"\\.")
_LOOSE = re.compile(r"\.")


def _compared(bootstrap: Bootstrap) -> Iterator[San]:
    for context in bootstrap.validation_contexts:
        yield from sans(context)
    for chain in bootstrap.chains:
        for each in chain.rbacs:
            yield from rbac.names(each.get("rules"))
            yield from rbac.names(each.get("matcher"))


def _is_uri(san: San, text: str) -> bool:
    kind = san.kind.enum(*SAN_TYPES)
    return kind == "URI" or (not kind and "/" in text) or text.startswith(_SCHEME)


def _texts(bootstrap: Bootstrap, *kinds: str) -> Iterator[tuple[San, Place]]:
    """Yield what is compared with URI SANs, in matchers of these kinds."""
    for san in _compared(bootstrap):
        for kind in kinds:
            place = san.matcher.get(*kind.split("."))
            if place and _is_uri(san, place.text):
                yield san, place


def _type(bootstrap: Bootstrap) -> Iterator[Found]:
    for san, place in _texts(bootstrap, "exact", "prefix", "safe_regex.regex"):
        said = san.kind.enum(*SAN_TYPES)
        if said not in {"", "URI"} and place.text.startswith(_SCHEME):
            what = f"a SPIFFE ID is never found among SANs of type {said}"
            yield Found(san.kind, what, Set(san.kind, "URI"))


def _deprecated(bootstrap: Bootstrap) -> Iterator[Found]:
    for context in bootstrap.validation_contexts:
        if old := context.get("match_subject_alt_names"):
            typed = context.get("match_typed_subject_alt_names")
            edit = None if typed else _typed(old)
            yield Found(old, "these are compared with SANs of every type", edit)


def _typed(old: Place) -> Rename | None:
    listed: list[Value] = []
    for each in old.items():
        fields = [(name, place.text) for name, place in each.fields()]
        if len(fields) != 1 or not fields[0][1].startswith(_SCHEME):
            return None
        listed.append({"san_type": "URI", "matcher": dict(fields)})
    return Rename(old, "match_typed_subject_alt_names", listed) if listed else None


def _not_an_id(bootstrap: Bootstrap) -> Iterator[Found]:
    for _, place in _texts(bootstrap, "exact"):
        if place.text.startswith(_SCHEME) and not _is_workload(place.text):
            yield Found(place, f"no X.509-SVID has the ID {place.text[:100]!r}")


def _is_workload(text: str) -> bool:
    try:
        return bool(SpiffeId.parse(text).path)
    except SpiffeIdError:
        return False


def _prefix(bootstrap: Bootstrap) -> Iterator[Found]:
    for _, place in _texts(bootstrap, "prefix"):
        if place.text == _SCHEME:
            continue  # which nobody writes by mistake; another rule tells of it
        domain, slash, _ = place.text.removeprefix(_SCHEME).partition("/")
        if not place.text.startswith(_SCHEME) or not domain:
            yield Found(place, f"{place.text[:100]!r} begins IDs of more than one trust domain")
        elif not slash:
            what = f"{place.text[:100]!r} also begins the IDs of {domain[:100]}.another.example"
            yield Found(place, what)
        elif not place.text.endswith("/"):
            what = f"{place.text[:100]!r} also begins {place.text[-50:] + '-another'!r}"
            yield Found(place, what)


def _everybody(bootstrap: Bootstrap) -> Iterator[Found]:
    for _, place in _texts(bootstrap, "prefix"):
        if place.text == _SCHEME:
            yield Found(place, "lets in every identity of every trust domain that is believed")


def _part(bootstrap: Bootstrap) -> Iterator[Found]:
    for _, place in _texts(bootstrap, "suffix", "contains"):
        yield Found(place, f"IDs of every trust domain can hold {place.text[:100]!r}")


def _regex(bootstrap: Bootstrap) -> Iterator[Found]:
    for _, place in _texts(bootstrap, "safe_regex.regex"):
        if reason := looseness(place.text):
            yield Found(place, f"{place.text[:100]!r} {reason}")


def looseness(regex: str) -> str:
    """Return how ``regex``, which Envoy holds against the whole ID, is loose; empty if it is not.

    Parts between top-level bars are looked at one by one.
    """
    parts = regex.split("|") if "(" not in regex else [regex]
    return next((reason for part in parts if (reason := _loose_part(part))), "")


def _loose_part(regex: str) -> str:
    text = regex.strip().removeprefix("^").removesuffix("$").replace(r"\/", "/")
    if not text.startswith(_SCHEME):
        return f"does not begin with {_SCHEME}, so any trust domain can match"
    domain, _, path = text.removeprefix(_SCHEME).partition("/")
    if _LOOSE.search(_ESCAPED.sub("", domain)):
        return "has a dot in its trust domain that stands for any character; write \\."
    path = _WHOLE_SEGMENTS.sub("/", "/" + path)
    if _LOOSE.search(_ESCAPED.sub("", path)):
        return "has a dot in its path that stands for any character, a slash too"
    return ""


def _case(bootstrap: Bootstrap) -> Iterator[Found]:
    for san in _compared(bootstrap):
        said = san.matcher.get("ignore_case")
        if said.is_true:
            yield Found(said, "SPIFFE IDs that differ in case are different", Remove(said))


RULES = (
    error(
        "san-type",
        "a SPIFFE ID in a matcher whose san_type is not URI never matches",
        "set san_type: URI",
        _type,
    ),
    warning(
        "san-untyped",
        "match_subject_alt_names is deprecated and looks at SANs of every type",
        "use match_typed_subject_alt_names with san_type: URI",
        _deprecated,
    ),
    error(
        "san-not-an-id",
        "a matcher for what can be no workload's SPIFFE ID never matches",
        "write the whole ID: lower-case trust domain, a path, no slash at its end",
        _not_an_id,
    ),
    error(
        "san-prefix",
        "a prefix that does not end with a slash also begins the IDs of others",
        "end it with a slash, or name the exact ID",
        _prefix,
    ),
    warning(
        "san-everybody",
        "the prefix spiffe:// matches every identity of every trust domain",
        "name trust domains or IDs, unless everybody is meant",
        _everybody,
    ),
    error(
        "san-part",
        "suffix and contains match IDs of every trust domain",
        "name the exact ID, or a prefix that ends with a slash",
        _part,
    ),
    error(
        "san-regex",
        "an unescaped dot in a regex matches every character, a slash or more of them too",
        r"escape dots as \., write [^/]+ for one part of a path, begin with spiffe:// and the "
        "trust domain",
        _regex,
    ),
    error(
        "san-ignore-case",
        "ignore_case takes another workload's ID for this one",
        "take ignore_case away",
        _case,
    ),
)
