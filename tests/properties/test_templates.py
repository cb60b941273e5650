"""Whatever selectors a caller has, an entry's template gives it no ID outside its own shape."""

from __future__ import annotations

import re

from hypothesis import assume, example, given
from hypothesis import strategies as st
from support.entries import template

from accredit.authority.entry_file import EntryDefaults, parse_entries
from accredit.authority.entry_set import EntrySet
from accredit.authority.id_template import mistake_in_value
from accredit.identity.errors import ConfigError
from accredit.identity.selector import Selector
from accredit.identity.spiffe_id import SpiffeId, TrustDomain

_OWN = TrustDomain("prod.example")
_SEGMENT = r"[A-Za-z0-9._-]{1,253}"
_SHAPES = {
    "/ns/{k8s:ns}/sa/{k8s:sa}": rf"/ns/{_SEGMENT}/sa/{_SEGMENT}",
    "/app/{docker:label:app}": rf"/app/{_SEGMENT}",
    "/u/{unix:user}/x": rf"/u/{_SEGMENT}/x",
}
_PREFIXES = (
    *("ns:", "sa:", "sa:x:", "label:app:", "label:app", "label:app:x:", "label::"),
    *("user:", "user:x:", "uid:", ""),
)
_NASTY = st.sampled_from(
    ["", ".", "..", "/", "../a", "a/../b", "a:b", "%2e", "\uff41", "a\n", "{k8s:sa}"]
)
_values = st.one_of(_NASTY, st.text(max_size=300), st.from_regex(_SEGMENT, fullmatch=True))
_types = st.sampled_from(["k8s", "docker", "unix", "output"])
_made = st.builds(
    lambda kind, prefix, value: Selector(kind, (prefix + value) or "x"),
    _types,
    st.sampled_from(_PREFIXES),
    _values,
)
_REFERRED = (("k8s", "ns:"), ("k8s", "sa:"), ("docker", "label:app:"), ("unix", "user:"))
# One value for each reference, perhaps unfit, and perhaps more of them and what looks like them.
_referred = st.tuples(
    *(st.builds(Selector, st.just(kind), _values.map(prefix.__add__)) for kind, prefix in _REFERRED)
)
_callers = st.builds(frozenset.union, st.frozensets(_made, max_size=2), _referred)


@given(_callers)
@example(frozenset({Selector("docker", "label:app:..")}))
def test_every_instance_has_the_shape_of_a_template(caller: frozenset[Selector]) -> None:
    entries = EntrySet(template(path) for path in _SHAPES)
    for found in entries.match(caller):
        spiffe_id = SpiffeId.parse(str(found.spiffe_id))  # valid as a stranger would read it
        shape = _SHAPES[found.template_id.rstrip("|")]
        assert spiffe_id.trust_domain == _OWN
        assert re.fullmatch(shape, spiffe_id.path)
        assert not {".", ".."} & set(spiffe_id.path.split("/"))


@given(_callers)
@example(frozenset({Selector("k8s", s) for s in ("ns:", "ns:0", "sa:0")}))
def test_an_instance_says_nothing_that_the_caller_has_not(caller: frozenset[Selector]) -> None:
    for found in EntrySet([template("/ns/{k8s:ns}/sa/{k8s:sa}")]).match(caller):
        namespace, account = found.values
        assert found.path == f"/ns/{namespace}/sa/{account}"
        assert {s for s in caller if s.type == "k8s" and s.value.startswith("ns:")} == {
            Selector("k8s", f"ns:{namespace}")
        }
        assert Selector("k8s", f"sa:{account}") in caller


@given(_callers)
def test_what_matched_is_found_again_and_alone(caller: frozenset[Selector]) -> None:
    entries = EntrySet(template(path) for path in _SHAPES)
    again = EntrySet(template(path) for path in reversed(_SHAPES))
    for found in entries.match(caller):
        assert again.current(found) == found
        assert found in again.match(caller)


@given(st.from_regex(_SEGMENT, fullmatch=True), st.from_regex(_SEGMENT, fullmatch=True))
def test_two_callers_get_the_same_id_only_for_the_same_values(one: str, two: str) -> None:
    assume(mistake_in_value(one) is None and mistake_in_value(two) is None)
    made = template("/ns/{k8s:ns}/sa/{k8s:sa}")
    there, back = made.instance((one, two)), made.instance((two, one))
    assert there is not None
    assert back is not None
    assert (there.spiffe_id == back.spiffe_id) == (there.entry_id == back.entry_id) == (one == two)


@given(st.text(alphabet="/{}:.abk8s_ \n", max_size=40))
@example("{k8s:ab}/x")
def test_whatever_is_written_as_an_id_is_read_whole_or_refused(text: str) -> None:
    document = f"entries:\n- id: {_quoted('/ns/' + text)}\n  selectors: [a:b]\n"
    try:
        (found,) = parse_entries(document, "f", _OWN, EntryDefaults())
    except ConfigError:
        return
    assert found.path == "/ns/" + text


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace("\n", "\\n") + '"'
