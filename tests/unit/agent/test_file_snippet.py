from __future__ import annotations

from pathlib import Path

import pytest

from accredit.agent.file_snippet import Asked, text
from accredit.file_output.profiles.catalogue import PROFILES

WEB, BELOW = "spiffe://td.example/web", "spiffe://td.example/ns/*"


def lines(profile: str, *allow: str, users: tuple[str, ...] = ()) -> list[str]:
    return text(Asked(profile, allow, users, "/run/f"))[0].splitlines()


@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_each_profile_has_lines_that_name_its_folder(profile: str) -> None:
    found = "\n".join(lines(profile))
    assert found.startswith(f"# {profile}")
    assert "{dir}" not in found
    assert ("/run/f/" in found) == (profile != "pem")


@pytest.mark.parametrize("profile", ["nginx", "apache"])
def test_no_line_is_there_twice_as_nginx_takes_none_twice(profile: str) -> None:
    found = text(Asked(profile, (WEB,), (), "/run/f", Path("/etc/x")))[0].splitlines()
    directives = [line.split()[0] for line in found if line.startswith(("ssl", "SSL"))]
    assert len(directives) == len(set(directives))


def test_clients_are_named_exactly_or_by_what_is_above_them() -> None:
    found = lines("nginx", WEB, BELOW)
    assert r'    "~^spiffe://td\.example/web\z" 1;' in found
    assert r'    "~^spiffe://td\.example/ns/." 1;' in found
    assert "ssl_client_certificate /run/f/ca.crt;" in found


@pytest.mark.parametrize("profile", ["haproxy", "haproxy-runtime"])
def test_haproxy_has_one_bind_line(profile: str) -> None:
    found = [line for line in lines(profile, WEB) if line.startswith("bind ")]
    assert found == [
        "bind :443 ssl crt /run/f/haproxy.pem ca-file /run/f/ca.crt verify required no-tls-tickets"
    ]


def test_scripts_are_printed_or_named_where_they_are_written() -> None:
    printed, files = text(Asked("nginx", (WEB,), (), "/run/f"))
    assert files["spiffe.js"] in printed
    named, files = text(Asked("nginx", (WEB,), (), "/run/f", Path("/etc/x")))
    assert files["spiffe.js"] not in named
    assert "js_import spiffe from /etc/x/spiffe.js;" in named


def test_postgresql_maps_common_names_to_its_users() -> None:
    assert 'spiffe "web" "app"' in lines("postgresql", users=("web=app",))


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (Asked("ngnix", (), (), "/f"), "is not a profile; there are apache"),
        (Asked("redis", (WEB,), (), "/f"), "redis cannot be made to check SPIFFE IDs; these can"),
        (Asked("postgresql", (WEB,), (), "/f"), "sees the subject of a certificate only"),
        (Asked("postgresql", (), ("web",), "/f"), "expected COMMON-NAME=USER"),
        (Asked("nginx", (), ("web=a",), "/f"), "--user is for postgresql only"),
        (Asked("nginx", ("web",), (), "/f"), "is not a SPIFFE ID"),
        (Asked("nginx", (WEB, "spiffe://other/a"), (), "/f"), "cannot share a port"),
        (Asked("nginx", (), (), "/f;evil"), "is not an absolute path"),
    ],
)
def test_what_cannot_be_is_told(asked: Asked, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        text(asked)
