from __future__ import annotations

from typing import Any

import pytest

from accredit.file_output.spec import FileSpec, Kind, check_file_name

SECRETS = [kind for kind in Kind if kind.secret]
OTHERS = [kind for kind in Kind if not kind.secret]


def spec(kind: Kind, **fields: Any) -> FileSpec:
    """Return a spec of any kind with what that kind asks for."""
    needed: dict[str, Any] = {"name": "bundle-{trust_domain}.pem" if kind.foreign else "file.pem"}
    if kind is Kind.JWT:
        needed["audience"] = "db"
    if kind in {Kind.PKCS12_TRUST, Kind.JKS, Kind.JKS_TRUST}:
        needed["password_file"] = "/password"
    return FileSpec(kind, **{**needed, **fields})


@pytest.mark.parametrize("kind", SECRETS)
def test_a_secret_is_ours_alone_unless_told_otherwise(kind: Kind) -> None:
    assert spec(kind).mode == 0o600


@pytest.mark.parametrize("kind", OTHERS)
def test_what_is_no_secret_may_be_read_by_all(kind: Kind) -> None:
    assert spec(kind).mode == 0o644


@pytest.mark.parametrize("kind", SECRETS)
@pytest.mark.parametrize("mode", [0o604, 0o644, 0o404, 0o444])
def test_a_secret_is_never_for_everybody(kind: Kind, mode: int) -> None:
    with pytest.raises(ValueError, match="would show a secret to everybody"):
        spec(kind, mode=mode, group="nginx")


@pytest.mark.parametrize("kind", SECRETS)
def test_a_secret_is_for_a_group_only_if_it_is_named(kind: Kind) -> None:
    with pytest.raises(ValueError, match="mode 0640 needs a group that may read it"):
        spec(kind, mode=0o640)
    assert spec(kind, mode=0o640, group="nginx").mode == 0o640


@pytest.mark.parametrize("mode", [0o755, 0o666, 0o664, 0o646, 0o4644, 0o200, 0o044, 0, 0o10644, -2])
def test_a_mode_that_lets_others_write_or_us_not_read_is_refused(mode: int) -> None:
    with pytest.raises(ValueError, match="is not one of 0400 to 0644"):
        spec(Kind.CERTIFICATE, mode=mode)


@pytest.mark.parametrize("mode", [0o400, 0o440, 0o444, 0o600, 0o640, 0o644])
def test_every_other_mode_is_taken(mode: int) -> None:
    assert spec(Kind.CERTIFICATE, mode=mode).mode == mode


@pytest.mark.parametrize(
    "name",
    [
        *("", ".", "..", ".hidden", "a/b", "/etc/passwd", "../x", "-rf", "a\0b", "a b", "a\n"),
        *("ä.pem", "a;b", "$x", "a\\b", "'a'", "~", "*"),
    ],
)
def test_what_is_no_plain_file_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is not a file name"):
        spec(Kind.CERTIFICATE, name=name)


@pytest.mark.parametrize("name", ["tls.crt", "a", "_x", "CA+2@b-c", "9"])
def test_a_plain_file_name_is_taken(name: str) -> None:
    check_file_name(name)


def test_a_name_longer_than_file_systems_take_is_refused() -> None:
    check_file_name("a" * 255)
    with pytest.raises(ValueError, match="longer than 255 bytes"):
        check_file_name("a" * 256)


@pytest.mark.parametrize("name", ["current", "previous", "sets"])
def test_names_that_the_folder_uses_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="a name that accredit itself uses"):
        spec(Kind.CERTIFICATE, name=name)


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind.foreign])
@pytest.mark.parametrize("name", ["ca.pem", "{trust_domain}{trust_domain}"])
def test_a_file_a_trust_domain_says_once_where_its_name_goes(kind: Kind, name: str) -> None:
    with pytest.raises(ValueError, match=r"needs \{trust_domain\} once in its name"):
        spec(kind, name=name)


def test_one_file_takes_no_placeholder() -> None:
    with pytest.raises(ValueError, match=r"a file of kind certificate takes no \{\.\.\.\}"):
        spec(Kind.CERTIFICATE, name="{trust_domain}.pem")


def test_an_audience_belongs_to_a_token() -> None:
    with pytest.raises(ValueError, match="an audience belongs to kind jwt"):
        spec(Kind.JWT, audience="")
    with pytest.raises(ValueError, match="an audience belongs to kind jwt"):
        spec(Kind.KEY, audience="db")


def test_a_password_belongs_to_a_keystore() -> None:
    with pytest.raises(ValueError, match="for keystores only"):
        spec(Kind.KEY, password_file="/password")


@pytest.mark.parametrize("kind", [Kind.JKS, Kind.JKS_TRUST, Kind.PKCS12_TRUST])
def test_a_keystore_that_java_must_read_needs_a_password(kind: Kind) -> None:
    with pytest.raises(ValueError, match="needs a password_file"):
        spec(kind, password_file="")


def test_a_pkcs12_file_may_do_without_one() -> None:
    assert spec(Kind.PKCS12).password_file == ""
