"""The label that a security module has put on a caller."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from accredit.attestation.evidence import Evidence
from accredit.attestation.process import Process
from accredit.identity.selector import Selector

_ENFORCED = frozenset({"enforce", "kill"})
_CONTEXT_PARTS = 3  # user, role, type; the level after them is optional, and has colons


def label(process: Process, sysfs: Path) -> Evidence:
    """Return the SELinux context, or the AppArmor profile; nothing where neither is enforced.

    What is not enforced is not told: under a permissive policy a process takes any label.
    """
    if _says(sysfs / "fs/selinux/enforce", "1"):
        parse = selinux
    elif _says(sysfs / "module/apparmor/parameters/enabled", "Y"):
        parse = apparmor
    else:
        return Evidence(frozenset())
    try:
        raw = process.read("attr/current")
    except OSError as error:
        return Evidence(frozenset(), {f"linux:{parse.__name__}": f"cannot be read: {error}"})
    return Evidence(frozenset(Selector("linux", each) for each in parse(raw)))


def selinux(raw: bytes) -> Iterator[str]:
    """Yield the whole context and its type, from ``/proc/PID/attr/current``."""
    context = _text(raw)
    parts = context.split(":")
    if len(parts) >= _CONTEXT_PARTS and all(parts[:_CONTEXT_PARTS]):
        yield f"selinux:{context}"
        yield f"selinux_type:{parts[2]}"


def apparmor(raw: bytes) -> Iterator[str]:
    """Yield the profile from ``/proc/PID/attr/current``, such as ``web (enforce)``."""
    profile, _, mode = _text(raw).rpartition(" (")
    if profile and mode.removesuffix(")") in _ENFORCED:
        yield f"apparmor:{profile}"


def _text(raw: bytes) -> str:
    """Return the label without the NUL or newline that ends it; nothing if it is no plain text."""
    try:
        text = raw.rstrip(b"\0\n").decode()
    except UnicodeDecodeError:
        return ""
    return text if text.isprintable() else ""


def _says(file: Path, expected: str) -> bool:
    try:
        return file.read_text().strip() == expected
    except OSError:
        return False
