from __future__ import annotations

from dataclasses import replace

import pytest
from support.entries import entry, template

from accredit.agent.entry_trust import strongest, weakest
from accredit.agent.trust_doubts import of_trust
from accredit.attestation.trust import Trust
from accredit.authority.entry_template import Declared

_ALONE = "add a selector they cannot choose, such as unix:uid"


def _doubts(made: Declared) -> list[str]:
    return list(of_trust(replace(made, source="f.yaml:3")))


def test_an_entry_that_rests_only_on_what_workloads_say_is_doubted() -> None:
    (doubt,) = _doubts(entry("/a", "unix:path:/bin/a", "unix:path:/bin/b"))
    rests = "f.yaml:3: rests only on what workloads say of themselves"
    assert doubt == f"{rests} (unix:path:/bin/a, unix:path:/bin/b): {_ALONE}"


@pytest.mark.parametrize("beside", ["unix:uid:1", "unix:user:web", "output:nginx"])
def test_one_better_selector_beside_is_enough(beside: str) -> None:
    assert _doubts(entry("/a", "unix:path:/bin/a", beside)) == []


def test_what_nobody_here_knows_is_the_workloads_own_word() -> None:
    assert len(_doubts(entry("/a", "mine:x"))) == 1


def test_a_template_whose_values_workloads_choose_is_doubted_twice() -> None:
    chooses = (
        "f.yaml:3: {mine:app} is the workload's own word: among the IDs of this shape it chooses"
        " its own"
    )
    alone = f"f.yaml:3: rests only on what workloads say of themselves ({{mine:app}}): {_ALONE}"
    assert _doubts(template("/a/{mine:app}")) == [alone, chooses]
    assert _doubts(template("/a/{mine:app}", "unix:uid:1")) == [chooses]


def test_a_template_over_what_root_says_is_not_doubted() -> None:
    assert _doubts(template("/u/{unix:user}")) == []


def test_the_trust_of_an_entry_lies_between_its_weakest_and_its_strongest() -> None:
    made = template("/u/{unix:user}", "unix:uid:1", "unix:path:/bin/a")
    assert (weakest(made), strongest(made)) == (Trust.WORKLOAD, Trust.KERNEL)
    assert weakest(template("/f/{output}")) is Trust.ROOT_OWNED
    nothing = replace(entry("/a"), selectors=frozenset())
    assert (weakest(nothing), strongest(nothing)) == (Trust.WORKLOAD, Trust.WORKLOAD)
