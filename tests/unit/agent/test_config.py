"""The configuration: everything checked, all mistakes at once, nothing guessed."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from accredit.agent.config import Config, load_config, parse_config
from accredit.agent.plan import Plan
from accredit.authority.entry_file import EntryDefaults
from accredit.identity.errors import ConfigError
from accredit.identity.keys import KeyType
from accredit.identity.spiffe_id import TrustDomain

_PATH = Path("/etc/accredit/accredit.yaml")
_MINIMAL = (
    "trust_domain: prod.example\ndata_dir: /d\nsocket: /s/api.sock\nadmin_socket: /a/admin.sock\n"
)


@pytest.fixture(autouse=True, scope="module")
def places() -> Iterator[None]:
    """Let the places be those of a user who has some, whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", "/run/user/1")
        patch.setenv("XDG_STATE_HOME", "/state")
        yield


def parse(text: str) -> Config:
    return parse_config(text, _PATH)


def mistakes(text: str) -> list[tuple[int | None, str, str]]:
    with pytest.raises(ConfigError) as raised:
        parse_config(text, _PATH)
    return [(each.line, each.key, each.reason) for each in raised.value.mistakes]


def test_the_trust_domain_is_all_that_is_required() -> None:
    config = parse(_MINIMAL)
    assert config.trust_domain == TrustDomain("prod.example")
    assert (config.ttl, config.jwt_ttl) == (timedelta(hours=1), timedelta(minutes=5))
    assert config.authority.embedded.ca_lifetime == timedelta(days=30)
    assert config.rotation.key_type is config.authority.embedded.key_type is KeyType.EC_P256
    names = config.sds
    assert (names.default_svid_name, names.default_bundle_name) == ("default", "ROOTCA")
    assert names.default_all_bundles_name == "ALL"


def test_every_mistake_is_told_at_once_with_line_key_and_what_was_expected() -> None:
    text = (
        "trust_domain: prod.example\n"  # 1
        "ttl: 3\n"  # 2
        "sds:\n"  # 3
        "  enabld: true\n"  # 4
        "  withdrawn: forget\n"  # 5
        "authority:\n"  # 6
        "  embedded: {key_type: dsa, ca_lifetime: 30x}\n"  # 7
        "limits: [1]\n"  # 8
        "attestation: {unix: {size_limit: 0, discover_path: 'yes'}}\n"  # 9
        "colour: blue\n"  # 10
        "entries:\n"  # 11
        "  - id: /a\n"  # 12
    )
    found = {key: (line, reason) for line, key, reason in mistakes(text)}
    assert found["ttl"] == (2, "expected a duration such as 20s, 5m, 1h or 30d")
    assert found["sds.enabld"] == (4, "unknown key; did you mean 'enabled'?")
    assert found["sds.withdrawn"] == (5, "expected 'keep' or 'cut'")
    assert found["authority.embedded.key_type"][1].startswith("expected one of ec-p256, ec-p384")
    assert found["authority.embedded.ca_lifetime"][0] == 7
    assert found["limits"] == (8, "expected keys and values")
    assert found["attestation.unix.size_limit"] == (9, "expected at least 1")
    assert found["attestation.unix.discover_path"] == (9, "expected true or false")
    assert found["colour"][0] == 10
    assert "trust_domain" in found["colour"][1]
    assert found["entries[0].selectors"][0] == 12
    assert len(found) == 10


def test_a_message_names_the_file_first() -> None:
    with pytest.raises(
        ConfigError, match=r"^/etc/accredit/accredit\.yaml:1: ttl: 'soon' is not a duration"
    ) as told:
        parse("ttl: soon\n" + _MINIMAL)
    assert len(str(told.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", (1, "", "expected keys and values at the top")),
        ("- a", (1, "", "expected keys and values at the top")),
        ("ttl: 1h", (1, "trust_domain", "is missing")),
    ],
)
def test_a_file_without_a_trust_domain_is_refused(
    text: str, expected: tuple[int, str, str]
) -> None:
    assert mistakes(text) == [expected]


@pytest.mark.parametrize("name", ["Prod.example", "spiffe://prod.example/a", "", "a b", "7"])
def test_a_bad_trust_domain_is_refused(name: str) -> None:
    text = f"trust_domain: {name!r}\n" if name != "7" else "trust_domain: 7\n"
    [(line, key, _)] = mistakes(text + "entries: [{id: /a, selectors: ['unix:uid:0']}]")
    assert (line, key) == (1, "trust_domain")


@pytest.mark.rows("WE-03", "WE-04", "WE-05")
@pytest.mark.parametrize("address", ["tcp://0.0.0.0:8081", "tcp://127.0.0.1:8081", "tcp:[::1]:80"])
def test_a_tcp_address_is_refused_since_its_callers_cannot_be_identified(address: str) -> None:
    text = _MINIMAL.replace("/s/api.sock", address)
    [(line, key, reason)] = mistakes(text)
    assert (line, key) == (3, "socket")
    assert reason == "a TCP caller cannot be identified; expected a unix socket's path"


def test_places_without_a_default_are_told_with_all_other_mistakes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    for variable in ("XDG_RUNTIME_DIR", "XDG_STATE_HOME", "HOME"):
        monkeypatch.delenv(variable, raising=False)
    found = mistakes("ttl: 1\n")
    assert [key for _, key, _ in found] == [
        "trust_domain",
        "ttl",
        "data_dir",
        "socket",
        "admin_socket",
    ]
    assert found[3][2] == "has no default here: XDG_RUNTIME_DIR is not set; set it"


@pytest.mark.rows("WE-02")
def test_the_default_socket_is_a_unix_socket() -> None:
    config = parse("trust_domain: prod.example\ndata_dir: /d")
    assert config.socket.name == "api.sock"
    assert config.socket.parent != config.admin_socket.parent


@pytest.mark.parametrize("written", ["unix:///s/x.sock", "unix:/s/x.sock", "/s/x.sock"])
def test_a_socket_may_be_written_as_an_address(written: str) -> None:
    assert parse(_MINIMAL.replace("/s/api.sock", written)).socket == Path("/s/x.sock")


def test_jwk_sets_are_served_beside_the_public_socket_unless_told_otherwise() -> None:
    def plan(more: str = "") -> Plan:
        return parse(_MINIMAL + more).plan(Path("/etc/accredit/accredit.yaml"))

    assert plan().jwks_socket == Path("/s/jwks.sock")
    assert plan("jwks_socket: keys.sock\n").jwks_socket == Path("/etc/accredit/keys.sock")
    limits = plan("jwks: {connections_per_uid: 7}\nlimits: {header_bytes: 99}\n").jwks
    assert limits is not None
    assert (limits.connections_per_uid, limits.header_bytes) == (7, 99)
    assert plan("jwks: {enabled: false}\n").jwks is None


@pytest.mark.parametrize("path", ["/s/api.sock", "/a/admin.sock"])
def test_jwk_sets_need_a_socket_of_their_own(path: str) -> None:
    [(_, _, reason)] = mistakes(_MINIMAL + f"jwks_socket: {path}\n")
    assert reason == "jwks_socket is also the path of another socket; choose another"
    parse(_MINIMAL + f"jwks_socket: {path}\njwks: {{enabled: false}}\n")


def test_a_path_that_is_not_absolute_starts_at_the_file() -> None:
    text = "trust_domain: a\ndata_dir: d\nsocket: s\nadmin_socket: ../a\nentries_dir: e"
    config = parse(text)
    assert config.data_dir == Path("/etc/accredit/d")
    assert config.entries_dir == Path("/etc/accredit/e")
    assert config.admin_socket == Path("/etc/accredit/../a")


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("/s/api.sock", "/" + "x" * 107, "longer than the 107 bytes a unix socket can have"),
        ("/s/api.sock", "'@api'", "an abstract socket has no file permissions; expected a path"),
        ("/s/api.sock", "7", "expected a path"),
        ("/s/api.sock", "''", "expected a path"),
        ("/d", "[]", "expected a path"),
    ],
)
def test_a_bad_path_is_refused(old: str, new: str, reason: str) -> None:
    assert [found for *_, found in mistakes(_MINIMAL.replace(old, new))] == [reason]


@pytest.mark.parametrize(
    "names",
    [
        "default_svid_name: ROOTCA",
        "default_bundle_name: '*'",
        "default_all_bundles_name: 'hint:x'",
        "default_svid_name: spiffe://a/b",
        "default_svid_name: ''",
        r'default_svid_name: "a\tb"',
    ],
)
def test_a_resource_name_that_means_something_else_is_refused(names: str) -> None:
    assert mistakes(_MINIMAL + "sds: {" + names + "}")


def test_names_in_a_list_are_checked_one_by_one() -> None:
    text = _MINIMAL + "workload_api: {allowed_foreign_jwt_claims: "
    allowed = parse(text + "[iss, role]}").workload_api.allowed_foreign_jwt_claims
    assert allowed == ("iss", "role")
    assert mistakes(text + "[1]}") == mistakes(text + "iss}")


def test_lifetimes_of_the_file_are_those_of_its_entries() -> None:
    files = parse(_MINIMAL + "ttl: 2h\njwt_ttl: 1m").plan(_PATH).entry_files
    assert files.defaults == EntryDefaults(timedelta(hours=2), timedelta(minutes=1))
    assert (files.config, files.folder) == (_PATH, None)


def test_a_file_that_every_user_can_write_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "accredit.yaml"
    path.write_text(_MINIMAL)
    path.chmod(0o666)
    with pytest.raises(ConfigError, match=r"accredit\.yaml: can be written by every user; chmod"):
        load_config(path)
    path.chmod(0o644)
    assert load_config(path).trust_domain == TrustDomain("prod.example")


def test_two_entries_for_the_same_are_a_mistake_also_beside_others() -> None:
    twice = "entries:\n" + 2 * "  - {id: /a, selectors: ['unix:uid:1']}\n"
    assert len(mistakes(_MINIMAL + twice)) == 1
    assert len(mistakes(_MINIMAL + "ttl: x\n" + twice)) == 2


def _keys(model: type[BaseModel]) -> list[str]:
    nested = [
        field.annotation
        for field in model.model_fields.values()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
    ]
    return [*model.model_fields, *(key for each in nested for key in _keys(each))]


_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("1h"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(_keys(Config)) | st.text(), inner, max_size=5)
    ),
    max_leaves=20,
)


def parse_or_refuse(text: str) -> None:
    with contextlib.suppress(ConfigError):
        parse_config(text, _PATH)


@given(_values)
def test_any_yaml_gives_a_config_or_a_config_error(data: object) -> None:
    parse_or_refuse(yaml.dump(data))


@given(st.dictionaries(st.sampled_from([*_keys(Config), "id", "selectors"]), _values, max_size=8))
def test_any_values_of_known_keys_give_a_config_or_a_config_error(data: dict[str, Any]) -> None:
    parse_or_refuse(yaml.dump({"trust_domain": "prod.example", **data}))


@given(st.text() | st.binary().map(lambda data: data.decode(errors="replace")))
def test_any_text_gives_a_config_or_a_config_error(text: str) -> None:
    parse_or_refuse(text)
