from __future__ import annotations

import pytest

from accredit.agent.helper_conf import HelperConf, Token, parse_helper_conf
from accredit.identity.errors import ConfigError

EVERYTHING = r"""
# comment
agent_address = "/run/api.sock"      // and another
cmd = "/usr/bin/mysql"
cmd_args = "-e \"ALTER INSTANCE RELOAD TLS\" --wait"
pid_file_name = "/run/x.pid"
renew_signal = "SIGUSR1"
cert_dir = "/certs"  /* and a third */
add_intermediates_to_bundle = true
include_federated_domains = true
omit_expired = true
daemon_mode = false
hint = "internal"
svid_file_name = "svid.pem"
svid_key_file_name = "svid_key.pem"
svid_bundle_file_name = "bundle.pem"
jwt_svids = [
  {jwt_audience="a", jwt_extra_audiences=["b", "c"], jwt_svid_file_name="a.token"},
  {
    jwt_audience = "d"
    jwt_svid_file_name = "d.token"
  }
]
jwt_bundle_file_name = "keys.json"
cert_file_mode = 0444
key_file_mode = 0600
jwt_bundle_file_mode = 0640
jwt_svid_file_mode = 0400
health_checks {
  listener_enabled = true
  bind_port = 8081
}
"""


def parsed(text: str) -> HelperConf:
    return parse_helper_conf(text, "helper.conf")


def refused(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parsed(text)
    return str(caught.value)


def test_every_option_is_read() -> None:
    found = parsed(EVERYTHING)
    assert found.texts == {
        "agent_address": "/run/api.sock",
        "cmd": "/usr/bin/mysql",
        "cmd_args": '-e "ALTER INSTANCE RELOAD TLS" --wait',
        "pid_file_name": "/run/x.pid",
        "renew_signal": "SIGUSR1",
        "cert_dir": "/certs",
        "hint": "internal",
        "svid_file_name": "svid.pem",
        "svid_key_file_name": "svid_key.pem",
        "svid_bundle_file_name": "bundle.pem",
        "jwt_bundle_file_name": "keys.json",
    }
    assert found.switches == {
        "add_intermediates_to_bundle": True,
        "include_federated_domains": True,
        "omit_expired": True,
        "daemon_mode": False,
    }
    assert found.tokens == (Token("a", ("b", "c"), "a.token"), Token("d", (), "d.token"))
    assert found.health_checks


def test_modes_are_octal_as_they_look() -> None:
    assert parsed(EVERYTHING).modes == {
        "cert_file_mode": 0o444,
        "key_file_mode": 0o600,
        "jwt_bundle_file_mode": 0o640,
        "jwt_svid_file_mode": 0o400,
    }
    assert parsed("cert_file_mode = 644").modes == {"cert_file_mode": 0o644}
    assert parsed('cert_file_mode = "0644"').modes == {"cert_file_mode": 0o644}


def test_the_old_names_of_options_are_known() -> None:
    found = parsed('agentAddress = "/a"\nsvidKeyFileName = "k"\naddIntermediatesToBundle = true')
    assert found.texts == {"agent_address": "/a", "svid_key_file_name": "k"}
    assert found.switches == {"add_intermediates_to_bundle": True}


def test_json_is_hcl_too() -> None:
    assert parsed('{"cert_dir": "/certs"}').texts == {"cert_dir": "/certs"}


def test_health_checks_that_are_off_are_none() -> None:
    assert not parsed("health_checks {\n listener_enabled = false\n}").health_checks


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('cert_dri = "/a"', "helper.conf:1: cert_dri: unknown option; did you mean 'cert_dir'?"),
        ('# x\n\nfoo = "/a"', "helper.conf:3: foo: unknown option"),
        ("hint = 5", "helper.conf:1: hint: expected text in quotes"),
        ('omit_expired = "yes"', "helper.conf:1: omit_expired: expected true or false"),
        ("key_file_mode = 0888", "expected the octal digits of a mode"),
        ("key_file_mode = -600", "expected the octal digits of a mode"),
        ("key_file_mode = true", "expected the octal digits of a mode"),
        ('jwt_svids = "a"', "jwt_svids: expected a list of blocks"),
        ('jwt_svids = [{jwt_audience="a"}]', "jwt_svids[0]: needs jwt_audience and"),
        (
            'jwt_svids = [{jwt_audience="a", jwt_svid_file_name="f", jwt_extra_audiences="b"}]',
            "jwt_svids[0].jwt_extra_audiences: expected a list of text",
        ),
        (
            'jwt_svids = [{jwt_audience="a", jwt_svid_file="f", jwt_svid_file_name="g"}]',
            "jwt_svids[0].jwt_svid_file: unknown option; did you mean 'jwt_svid_file_name'?",
        ),
        ("cert_dir = ", "helper.conf: is not HCL: unexpected end of file"),
        ("cert_dir = '/a'", "helper.conf: is not HCL: line 1, column 11"),
        ("outputs:\n- x", "helper.conf: is not HCL"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, reason: str) -> None:
    assert reason in refused(text)


def test_all_that_is_wrong_is_told_at_once() -> None:
    assert len(refused("hint = 1\nfoo = 2\ncert_dir = 3").splitlines()) == 3
