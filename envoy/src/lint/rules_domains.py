"""Trust domains that can pass for each other."""

from __future__ import annotations

from collections.abc import Iterator

from accredit.envoy.lint import rbac
from accredit.envoy.lint.bootstrap import Bootstrap, Chain
from accredit.envoy.lint.place import Place
from accredit.envoy.lint.rule import Found, error
from accredit.envoy.lint.tls import Tls, sans, spiffe_validator


def _trust_domains(context: Place) -> set[str]:
    texts = [san.matcher.get(kind).text for san in sans(context) for kind in ("exact", "prefix")]
    return {t.split("/")[2] for t in texts if t.startswith("spiffe://") and t.count("/") > 2}


def _pooled_roots(bootstrap: Bootstrap) -> Iterator[Found]:
    for context in bootstrap.validation_contexts:
        names = sorted(_trust_domains(context))
        own = not spiffe_validator(context)
        if own and context.get("trusted_ca") and len(names) > 1:
            what = f"each of these roots may sign for {' and '.join(names)} alike"
            yield Found(context.get("trusted_ca"), what)


def _pooled_all(bootstrap: Bootstrap) -> Iterator[Found]:
    said = bootstrap.root.get("node", "metadata", "disable_spiffe_cert_validation")
    if said.is_true and any(t.secret.get("name").text == "ALL" for t in bootstrap.contexts):
        yield Found(said, "ALL then is one pool of roots, each good for every trust domain")


def _counts_sans(chain: Chain) -> bool:
    return any(rbac.knows_uri_sans(each) for each in chain.rbacs)


def _foreign_client(bootstrap: Bootstrap) -> Iterator[Found]:
    for chain in bootstrap.chains:
        place = chain.tls.several_domains
        if place is not None and not _counts_sans(chain):
            what = "a CA of one trust domain can name an identity of another in a second URI SAN"
            yield Found(place, what)


def _all_expected(tls: Tls) -> bool:
    """Whether each trust domain that is believed is one of which a server is expected anyway.

    Whatever it signs then, it could have signed that server's certificate as well.
    """
    expected = {name for context in tls.contexts for name in _trust_domains(context)}
    listed = {name.removeprefix("spiffe://") for name in tls.secret.get("name").text.split(",")}
    return bool(tls.secret) and listed <= expected


def _foreign_server(bootstrap: Bootstrap) -> Iterator[Found]:
    for upstream in bootstrap.upstreams:
        place = upstream.tls.several_domains
        if place is not None and not _all_expected(upstream.tls):
            what = "a CA of one trust domain can name an identity of another in a second URI SAN"
            yield Found(place, what)


RULES = (
    error(
        "pooled-roots",
        "trusted_ca with IDs of several trust domains lets each domain's CA sign for the others",
        "use the SPIFFE validator with a trust_bundle for each trust domain",
        _pooled_roots,
    ),
    error(
        "pooled-all",
        "disable_spiffe_cert_validation turns the secret ALL into one pool of roots",
        "take it away, or ask for the bundle of one trust domain",
        _pooled_all,
    ),
    error(
        "second-uri-san-client",
        "SAN matchers look at every URI SAN, the bundle is chosen by the first: "
        "with several trust domains one can pose as another",
        "add an RBAC matcher on envoy.matching.inputs.uri_san, which sees all of them at once, "
        "or ask for the bundle of one trust domain",
        _foreign_client,
    ),
    error(
        "second-uri-san-server",
        "among servers too the first URI SAN chooses the bundle and any of them matches: "
        "a trust domain of which no server is expected can pose as one that is",
        "give each upstream the bundles of those trust domains alone that its matchers name",
        _foreign_server,
    ),
)
