from __future__ import annotations

import pytest
from support.entries import selectors

from accredit.authority.id_template import IdTemplate, mistake_in_value
from accredit.authority.references import Values
from accredit.identity.errors import SpiffeIdError
from accredit.identity.spiffe_id import TrustDomain

_OWN = TrustDomain("prod.example")
_SHAPE = "a reference such as {k8s:ns} takes the whole of a path segment"


def _id_for(path: str, *texts: str) -> str | None:
    template = IdTemplate.parse(_OWN, path)
    values = template.values(Values(selectors(*texts)))
    return None if values is None else str(template.fill(values))


def _reasons(path: str, *texts: str) -> list[str]:
    found = IdTemplate.parse(_OWN, path).mistakes(Values(selectors(*texts)))
    return [f"{reference}: {reason}" for reference, reason in found]


def test_each_reference_becomes_the_callers_value() -> None:
    found = _id_for("/ns/{k8s:ns}/sa/{k8s:sa}", "k8s:ns:payments", "k8s:sa:checkout", "unix:uid:1")
    assert found == "spiffe://prod.example/ns/payments/sa/checkout"


def test_one_reference_may_stand_twice() -> None:
    assert _id_for("/u/{unix:user}/{unix:user}", "unix:user:a") == "spiffe://prod.example/u/a/a"


def test_a_key_may_hold_a_slash() -> None:
    path = "/app/{k8s:pod-label:app.kubernetes.io/name}"
    assert _id_for(path, "k8s:pod-label:app.kubernetes.io/name:web") == (
        "spiffe://prod.example/app/web"
    )


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        ((), "docker:label:app: the caller has none"),
        (
            ("docker:label:app:a", "docker:label:app:b"),
            "docker:label:app: the caller has 2 of them, and only one can be meant",
        ),
        *(
            (
                (f"docker:label:app:{value}",),
                f"docker:label:app: its value {value!r} cannot be one path segment of a SPIFFE ID",
            )
            for value in (".", "..", "a/b", "a:b", "a b", "ä", "%2e", "a\n", "x\0", "{unix:uid}")
        ),
        (
            ("docker:label:app:" + "a" * 254,),
            "docker:label:app: its value is longer than 253 characters",
        ),
    ],
)
def test_without_exactly_one_fit_value_there_is_no_id_and_it_says_why(
    texts: tuple[str, ...], reason: str
) -> None:
    path = "/app/{docker:label:app}"
    assert _id_for(path, *texts) is None
    assert _reasons(path, *texts) == [reason]


def test_a_label_whose_name_has_a_colon_is_not_taken_for_another() -> None:
    """``app:x`` = ``y`` and ``app`` = ``x:y`` are one selector."""
    assert _id_for("/app/{docker:label:app}", "docker:label:app:x:y") is None


def test_values_that_are_too_long_together_give_no_id() -> None:
    path = "/u" + "/{unix:user}" * 9
    assert _id_for(path, "unix:user:" + "a" * 250) == "None"


def test_fill_wants_one_value_for_each_reference() -> None:
    template = IdTemplate.parse(_OWN, "/u/{unix:user}")
    assert template.fill(()) is None
    assert template.fill(("a", "b")) is None
    assert template.fill(("..",)) is None


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/{k8s:ns}/web", "a template begins with a segment of plain text"),
        ("/ns/x{k8s:ns}", _SHAPE),
        ("/ns/{k8s:ns}x", _SHAPE),
        ("/ns/{k8s:ns}{k8s:sa}", _SHAPE),
        ("/ns/{k8s:ns", _SHAPE),
        ("/ns/k8s:ns}", _SHAPE),
        ("/ns/{{k8s:ns}}", _SHAPE),
        ("/ns//{k8s:ns}", _SHAPE),
        ("/ns/{k8s:ns}/", _SHAPE),
        ("ns/{k8s:ns}", _SHAPE),
        ("/ns/../{k8s:ns}", "bad path segment '..'"),
        ("/n s/{k8s:ns}", "bad path segment 'n s'"),
        ("/ns/{unix:nobody}", "{unix:nobody} is unknown"),
        ("/ns/web", "nothing is referred to"),
    ],
)
def test_what_is_no_template_is_refused(path: str, reason: str) -> None:
    with pytest.raises(SpiffeIdError) as caught:
        IdTemplate.parse(_OWN, path)
    assert reason in str(caught.value)


def test_a_template_reads_as_it_was_written() -> None:
    path = "/ns/{k8s:ns}/sa/{k8s:sa}"
    assert str(IdTemplate.parse(_OWN, path)) == f"spiffe://prod.example{path}"


@pytest.mark.parametrize("value", ["a", "A-b_c.d", "...", "a" * 253])
def test_a_fit_value_has_the_standards_characters(value: str) -> None:
    assert mistake_in_value(value) is None
