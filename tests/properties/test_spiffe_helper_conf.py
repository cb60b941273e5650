"""Whatever is in a helper.conf, the answer is a file that means something, or mistakes."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from accredit.agent.config_file_watch import translated
from accredit.agent.helper_translation import Translation
from accredit.agent.helper_yaml import as_yaml
from accredit.identity.errors import ConfigError
from accredit.identity.yaml_lines import load

_WORDS = st.sampled_from(
    (
        *(
            '"',
            "=",
            "{",
            "}",
            "[",
            "]",
            ",",
            "\n",
            "#",
            "//",
            "/*",
            "*/",
            "<<E",
            "E",
            "\\",
            "$",
            "-",
        ),
        *("a", "0644", "1.5", "true", '"x"', "cert_dir", "hint", "jwt_svids", "é", "\0", "'", ":"),
    )
)
_JUNK = st.lists(_WORDS, max_size=40).map(" ".join)
_TEXT = st.text(st.characters(exclude_characters='"\\\n\r$%'), max_size=20)
_VALUES = st.one_of(
    _TEXT.map(lambda text: f'"{text}"'),
    st.sampled_from(["true", "false", "0644", "0600", "640", "-1", "[]", '["a"]', "{}"]),
    st.just('[{jwt_audience="a", jwt_svid_file_name="t", jwt_extra_audiences=["b", "c"]}]'),
)
_KEYS = st.sampled_from(
    (
        *("agent_address", "cmd", "cmd_args", "pid_file_name", "renew_signal", "hint", "jwt_svids"),
        *("svid_file_name", "svid_key_file_name", "svid_bundle_file_name", "jwt_bundle_file_name"),
        *(
            "add_intermediates_to_bundle",
            "include_federated_domains",
            "omit_expired",
            "daemon_mode",
        ),
        *("cert_file_mode", "key_file_mode", "jwt_svid_file_mode", "health_checks", "certDir", "x"),
    )
)
_OPTIONS = st.dictionaries(_KEYS, _VALUES, max_size=8).map(
    lambda options: "\n".join(f"{key} = {value}" for key, value in options.items())
)


def answer(text: str) -> Translation | ConfigError:
    try:
        return translated(text, Path("helper.conf"))
    except ConfigError as error:
        return error


def check(text: str) -> None:
    found = answer(text)
    if isinstance(found, ConfigError):
        assert {mistake.path for mistake in found.mistakes} == {"helper.conf"}
    else:
        assert load(as_yaml(found), "printed")[0] == found.document


@given(_JUNK)
def test_junk_is_mistakes(text: str) -> None:
    check(text)


@given(_OPTIONS)
def test_any_options_are_a_valid_file_or_mistakes(text: str) -> None:
    check(f'cert_dir = "/certs"\n{text}')
