"""What the selectors of our own attestors look like, so that a typo never waits for a caller."""

from __future__ import annotations

import re
from difflib import get_close_matches

from accredit.identity.selector import Selector

_NUMBER = (re.compile(r"0|[1-9][0-9]{0,9}"), "a decimal number")
_NAME = (re.compile(r"[^:\n]+"), "a name")
_FORMS = {
    "uid": _NUMBER,
    "user": _NAME,
    "gid": _NUMBER,
    "group": _NAME,
    "supplementary_gid": _NUMBER,
    "supplementary_group": _NAME,
    "path": (re.compile(r"/.+"), "an absolute path"),
    "sha256": (re.compile(r"[0-9a-f]{64}"), "64 lower-case hex digits"),
}
UNIX_KINDS = tuple(_FORMS)
# No attestor vouches for it: what has it was declared by the configuration's owner.
OUTPUT = "output"
_MAX_OUTPUT_NAME = 100


def mistake_in(selector: Selector) -> str | None:
    """Return what is wrong with a selector that no caller could ever have; None if nothing is.

    Types that are not ours to know are left alone.
    """
    if selector.type == OUTPUT:
        return mistake_in_output(selector.value)
    if selector.type != "unix":
        return None
    kind, _, value = selector.value.partition(":")
    if kind not in _FORMS:
        close = get_close_matches(kind, UNIX_KINDS, n=1)
        hint = f"; did you mean unix:{close[0]}?" if close else ""
        return f"unix:{kind[:40]} is unknown; expected one of {', '.join(UNIX_KINDS)}{hint}"
    form, expected = _FORMS[kind]
    if not form.fullmatch(value):
        return f"unix:{kind} needs {expected}, not {value[:100]!r}"
    return None


def mistake_in_output(name: str) -> str | None:
    """Return why no output can have this name; None if it can."""
    if len(name) > _MAX_OUTPUT_NAME:
        return f"the name of an output is longer than {_MAX_OUTPUT_NAME} characters"
    if not name.isprintable() or name != name.strip() or not name:
        return "expected the name of an output, without control characters and outer blanks"
    return None
