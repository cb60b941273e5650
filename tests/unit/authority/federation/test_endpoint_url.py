"""URLs of bundle endpoints: https, no user-info, and nothing that two readers read differently."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accredit.authority.federation.endpoint_url import EndpointUrl


@pytest.mark.parametrize(
    ("text", "host", "port", "target"),
    [
        ("https://h.example/bundle.json", "h.example", 443, "/bundle.json"),
        ("HTTPS://H.Example", "h.example", 443, "/"),
        ("https://h.example:8443?a=b", "h.example", 8443, "/?a=b"),
        ("https://h.example/a@b", "h.example", 443, "/a@b"),
        ("https://127.0.0.1/", "127.0.0.1", 443, "/"),
        ("https://[::0:1]:1/x", "::1", 1, "/x"),
        ("https://my_host/x", "my_host", 443, "/x"),
    ],
)
def test_an_https_url_is_taken_apart(text: str, host: str, port: int, target: str) -> None:
    url = EndpointUrl.parse(text)
    assert (url.host, url.port, url.target) == (host, port, target)
    assert EndpointUrl.parse(str(url)) == url


@pytest.mark.rows("FC-04", "FC-05")
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("http://h.example/", "is not an https URL"),
        ("spiffe://h.example/", "is not an https URL"),
        ("h.example/bundle.json", "is not an https URL"),
        ("", "is not an https URL"),
        ("https://u:secret@h.example/", "has user-info"),
        ("https://u@h.example", "has user-info"),
        ("https://@h.example/", "has user-info"),
        ("https://h.example/#part", "has a fragment"),
        ("https:///bundle.json", "is not a URL"),
        ("https://h.example/a b", "is not a URL"),
        ("https://h.exa\tmple/", "is not a URL"),
        ("https://h.example/\n", "is not a URL"),
        ("https://h.example/ä", "is not a URL"),
        ("https://h\\.example/", "is not a URL"),
        ("https://h.example:/", "is not a URL"),
        ("https://h.example:0/", "has no port from 1 to 65535"),
        ("https://h.example:65536/", "has no port from 1 to 65535"),
        ("https://h..example/", "neither a DNS name nor an IP address"),
        ("https://h.example./", "neither a DNS name nor an IP address"),
        ("https://-h.example/", "neither a DNS name nor an IP address"),
        (f"https://{'a' * 64}.example/", "neither a DNS name nor an IP address"),
        ("https://1.2.3/", "is no IP address"),
        ("https://01.2.3.4/", "is no IP address"),
        ("https://[::g]/", "is not a URL"),
        ("https://[1.2.3.4]/", "is no IP address"),
        ("https://h.example/" + "a" * 2048, "longer than 2048"),
    ],
)
def test_anything_else_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as raised:
        EndpointUrl.parse(text)
    assert "secret" not in str(raised.value)


@given(st.text(max_size=40) | st.text("htps:/@#?[]%.1a\t\n ", max_size=20).map("https://".__add__))
def test_what_is_accepted_is_visible_ascii_and_stays_as_it_is(text: str) -> None:
    try:
        url = EndpointUrl.parse(text)
    except ValueError:
        return
    assert str(url).isascii()
    assert str(url).isprintable()
    assert url.target.startswith("/")
    assert EndpointUrl.parse(str(url)) == url


@pytest.mark.parametrize(
    ("location", "where"),
    [
        ("https://other.example/b", "https://other.example/b"),
        ("/b?c", "https://h.example:8443/b?c"),
        ("b", "https://h.example:8443/a/b"),
        ("../b", "https://h.example:8443/b"),
        ("//other.example/b", "https://other.example/b"),
        ("/b#part", "https://h.example:8443/b"),
    ],
)
def test_a_redirect_leads_to_a_url(location: str, where: str) -> None:
    assert str(EndpointUrl.parse("https://h.example:8443/a/x").redirected(location)) == where


@pytest.mark.rows("FC-18")
@pytest.mark.parametrize(
    "location", ["http://h.example/", "//u@h.example/", "/a b", "", "/a\r\nX: y", "javascript:1"]
)
def test_a_redirect_leads_nowhere_else(location: str) -> None:
    with pytest.raises(ValueError, match=r"URL|user-info"):
        EndpointUrl.parse("https://h.example/").redirected(location)
