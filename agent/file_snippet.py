"""What a person pastes into a program's configuration. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from accredit.file_output.profiles.catalogue import profile_named
from accredit.file_output.snippets.allowed import Allowed, Snippet, checked_path
from accredit.file_output.snippets.apache import apache
from accredit.file_output.snippets.haproxy import haproxy
from accredit.file_output.snippets.nginx import nginx
from accredit.file_output.snippets.postgresql import postgresql
from accredit.file_output.spec import Kind
from accredit.identity.spiffe_id import SpiffeId

_BELOW = "/*"
_BIND = "bind"  # what HAProxy takes at the end of a line
_Check = Callable[[Allowed, str, str], Snippet]
_CHECKS: Mapping[str, tuple[_Check, str]] = {
    "nginx": (nginx, "/etc/nginx"),
    "apache": (apache, "/etc/apache2"),
    "haproxy": (haproxy, "/etc/haproxy"),
    "haproxy-runtime": (haproxy, "/etc/haproxy"),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """``allow`` are SPIFFE IDs, or ``ID/*``; ``users`` are ``COMMON-NAME=USER``."""

    profile: str
    allow: tuple[str, ...]
    users: tuple[str, ...]
    folder: str
    scripts: Path | None = None


def text(asked: Asked) -> tuple[str, dict[str, str]]:
    """Return the text, and the scripts by their names.

    Raises:
        ValueError: there is no such profile, or its program cannot check what is asked.
    """
    profile = profile_named(asked.profile)
    checks = _check(asked)
    parts = [f"# {profile.name}: {profile.note}" if profile.note else f"# {profile.name}"]
    parts += _own_lines(profile.lines.replace("{dir}", checked_path(asked.folder)), checks)
    for place, lines in checks.lines.items():
        if place != _BIND:
            parts += [f"\n# {place}", lines.rstrip("\n")]
    for name, content in checks.files.items():
        if asked.scripts is None:
            parts += [f"\n# the script {name}", content.rstrip("\n")]
    return "\n".join(parts) + "\n", checks.files


def _own_lines(lines: str, checks: Snippet) -> Iterator[str]:
    """Yield the profile's lines but for those the checks have too: twice is an error in nginx."""
    again = {line for part in checks.lines.values() for line in part.splitlines()}
    for line in lines.splitlines():
        if _BIND in checks.lines and line.startswith(f"{_BIND} "):
            yield f"{line.partition(' ca-file ')[0]} {checks.lines[_BIND]}"
        elif line not in again:
            yield line


def _check(asked: Asked) -> Snippet:
    bundle = f"{asked.folder}/{_bundle_name(asked.profile)}"
    if asked.profile == "postgresql":
        if asked.allow:
            raise ValueError(
                "postgresql sees the subject of a certificate only, and no SPIFFE ID; give"
                " --user COMMON-NAME=USER"
            )
        return postgresql(_users(asked.users), bundle) if asked.users else Snippet({}, {})
    if asked.users:
        raise ValueError("--user is for postgresql only")
    if not asked.allow:
        return Snippet({}, {})
    if asked.profile not in _CHECKS:
        raise ValueError(
            f"{asked.profile} cannot be made to check SPIFFE IDs; these can:"
            f" {', '.join(sorted(_CHECKS))}"
        )
    check, folder = _CHECKS[asked.profile]
    scripts = folder if asked.scripts is None else str(asked.scripts.absolute())
    return check(_allowed(asked.allow), bundle, scripts)


def _bundle_name(profile: str) -> str:
    files = profile_named(profile).recipe.files
    return next((spec.name for spec in files if spec.kind is Kind.OWN_BUNDLE), "ca.crt")


def _allowed(allow: Iterable[str]) -> Allowed:
    allow = tuple(dict.fromkeys(allow))
    exact = [SpiffeId.parse(each) for each in allow if not each.endswith(_BELOW)]
    below = [SpiffeId.parse(each.removesuffix(_BELOW)) for each in allow if each.endswith(_BELOW)]
    return Allowed(tuple(exact), tuple(below))


def _users(users: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in users:
        name, equals, user = each.partition("=")
        if not equals:
            raise ValueError(f"--user {each[:100]!r}: expected COMMON-NAME=USER")
        found[name] = user
    return found
