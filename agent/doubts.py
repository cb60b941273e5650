"""What is allowed in a configuration and still probably not meant."""

from __future__ import annotations

import grp
import pwd
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec

from accredit.agent.container_doubts import of_containers, of_runtimes
from accredit.agent.federation_doubts import of_federation
from accredit.agent.host_doubts import of_host, of_plugins
from accredit.agent.kubernetes_doubts import of_kubernetes
from accredit.agent.output_doubts import of_outputs
from accredit.agent.plan import Plan
from accredit.agent.trust_doubts import of_trust
from accredit.authority.embedded.settings import KeySettings
from accredit.authority.entry_overlap import overlaps
from accredit.authority.entry_set import EntrySet
from accredit.authority.entry_template import Declared, wants
from accredit.authority.federation.publication import least_publication
from accredit.identity.durations import format_duration

_RESETTABLE_PCRS = frozenset((16, 23))
_NEEDS_PATH = ("path:", "sha256:")
_DATABASES: Mapping[str, Callable[[str], object]] = {
    "user": pwd.getpwnam,
    "group": grp.getgrnam,
    "supplementary_group": grp.getgrnam,
}


def doubts(plan: Plan, entries: EntrySet) -> Iterator[str]:
    """Yield one line for each."""
    if not entries:
        yield "there are no entries: nobody gets an identity"
    if plan.workload_api is None and plan.sds is None and not plan.outputs:
        yield "workload_api and sds are both switched off: nothing is served"
    yield from of_plugins(plan.plugins)
    yield from _short_publication(plan)
    yield from _tpm(plan.embedded.keys)
    yield from of_runtimes(plan.containers)
    yield from _several_defaults(entries)
    yield from _same_hints(entries)
    for entry in entries:
        yield from of_trust(entry)
        yield from _alone(entry, plan)
        yield from of_containers(entry, plan.containers)
        yield from of_kubernetes(entry, plan.k8s)
        yield from of_host(entry, plan)
        yield from _unknown_names(entry)
    yield from of_outputs(plan.outputs, entries)
    yield from of_federation(plan, entries)
    yield from _lists_of_nothing(plan)


def _lists_of_nothing(plan: Plan) -> Iterator[str]:
    for output in plan.outputs if not plan.embedded.always_crl else ():
        for spec in output.recipe.files:
            if spec.kind == "crl":
                yield (
                    f"output {output.name!r}: {spec.name} cannot be made while nothing is revoked;"
                    " set authority.embedded.always_crl: true"
                )


def _short_publication(plan: Plan) -> Iterator[str]:
    hint = plan.embedded.refresh_hint
    least = least_publication(hint)
    policies = {"root": plan.embedded.x509_policy(), "JWT key": plan.embedded.jwt_policy()}
    for word, policy in policies.items() if plan.endpoint else ():
        if policy.publish_for < least:
            yield (
                f"authority.embedded.publish_for: a new {word} signs"
                f" {format_duration(policy.publish_for)} after it was published, and partners that"
                f" fetch every {format_duration(hint)} need {format_duration(least)} to know it:"
                " raise publish_for, or lower refresh_hint"
            )


def _tpm(keys: KeySettings) -> Iterator[str]:
    for number in sorted(_RESETTABLE_PCRS & set(keys.pcrs)):
        yield (
            f"authority.embedded.keys.disk.pcrs: PCR {number} can be reset by any program"
            " and guards nothing"
        )
    if (keys.in_tpm or keys.sealed) and find_spec("tpm2_pytss") is None:
        yield "authority.embedded.keys: the TPM's software is missing: pip install 'accredit[tpm]'"


def _several_defaults(entries: EntrySet) -> Iterator[str]:
    for first, second in overlaps([entry for entry in entries if entry.default]):
        yield f"{second.source}: a second default; callers get that of {first.source}"


def _same_hints(entries: EntrySet) -> Iterator[str]:
    by_hint: defaultdict[str, list[Declared]] = defaultdict(list)
    for entry in entries:
        by_hint[entry.hint].append(entry)
    by_hint.pop("", None)
    for hint, group in by_hint.items():
        for first, second in overlaps(group):
            yield (f"{second.source}: hint {hint!r} is also that of {first.source}, which keeps it")


def _alone(entry: Declared, plan: Plan) -> Iterator[str]:
    if not plan.unix.discover_path:
        for wanted, selector in wants(entry):
            if selector.type == "unix" and selector.value.startswith(_NEEDS_PATH):
                yield (
                    f"{entry.source}: {wanted} never holds unless "
                    "attestation.unix.discover_path is true"
                )
    longest = plan.embedded.x509_policy().max_ttl
    if entry.x509_ttl > longest:
        yield (
            f"{entry.source}: ttl {format_duration(entry.x509_ttl)} is more than "
            f"{format_duration(longest)}, the longest of authority.embedded: it is cut short"
        )


def _unknown_names(entry: Declared) -> Iterator[str]:
    for selector in sorted(entry.selectors):
        kind, _, name = selector.value.partition(":")
        look_up = _DATABASES.get(kind)
        if selector.type == "unix" and look_up is not None:
            try:
                look_up(name)
            except KeyError:
                yield f"{entry.source}: {selector} never holds: no such name on this machine"
