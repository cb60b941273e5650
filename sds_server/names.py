"""What the name of a secret means for one caller, with SPIRE's vocabulary.

=====================================  ==========================================================
a SPIFFE ID of the own trust domain    the caller's certificate for that ID
``default``                            the caller's default certificate; metadata may choose another
``hint:internal``                      the caller's certificate with that hint
``jwt:audience``                       a JWT-SVID of the caller's default identity, a bearer token
``spiffe://own.example``, ``ROOTCA``   validation context of the own trust domain
``spiffe://partner.example``           validation context of a federated one
``ALL``                                own and federated ones, each for its own IDs only
IDs of trust domains, with commas      those of them that the caller may have, likewise
=====================================  ==========================================================

Anything else can never be valid here, such as another mesh's ``file-root:system``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from accredit.authority.entry import Entry
from accredit.identity.errors import SpiffeIdError
from accredit.identity.spiffe_id import SpiffeId, TrustDomain
from accredit.rotation.snapshot import Identity, Snapshot
from accredit.sds_server.choice import choose
from accredit.sds_server.node import Node
from accredit.sds_server.settings import SdsSettings, Withdrawn

_HINT = "hint:"
_JWT = "jwt:"
_COMMA = ","


@dataclass(frozen=True, slots=True)
class Certificate:
    """The name means this identity's certificate and key."""

    identity: Identity


@dataclass(frozen=True, slots=True)
class Roots:
    """The name means the bundles of these trust domains; ``plain``: as a list of CAs."""

    trust_domains: tuple[TrustDomain, ...]
    plain: bool


@dataclass(frozen=True, slots=True)
class BearerToken:
    """The name means this entry's JWT-SVID for one audience."""

    entry: Entry
    audience: str


@dataclass(frozen=True, slots=True)
class Parked:
    """Not now, perhaps later; ``reason`` is for people.

    ``certificate`` tells the kind of name, ``granted`` that an entry stands for it and only the
    secret is missing, ``failed`` that it was not fit to be sent, ``revoked`` that whoever holds
    this validation context must trust nobody.
    """

    reason: str
    certificate: bool = False
    granted: bool = False
    failed: bool = False
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class Never:
    """No registration entry could ever make this name valid here."""

    reason: str


Meaning = Certificate | Roots | BearerToken | Parked | Never


@dataclass(frozen=True, slots=True)
class Names:
    """The meaning of names for one caller: its snapshot, its Envoy's wishes, the settings."""

    snapshot: Snapshot
    node: Node
    settings: SdsSettings

    def everything(self) -> tuple[str, ...]:
        """Return the names of all the caller may have, as IDs; what SPIRE sends for no name."""
        if not self._may_verify:
            return ()
        foreign = sorted(self.snapshot.federated)
        domains = (self.snapshot.trust_domain, *foreign)
        ids = (each.spiffe_id for each in self.snapshot.identities)
        return tuple(dict.fromkeys(str(each) for each in (*(td.id for td in domains), *ids)))

    def meaning(self, name: str) -> Meaning:
        """Return what ``name`` means."""
        if name == self.settings.default_svid_name:
            return self._default()
        if name == self.settings.default_bundle_name:
            return self._roots((self.snapshot.trust_domain,))
        if name == self.settings.default_all_bundles_name:
            return self._all()
        return self._spelt_out(name)

    def _spelt_out(self, name: str) -> Meaning:
        if name.startswith(_HINT) and name != _HINT:
            return self._with_hint(name.removeprefix(_HINT))
        if is_token(name):
            return self._token(name.removeprefix(_JWT))
        if is_list(name):
            return self._listed(name)
        try:
            spiffe_id = SpiffeId.parse(name)
        except SpiffeIdError:
            return Never("neither a SPIFFE ID nor a name known here; perhaps of another SDS server")
        return self._by_id(spiffe_id)

    def _by_id(self, spiffe_id: SpiffeId) -> Meaning:
        if not spiffe_id.path:
            return self._bundle(spiffe_id.trust_domain)
        if spiffe_id.trust_domain != self.snapshot.trust_domain:
            return Never(f"certificates are issued for {self.snapshot.trust_domain} only")
        for identity in self.snapshot.identities:
            if identity.spiffe_id == spiffe_id:
                return Certificate(identity)
        waiting = any(entry.spiffe_id == spiffe_id for entry in self.snapshot.pending)
        return _not_yet() if waiting else _not_entitled(f"no entry gives the caller {spiffe_id}")

    def _default(self) -> Meaning:
        chosen = choose(self.snapshot, self.node)
        if isinstance(chosen, str):
            return _not_entitled(chosen)
        for identity in self.snapshot.identities:
            if identity.entry is chosen:
                return Certificate(identity)
        return _not_yet()

    def _token(self, audience: str) -> Meaning:
        if not audience:
            return Never(
                "a JWT-SVID needs an audience: jwt:, and then what the other side is called"
            )
        if len(audience.encode()) > self.settings.max_audience_bytes:
            return Never(f"an audience is longer than {self.settings.max_audience_bytes} bytes")
        chosen = choose(self.snapshot, self.node)
        return Parked(chosen) if isinstance(chosen, str) else BearerToken(chosen, audience)

    def _with_hint(self, hint: str) -> Meaning:
        for identity in self.snapshot.identities:
            if identity.hint == hint:
                return Certificate(identity)
        if any(entry.hint == hint for entry in self.snapshot.pending):
            return _not_yet()
        return _not_entitled(f"no entry of the caller has the hint {hint[:100]!r}")

    def _entries(self) -> Iterable[Entry]:
        yield from (identity.entry for identity in self.snapshot.identities)
        yield from self.snapshot.pending

    def _all(self) -> Meaning:
        return self._pool((self.snapshot.trust_domain, *sorted(self.snapshot.federated)))

    def _listed(self, name: str) -> Meaning:
        """Return one context for a list of trust domain IDs; it shrinks and grows as ``ALL``."""
        try:
            wanted = [_trust_domain(part) for part in name.split(_COMMA)]
        except SpiffeIdError as error:
            return Never(f"no list of trust domain IDs: {error}")
        if len(set(wanted)) < len(wanted):
            return Never("a list of trust domain IDs that names one of them twice")
        answers = [self._bundle(each) for each in wanted]
        found = [each for each in answers if isinstance(each, Roots)]
        if found:
            return self._pool(tuple(each for roots in found for each in roots.trust_domains))
        # One that was taken away counts for more than one that is still to come, as in ALL.
        return max(answers, key=lambda each: isinstance(each, Parked) and each.revoked)

    def _pool(self, trust_domains: tuple[TrustDomain, ...]) -> Meaning:
        if len(trust_domains) > 1 and self._plain:
            return Parked(
                "a plain list of CAs would let every federated trust domain speak for every other;"
                " ask for one trust domain at a time",
                granted=True,
            )
        return self._roots(trust_domains)

    def _bundle(self, trust_domain: TrustDomain) -> Meaning:
        bundle = self.snapshot.bundles.get(trust_domain)
        if bundle is not None and bundle.x509_authorities:
            return self._roots((trust_domain,))
        if any(trust_domain in entry.federates_with for entry in self._entries()):
            # An Envoy that has older roots must not go on with them: a relationship has ended, or
            # the trust domain has withdrawn its last key (Trust Domain and Bundle 4.1.3).
            missing = "is not known" if bundle is None else "has no X.509 authority"
            return Parked(f"the bundle of {trust_domain} {missing}", granted=True, revoked=True)
        if not self._may_verify:
            return self._nobody()
        # ALL shrinks at once when a federation ends, so the name of its own must not lag behind.
        return Parked(f"no entry of the caller federates with {trust_domain}", revoked=True)

    def _roots(self, trust_domains: tuple[TrustDomain, ...]) -> Meaning:
        return Roots(trust_domains, self._plain) if self._may_verify else self._nobody()

    def _nobody(self) -> Parked:
        return Parked(
            "no registration entry matches the caller",
            revoked=self.settings.withdrawn is Withdrawn.CUT,
        )

    @property
    def _may_verify(self) -> bool:
        return self.snapshot.entitled or self.settings.allow_unauthenticated_verifiers

    @property
    def _plain(self) -> bool:
        wish = self.node.plain_validation
        return self.settings.disable_spiffe_cert_validation if wish is None else wish


def is_token(name: str) -> bool:
    """Tell whether a name asks for a JWT-SVID."""
    return name.startswith(_JWT)


def is_list(name: str) -> bool:
    """Tell whether a name can only be a list: no SPIFFE ID has a comma in it."""
    return _COMMA in name


def _trust_domain(text: str) -> TrustDomain:
    """Return the trust domain whose ID this is; a bare name is none."""
    spiffe_id = SpiffeId.parse(text)
    if spiffe_id.path:
        raise SpiffeIdError(text, "a trust domain's ID has no path")
    return spiffe_id.trust_domain


def _not_yet() -> Parked:
    return Parked("nobody can sign it just now", certificate=True, granted=True)


def _not_entitled(reason: str) -> Parked:
    return Parked(reason, certificate=True)
