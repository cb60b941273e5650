from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from support.entries import selectors, template

from accredit.authority.references import Values

_PODS = template("/ns/{k8s:ns}/sa/{k8s:sa}", "k8s:node-name:one", hint="pods", default=True)
_CALLER = Values(selectors("k8s:ns:a", "k8s:sa:b"))


def test_an_instance_has_the_fields_of_its_template() -> None:
    made = _PODS.instance_for(_CALLER)
    assert made is not None
    assert str(made.spiffe_id) == "spiffe://prod.example/ns/a/sa/b"
    assert (made.selectors, made.hint, made.default) == (_PODS.selectors, "pods", True)
    assert (made.template_id, made.values) == (_PODS.entry_id, ("a", "b"))


def test_the_same_values_give_the_same_instance() -> None:
    made = _PODS.instance_for(_CALLER)
    assert made == _PODS.instance(("a", "b"))
    assert made is not None
    assert made.entry_id == "376042a809eb1ea81430084adf11c13b"


def test_other_fields_of_the_template_leave_the_ids_of_its_instances() -> None:
    made = _PODS.instance(("a", "b"))
    later = replace(_PODS, x509_ttl=timedelta(minutes=5)).instance(("a", "b"))
    assert made is not None
    assert later is not None
    assert made.entry_id == later.entry_id
    assert made != later


def test_other_values_or_another_template_give_another_id() -> None:
    other = template("/ns/{k8s:ns}/sa/{k8s:sa}")
    made = [_PODS.instance(("a", "b")), _PODS.instance(("b", "a")), other.instance(("a", "b"))]
    assert len({each.entry_id for each in made if each}) == 3


def test_values_that_only_join_to_the_same_text_give_other_ids() -> None:
    one, two = _PODS.instance(("a.b", "c")), _PODS.instance(("a", "b.c"))
    assert one is not None
    assert two is not None
    assert one.entry_id != two.entry_id
