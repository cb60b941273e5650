"""What the selectors of our own attestors look like, so that a typo never waits for a caller."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches

from accredit.identity.selector import Selector

_Form = tuple[re.Pattern[str], str]

_NUMBER = (re.compile(r"0|[1-9][0-9]{0,9}"), "a decimal number")
_NAME = (re.compile(r"[^:\n]+"), "a name")
_PATH = (re.compile(r"/.+"), "an absolute path")
_ALONE = (re.compile(r"(?!)"), "nothing after it")
_UNIX: Mapping[str, _Form] = {
    "uid": _NUMBER,
    "user": _NAME,
    "gid": _NUMBER,
    "group": _NAME,
    "supplementary_gid": _NUMBER,
    "supplementary_group": _NAME,
    "path": _PATH,
    "sha256": (re.compile(r"[0-9a-f]{64}"), "64 lower-case hex digits"),
}
_CONTAINER: Mapping[str, _Form] = {
    "label": (re.compile(r"[^:]+:.*", re.DOTALL), "a key and a value, as in label:app:checkout"),
    "env": (re.compile(r"[^=]+=.*", re.DOTALL), "a variable and its value, as in env:STAGE=prod"),
    "image_id": (re.compile(r"\S+"), "the name an image was asked for by"),
    "image_config_digest": (re.compile(r"sha256:[0-9a-f]{64}"), "sha256: and 64 hex digits"),
    "name": (re.compile(r"[A-Za-z0-9][\w.-]*", re.ASCII), "the name of a container"),
}
_KEYED = (re.compile(r"[^:]+:.*"), "a key, a colon and a value")
_OWNED = (re.compile(r"[^:]+:.+"), "a kind, a colon and a value, such as ReplicaSet:web")
_ANYTHING = (re.compile(r".+"), "a value")
_NAMED = (re.compile(r"[^:/\s]+"), "a name, without colons and slashes")
# The signatures of images are SPIRE's sigstore selectors, which nobody here gives.
_K8S: Mapping[str, _Form] = {
    "ns": _NAMED,
    "ns-label": _KEYED,
    "sa": _NAMED,
    "node-name": _NAMED,
    "pod-uid": _NAMED,
    "pod-name": _NAMED,
    "pod-label": _KEYED,
    "pod-owner": _OWNED,
    "pod-owner-uid": _OWNED,
    "pod-image": _ANYTHING,
    "pod-image-count": _NUMBER,
    "pod-init-image": _ANYTHING,
    "pod-init-image-count": _NUMBER,
    "container-name": _NAMED,
    "container-image": _ANYTHING,
}
_LINUX: Mapping[str, _Form] = {
    "host": _ALONE,
    "container": _ALONE,
    "no_login": _ALONE,
    "cgroup": (re.compile(r"/.*"), "a path from the root of cgroups"),
    "selinux": (re.compile(r"[^:]+(:[^:]+){2}.*"), "a context, as in u:r:web_t:s0"),
    "selinux_type": _NAME,
    "apparmor": (re.compile(r".+"), "the name of a profile"),
}
_UNIT = r"[\w:.\\@-]+\."
_USERS_UNIT: Mapping[str, _Form] = {
    "id": (
        re.compile(_UNIT + "(service|scope|socket|mount|swap|slice)", re.ASCII),
        "a whole name, such as web.service",
    ),
    "slice": (re.compile(_UNIT + "slice", re.ASCII), "a whole name, such as web.slice"),
}
_SYSTEMD: Mapping[str, _Form] = {
    **_USERS_UNIT,
    "fragment_path": _PATH,
    "invocation_id": (re.compile(r"[0-9a-f]{32}"), "32 lower-case hex digits"),
}
_TYPES = {
    "unix": _UNIX,
    "linux": _LINUX,
    "systemd": _SYSTEMD,
    "docker": _CONTAINER,
    "k8s": _K8S,
}
# The word of one user, whose number comes first.
_USERS = {
    "systemd-user": (_USERS_UNIT, "1000:id:web.service"),
    "podman-user": (_CONTAINER, "1000:label:app:checkout"),
}
UNIX_KINDS = tuple(_UNIX)
# Of these a caller has several, told apart by a key: label:app:web.
_WITH_KEYS = frozenset({"label", "pod-label", "ns-label", "pod-owner", "pod-owner-uid"})
# Slashes, colons and equals signs are in all of their values.
_NO_SEGMENT = frozenset(
    {
        *("unix:path", "linux:cgroup", "linux:selinux", "systemd:fragment_path"),
        *("docker:env", "docker:image_config_digest"),
        *("k8s:pod-image", "k8s:pod-init-image", "k8s:container-image"),
    }
)
# No attestor vouches for it: what has it was declared by the configuration's owner.
OUTPUT = "output"
_MAX_OUTPUT_NAME = 100


def mistake_in(selector: Selector) -> str | None:
    """Return what is wrong with a selector that no caller could ever have; None if nothing is.

    Types that are not ours to know are left alone.
    """
    if selector.type == OUTPUT:
        return mistake_in_output(selector.value)
    if selector.type in _USERS:
        return _mistake_of_user(selector.type, selector.value)
    forms = _TYPES.get(selector.type)
    return _mistake_in(selector.type, forms, selector.value) if forms else None


def _mistake_in(name: str, forms: Mapping[str, _Form], text: str) -> str | None:
    kind, colon, value = text.partition(":")
    if kind not in forms:
        close = get_close_matches(kind, forms, n=1)
        hint = f"; did you mean {name}:{close[0]}?" if close else ""
        return f"{name}:{kind[:40]} is unknown; expected one of {', '.join(forms)}{hint}"
    form, expected = forms[kind]
    if (colon or forms[kind] is not _ALONE) and not form.fullmatch(value):
        return f"{name}:{kind} needs {expected}, not {value[:100]!r}"
    return None


def _mistake_of_user(name: str, text: str) -> str | None:
    forms, example = _USERS[name]
    user, _, rest = text.partition(":")
    if not _NUMBER[0].fullmatch(user):
        return f"{name} needs the number of a user, as in {name}:{example}"
    return _mistake_in(f"{name}:{user}", forms, rest)


def is_keyed(kind: str) -> bool:
    """Tell whether a caller has several selectors of this kind, each with a key of its own."""
    return kind in _WITH_KEYS


def mistake_in_reference(name: str, kind: str = "", key: str = "") -> str | None:
    """Return why no caller could ever have one value for ``{type:kind:key}`` that fits an ID."""
    shown = ":".join(part for part in (name, kind, key) if part)[:100]
    forms = _TYPES.get(name)
    if name in _USERS:
        return f"{{{shown}}} would be the word of a user: no ID can be made of it"
    if forms and kind not in forms:
        return f"{{{shown}}} is unknown; expected {name}: and one of {', '.join(forms)}"
    if forms and forms[kind] is _ALONE:
        return f"{{{shown}}} has no value"
    if f"{name}:{kind}" in _NO_SEGMENT:
        return f"{{{shown}}} has values that no path segment can hold"
    return _mistake_in_key(shown, name, kind, key)


def _mistake_in_key(shown: str, name: str, kind: str, key: str) -> str | None:
    if key and kind not in _WITH_KEYS:
        return f"{{{shown}}} has a key too many: write {{{name}:{kind}}}"
    if not key and kind in _WITH_KEYS:
        return f"{{{shown}}} needs a key: write {{{shown}:app}} for the one called app"
    return None


def mistake_in_output(name: str) -> str | None:
    """Return why no output can have this name; None if it can."""
    if len(name) > _MAX_OUTPUT_NAME:
        return f"the name of an output is longer than {_MAX_OUTPUT_NAME} characters"
    if not name.isprintable() or name != name.strip() or not name:
        return "expected the name of an output, without control characters and outer blanks"
    return None
