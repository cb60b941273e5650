from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accredit.identity.errors import SpiffeIdError
from accredit.identity.spiffe_id import SpiffeId, TrustDomain

_NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789._-", min_size=1, max_size=255)
_SEGMENTS = st.text(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", min_size=1, max_size=40
).filter(lambda segment: segment not in {".", ".."})
_PATHS = st.lists(_SEGMENTS, max_size=8).map(lambda parts: "".join(f"/{part}" for part in parts))


def _reason(text: str) -> str:
    with pytest.raises(SpiffeIdError) as caught:
        SpiffeId.parse(text)
    return caught.value.reason


@pytest.mark.rows("ID-01")
@pytest.mark.parametrize(
    "text",
    [
        "http://td.example/a",
        "spiffe:/td.example/a",
        "spiffe//td.example/a",
        "td.example/a",
        " spiffe://td.example/a",
        "xspiffe://td.example/a",
        "",
    ],
)
def test_another_scheme_is_refused(text: str) -> None:
    assert _reason(text) == "scheme is not spiffe://"


@pytest.mark.parametrize(
    "authority",
    [
        pytest.param("", marks=pytest.mark.rows("ID-02"), id="empty"),
        pytest.param("td.example?x=1", marks=pytest.mark.rows("ID-03"), id="query"),
        pytest.param("td.example?", marks=pytest.mark.rows("ID-03"), id="empty query"),
        pytest.param("td.example#f", marks=pytest.mark.rows("ID-04"), id="fragment"),
        pytest.param(":443", marks=pytest.mark.rows("ID-05"), id="port alone"),
        pytest.param("u@", marks=pytest.mark.rows("ID-05"), id="user alone"),
        pytest.param("u@td.example", marks=pytest.mark.rows("ID-06"), id="user"),
        pytest.param("u:p@td.example", marks=pytest.mark.rows("ID-06"), id="password"),
        pytest.param("@td.example", marks=pytest.mark.rows("ID-06"), id="empty user"),
        pytest.param("td.example:8443", marks=pytest.mark.rows("ID-07"), id="port"),
        pytest.param("td.example:", marks=pytest.mark.rows("ID-07"), id="empty port"),
        pytest.param("Td.Example", marks=pytest.mark.rows("ID-08", "ID-25"), id="upper case"),
        *(
            pytest.param(name, marks=pytest.mark.rows("ID-09"), id=ascii(name))
            for name in ("a~b", "a!b", "a b", "a,b", "td\n", "\ttd")
        ),
        *(
            pytest.param(name, marks=pytest.mark.rows("ID-09", "ID-27"), id=ascii(name))
            for name in ("tä.example", "td\uff11", "td\u0663")
        ),
        pytest.param("td%2eexample", marks=pytest.mark.rows("ID-10"), id="percent-encoding"),
        pytest.param("[::1]", marks=pytest.mark.rows("ID-11"), id="IPv6"),
    ],
)
@pytest.mark.parametrize("path", ["", "/a"])
def test_a_trust_domain_name_outside_the_alphabet_is_refused(authority: str, path: str) -> None:
    reason = "trust domain is empty or not lowercase [a-z0-9._-]"
    assert _reason(f"spiffe://{authority}{path}") == reason


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        *(
            pytest.param(path, "bad path segment", marks=pytest.mark.rows("ID-03"), id=path)
            for path in ("/a?x=1", "/a?")
        ),
        *(
            pytest.param(path, "bad path segment", marks=pytest.mark.rows("ID-04"), id=path)
            for path in ("/a#f", "/a#")
        ),
        *(
            pytest.param(path, "bad path segment", marks=pytest.mark.rows("ID-13"), id=path)
            for path in ("/a%20b", "/a%2Fb", "/a%")
        ),
        *(
            pytest.param(path, "empty path segment", marks=pytest.mark.rows("ID-14"), id=path)
            for path in ("//a", "/a//b")
        ),
        *(
            pytest.param(path, "bad path segment", marks=pytest.mark.rows("ID-15"), id=path)
            for path in ("/.", "/./a", "/a/.", "/..", "/../a", "/a/..", "/a/../b")
        ),
        *(
            pytest.param(path, "or trailing slash", marks=pytest.mark.rows("ID-16"), id=path)
            for path in ("/", "/a/")
        ),
        *(
            pytest.param(path, "bad path segment", marks=pytest.mark.rows("ID-17"), id=ascii(path))
            for path in ("/a:b", "/a@b", "/a~b", "/a+b", "/a b", "/a\n", "/a\x00", "/fo\to")
        ),
        *(
            pytest.param(
                path, "bad path segment", marks=pytest.mark.rows("ID-17", "ID-27"), id=ascii(path)
            )
            for path in ("/ä", "/\u0661", "/\uff41")
        ),
    ],
)
def test_a_path_with_anything_but_plain_segments_is_refused(path: str, reason: str) -> None:
    assert reason in _reason(f"spiffe://td.example{path}")


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("", marks=pytest.mark.rows("ID-18")),
        pytest.param("/ns/x/sa/y", marks=pytest.mark.rows("ID-19")),
        pytest.param("/A_b-c.1", marks=pytest.mark.rows("ID-17")),
        *(pytest.param(path, marks=pytest.mark.rows("ID-15")) for path in ("/...", "/.a", "/a..b")),
    ],
)
def test_a_plain_path_is_kept_as_it_is(path: str) -> None:
    spiffe_id = SpiffeId.parse(f"spiffe://td.example{path}")
    assert spiffe_id == SpiffeId(TrustDomain("td.example"), path)
    assert spiffe_id.path == path


@pytest.mark.rows("ID-12")
def test_names_that_look_like_addresses_get_no_special_handling() -> None:
    names = ["1.2.3.4", "01.2.3.4", "999.1.1.1", "a..b", "-x-", "td.example.", "td.example"]
    parsed = [SpiffeId.parse(f"spiffe://{name}/a") for name in names]
    assert [spiffe_id.trust_domain.name for spiffe_id in parsed] == names
    assert len(set(parsed)) == len(names)


@pytest.mark.rows("ID-09", "ID-11")
@pytest.mark.parametrize("name", ["10.0.0.1", "a_1.b-c"])
def test_every_name_in_the_alphabet_is_a_trust_domain(name: str) -> None:
    assert str(SpiffeId.parse(f"spiffe://{name}/x").trust_domain) == name


@pytest.mark.rows("ID-20", "ID-21", "ID-22")
def test_an_id_has_at_most_2048_bytes_scheme_included() -> None:
    longest = "spiffe://td.example/" + "a" * (2048 - len("spiffe://td.example/"))
    assert len(str(SpiffeId.parse(longest)).encode()) == 2048
    assert _reason(longest + "a") == "longer than 2048 bytes"
    with pytest.raises(SpiffeIdError, match="longer than 2048 bytes"):
        SpiffeId(TrustDomain("td.example"), "/" + "a" * 2048)


@pytest.mark.rows("ID-23")
def test_a_trust_domain_name_has_at_most_255_bytes() -> None:
    assert SpiffeId.parse(f"spiffe://{'a' * 255}/x").trust_domain.name == "a" * 255
    assert _reason(f"spiffe://{'a' * 256}/x") == "trust domain is longer than 255 bytes"


@pytest.mark.rows("ID-24")
def test_the_scheme_compares_without_case_and_prints_in_lower_case() -> None:
    spiffe_id = SpiffeId.parse("SPIFFE://td.example/a")
    assert spiffe_id == SpiffeId.parse("spiffe://td.example/a")
    assert str(spiffe_id) == "spiffe://td.example/a"


@pytest.mark.rows("ID-26")
def test_paths_compare_with_case() -> None:
    upper, lower = SpiffeId.parse("spiffe://td/Foo"), SpiffeId.parse("spiffe://td/foo")
    assert upper != lower
    assert len({upper, lower}) == 2


@pytest.mark.rows("ID-29")
@given(_NAMES, _PATHS)
def test_every_valid_id_prints_as_it_was_parsed(name: str, path: str) -> None:
    text = f"spiffe://{name}{path}"
    assert str(SpiffeId.parse(text)) == text


def test_an_error_quotes_the_text_and_the_reason_and_no_more_than_100_characters() -> None:
    with pytest.raises(SpiffeIdError, match=r"^'spiffe://a b' is not a SPIFFE ID: trust domain"):
        SpiffeId.parse("spiffe://a b")
    with pytest.raises(SpiffeIdError) as caught:
        SpiffeId.parse("x" * 5000)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("text", ["td.example", "spiffe://td.example", "SPIFFE://td.example"])
def test_a_trust_domain_is_written_as_a_name_or_as_its_id(text: str) -> None:
    assert TrustDomain.parse(text) == TrustDomain("td.example")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("spiffe://td.example/a", "a trust domain's ID has no path"),
        ("spiffe://td.example/", "trailing slash"),
        ("https://td.example", "scheme is not spiffe"),
        ("Td.Example", "not lowercase"),
        ("td.example/", "not lowercase"),
        ("", "empty"),
    ],
)
def test_what_names_no_trust_domain_is_refused(text: str, reason: str) -> None:
    with pytest.raises(SpiffeIdError, match=reason):
        TrustDomain.parse(text)


def test_a_trust_domain_has_an_id_without_path() -> None:
    assert str(TrustDomain("td.example").id) == "spiffe://td.example"


def test_a_path_without_its_slash_is_refused() -> None:
    with pytest.raises(SpiffeIdError, match="path does not start with '/'"):
        SpiffeId(TrustDomain("td.example"), "a")
