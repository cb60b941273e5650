"""Whom a sidecar talks to: patterns of SPIFFE IDs, and what each may do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from accredit.identity.errors import SpiffeIdError
from accredit.identity.spiffe_id import SpiffeId, TrustDomain

ANYBODY = "any identity of any trust domain"
_BELOW = "/*"


@dataclass(frozen=True, slots=True)
class Peer:
    """One SPIFFE ID or, with ``below``, every ID below a path of one trust domain.

    Without a trust domain: every ID of every trust domain whose bundle the agent delivers.

    Raises:
        ValueError: it would be neither.
    """

    trust_domain: TrustDomain | None
    path: str = ""
    below: bool = False

    def __post_init__(self) -> None:
        if self.trust_domain is not None:
            SpiffeId(self.trust_domain, self.path)  # raises what is wrong with it
        # One without a path is no workload, and everybody's has no path.
        if not self.below and (self.trust_domain is None or not self.path):
            raise ValueError("a peer is one workload, or all below a path or a trust domain")
        if self.trust_domain is None and self.path:
            raise ValueError("a path needs a trust domain")

    @classmethod
    def exactly(cls, spiffe_id: SpiffeId) -> Peer:
        """Return the peer that is this ID alone."""
        return cls(spiffe_id.trust_domain, spiffe_id.path)

    @property
    def is_exact(self) -> bool:
        """Whether it is one SPIFFE ID."""
        return not self.below and self.trust_domain is not None

    @property
    def text(self) -> str:
        """The whole ID, or what all of its IDs begin with."""
        if self.trust_domain is None:
            return "spiffe://"
        return f"{self.trust_domain.id}{self.path}" + ("/" if self.below else "")

    def around(self) -> Iterator[Peer]:
        """Yield every peer that this one belongs to: itself, and all below each path above."""
        yield self
        path = self.path
        while path:
            path = path.rpartition("/")[0]
            yield Peer(self.trust_domain, path, below=True)
        yield _EVERYBODY

    def __str__(self) -> str:
        if self.trust_domain is None:
            return ANYBODY
        return self.text + ("*" if self.below else "")


_EVERYBODY = Peer(None, below=True)


@dataclass(frozen=True, slots=True)
class Rule:
    """Each of ``peers`` may send requests with these methods to these paths; empty is all.

    A path that ends in ``/*`` stands for everything below it.
    """

    peers: tuple[Peer, ...]
    methods: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()

    @property
    def is_limited(self) -> bool:
        """Whether it allows some requests only."""
        return bool(self.methods or self.paths)


def parse_peer(text: str, own: TrustDomain | None) -> Peer:
    """Parse a SPIFFE ID, a path of ``own``, either with ``/*`` at its end, or :data:`ANYBODY`.

    Raises:
        ValueError: it is none of these; the message says what was expected.
    """
    if text == ANYBODY:
        return _EVERYBODY
    if text in {"*", "spiffe://*", "spiffe://*/*", "any", "ANY", "ALL"}:
        raise ValueError(f"{text!r} would be everybody; if that is meant, write {ANYBODY!r}")
    text = whole(text, own)
    below = text.endswith(_BELOW)
    spiffe_id = _parse(text.removesuffix(_BELOW), text)
    if not below and not spiffe_id.path:
        raise ValueError(f"{text!r} is a trust domain; for all of its workloads write '{text}/*'")
    return Peer(spiffe_id.trust_domain, spiffe_id.path, below)


def whole(text: str, own: TrustDomain | None) -> str:
    """Return a SPIFFE ID that is written as a path of ``own`` in full, any other text as it is.

    Raises:
        ValueError: it is a path, and there is no ``own``.
    """
    if not text.startswith("/"):
        return text
    if own is None:
        raise ValueError(
            f"{text[:100]!r} has no trust domain; set 'trust_domain', or write the whole SPIFFE ID"
        )
    return f"{own.id}{text}"


def trust_domains(peers: Iterable[Peer]) -> frozenset[TrustDomain]:
    """Return the trust domains of ``peers``, without those who name none."""
    return frozenset(peer.trust_domain for peer in peers if peer.trust_domain is not None)


def _parse(text: str, shown: str) -> SpiffeId:
    if "*" in text:
        raise ValueError(
            f"{shown[:100]!r} has a '*' that is not its end; only a last '/*' stands for all"
        )
    try:
        return SpiffeId.parse(text)
    except SpiffeIdError as error:
        raise ValueError(str(error)) from None
