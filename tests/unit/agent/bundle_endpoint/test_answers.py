"""What the bundle endpoint says to each request."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from support.ca import TestCa
from support.clock import EPOCH

from accredit.agent.bundle_endpoint.answers import BundleAnswers
from accredit.agent.bundle_endpoint.settings import Address, EndpointSettings
from accredit.agent.http_talk import Request
from accredit.authority.federation.endpoint_url import EndpointUrl
from accredit.authority.federation.relationship import Profile
from accredit.identity.bundle import encode_bundle

_CA = TestCa()
_SETTINGS = EndpointSettings(Address("::", 8443), Profile.SPIFFE, path="/b.json")


class Answers:
    """Answers with ``bundle``, whatever it is just now."""

    def __init__(self, settings: EndpointSettings = _SETTINGS) -> None:
        self.bundle = _CA.bundle(sequence=7, refresh_hint=timedelta(minutes=5))
        self.inner = BundleAnswers(lambda: self.bundle, settings, lambda: EPOCH)

    def get(self, target: str = "/b.json", etag: str = "") -> tuple[int, dict[str, str], bytes]:
        answer = self.inner.answer(Request("GET", target, etag))
        assert answer.close
        return answer.status, dict(answer.headers), answer.body


def test_the_document_comes_with_what_caches_need() -> None:
    answers = Answers()
    status, headers, body = answers.get()
    assert (status, body) == (200, encode_bundle(answers.bundle))
    assert headers.pop("etag").strip('"').isalnum()
    assert headers == {
        "content-type": "application/json",
        "cache-control": "max-age=30, must-revalidate",
        "date": "Thu, 01 Jan 2026 00:00:00 GMT",
    }


@pytest.mark.rows("FS-05")
def test_each_answer_is_of_the_newest_bundle() -> None:
    answers = Answers()
    _, before, _ = answers.get()
    answers.bundle = replace(answers.bundle, sequence=8)
    status, after, body = answers.get(etag=before["etag"])
    assert (status, body) == (200, encode_bundle(answers.bundle))
    assert answers.get(etag=after["etag"])[0] == 304


@pytest.mark.rows("FS-08")
@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/b.json", 200),
        ("/b.json?x=1", 200),
        ("https://prod.example/b.json", 200),
        ("HTTP://h:1/b.json", 200),
        ("/", 404),
        ("/b.json/", 404),
        ("/B.json", 404),
        ("//h/b.json", 404),
        ("https://prod.example", 404),
        ("*", 404),
    ],
)
def test_the_bundle_is_at_one_path(target: str, status: int) -> None:
    assert Answers().get(target)[0] == status


def test_there_is_nothing_to_do_but_to_get() -> None:
    answer = Answers().inner.answer(Request("POST", "/b.json"))
    assert (answer.status, dict(answer.headers)["allow"]) == (405, "GET, HEAD")


@pytest.mark.rows("FS-12", "FS-15")
def test_visitors_are_sent_elsewhere_for_a_while_and_from_the_one_path_only() -> None:
    answers = Answers(replace(_SETTINGS, redirect=EndpointUrl.parse("https://new.example/b")))
    status, headers, _ = answers.get()
    assert (status, headers["location"]) == (307, "https://new.example/b")
    assert headers["cache-control"] == "no-store"
    assert answers.get("/")[0] == 404


def test_a_bundle_without_a_hint_is_not_kept_in_caches() -> None:
    answers = Answers()
    answers.bundle = _CA.bundle()
    assert answers.get()[1]["cache-control"] == "max-age=0, must-revalidate"
