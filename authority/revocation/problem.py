"""Why revocations do not reach verifiers. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from accredit.authority.revocation.crls import Crl, Root, Unsigned

# Clients that were told nothing else refuse messages of 4 MiB; roots and SVIDs need some of that.
_LARGE_BYTES = 3 << 20


def problem_of(
    held: Mapping[str, Crl],
    due: Iterable[Unsigned],
    refused: Mapping[str, str],
    lacking: Sequence[Root],
) -> str:
    """Return the gravest reason, for people; empty if there is none."""
    return (
        _refused(refused)
        or _late(held, due)
        or _lacking(lacking)
        or _too_large(sum(len(each.der) for each in held.values()))
    )


def _refused(refused: Mapping[str, str]) -> str:
    for kid, error in refused.items():
        return f"the revocation list of root {kid} is not signed, and tried again: {error}"
    return ""


def _late(held: Mapping[str, Crl], due: Iterable[Unsigned]) -> str:
    """Tell of one that says something that the list there is does not."""
    for each in due:
        before = held.get(each.root.kid)
        if before is None or before.lines != each.lines:
            return f"the revocation list of root {each.root.kid} is being signed"
    return ""


def _lacking(roots: Sequence[Root]) -> str:
    if not roots:
        return ""
    kids = ", ".join(root.kid for root in roots)
    return (
        f"no revocation list is served, as nobody has the key of root {kids} any more, and a"
        " root without a list would be refused whole; it goes by itself: accredit ca show"
    )


def _too_large(size: int) -> str:
    if size <= _LARGE_BYTES:
        return ""
    return (
        f"gRPC clients of the Workload API that take no more than 4 MiB will soon refuse"
        f" revocation lists of {size} bytes; they shrink as revoked SVIDs end"
    )
