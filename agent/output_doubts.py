"""What is allowed in the configuration of outputs and still probably not meant."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from accredit.agent.output_plan import OutputPlan
from accredit.authority.entry_set import EntrySet
from accredit.authority.entry_template import Declared, EntryTemplate
from accredit.authority.references import Reference
from accredit.authority.selector_kinds import OUTPUT
from accredit.identity.selector import Selector


def of_outputs(outputs: Sequence[OutputPlan], entries: EntrySet) -> Iterator[str]:
    """Yield one line for each doubt about outputs, and about entries for outputs."""
    names = [each.name for each in outputs]
    for entry in entries:
        for selector in sorted(entry.selectors):
            if selector.type == OUTPUT:
                yield from _never_holds(entry, selector, names)
    if not outputs:
        return
    # What outputs are made of is only loaded where there are any.
    from accredit.agent.output_machine import of_machine, shared_folders  # noqa: PLC0415

    yield from shared_folders(outputs)
    for output in outputs:
        yield from _without_identity(output, entries)
        yield from of_machine(output, os.geteuid(), {os.getegid(), *os.getgroups()})


def _never_holds(entry: Declared, selector: Selector, names: Sequence[str]) -> Iterator[str]:
    if selector.value not in names:
        close = get_close_matches(selector.value, names, n=1)
        hint = f"; did you mean output:{close[0]}?" if close else ""
        yield f"{entry.source}: {selector} never holds: there is no such output{hint}"
    elif len(entry.selectors) > 1 or _refers_elsewhere(entry):
        yield f"{entry.source}: never holds: an output has no selector but {selector}"


def _without_identity(output: OutputPlan, entries: EntrySet) -> Iterator[str]:
    selector = Selector(OUTPUT, output.name)
    own = entries.match(frozenset({selector}))
    if not own:
        yield (
            f"output {output.name!r} gets no identity: no entry is for it; add one with selectors:"
            f' ["{selector}"]'
        )
    elif not any(
        output.wanted.matches(entry.spiffe_id, entry.hint, entry.spiffe_id.trust_domain)
        for entry in own
    ):
        yield f"output {output.name!r} gets no identity: none of its entries is {output.wanted}"


def _refers_elsewhere(entry: Declared) -> bool:
    return isinstance(entry, EntryTemplate) and {*entry.id.references} != {Reference(OUTPUT)}
