"""The section of an output: what it comes to, and what is wrong with it."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest

from accredit.agent.config import parse_config
from accredit.agent.config_outputs import OutputSection
from accredit.agent.output_plan import OutputPlan, Wanted
from accredit.file_output.address import Address
from accredit.file_output.profiles.catalogue import PROFILES
from accredit.file_output.spec import FileSpec, Kind
from accredit.file_output.tell.signal import Signal
from accredit.file_output.tell.way import Nothing
from accredit.file_output.verify import Verify
from accredit.identity.errors import ConfigError
from accredit.identity.spiffe_id import TrustDomain
from accredit.identity.yaml_lines import load

_AT = Path("/etc/accredit")
_OWN = TrustDomain("prod.example")
_PLACES = "data_dir: /d\nsocket: /s\nadmin_socket: /a\n"  # not everybody has some
_KEY = "files: [{kind: key, name: k.pem}]"


def plan(text: str) -> OutputPlan:
    data, _ = load(text, "f")
    return OutputSection.model_validate(data).plan(_AT)


def mistakes(outputs: str) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        parse_config(f"trust_domain: prod.example\noutputs:\n{outputs}\n{_PLACES}", _AT / "f")
    return [str(each).removeprefix("/etc/accredit/f:") for each in raised.value.mistakes]


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_a_profile_and_a_folder_are_enough(name: str) -> None:
    found = plan(f"{{profile: {name}, folder: out}}")
    assert (found.name, found.folder, found.wanted) == (name, _AT / "out", Wanted())
    assert found.recipe == PROFILES[name].recipe


def test_what_is_given_beside_a_profile_replaces_that_part_of_it() -> None:
    found = plan(
        "profile: nginx\nfolder: /srv/tls\nname: web\nhint: internal\nvalidate: false\n"
        "reload: {signal: USR1, pid_file: '{dir}/../pid', program: nginx}\n"
        "verify: '[::1]:8443'\n"
        "files:\n  - {kind: key, name: web.key, mode: '0640', owner: root, group: 33}\n"
        "  - {kind: jwt, name: api.jwt, audience: api}\n"
    )
    files = {spec.name: spec for spec in found.recipe.files}
    assert set(files) == {"tls.crt", "ca.crt", "ca-{trust_domain}.crt", "web.key", "api.jwt"}
    assert files["web.key"] == FileSpec(Kind.KEY, "web.key", 0o640, "root", "33")
    assert files["api.jwt"] == FileSpec(Kind.JWT, "api.jwt", 0o600, audience="api")
    assert found.name == "web"
    assert found.recipe.validate == Nothing()
    assert found.recipe.reload == Signal("{dir}/../pid", signal.SIGUSR1, "nginx")
    assert found.recipe.verify == Verify((Address("::1", 8443),))


def test_owner_and_group_are_for_all_files_that_name_none() -> None:
    found = plan(
        "profile: mysql\nfolder: out\nowner: pg\ngroup: tls\n"
        "files: [{kind: own-bundle, name: roots.pem, group: all}]"
    )
    assert {(spec.owner, spec.group) for spec in found.recipe.files} == {
        ("pg", "tls"),
        ("pg", "all"),
    }
    assert {spec.mode for spec in found.recipe.files if spec.kind is Kind.KEY} == {0o640}


def test_a_password_is_for_keystores_only_and_its_path_starts_at_the_configuration() -> None:
    found = plan(
        "name: java\nfolder: out\npassword_file: secret\nfiles:\n"
        "  - {kind: jks, name: k.jks}\n  - {kind: key, name: k.pem}\n"
        "  - {kind: pkcs12, name: k.p12, password_file: /other}\n"
    )
    assert [spec.password_file for spec in found.recipe.files] == [
        "/etc/accredit/secret",
        "",
        "/other",
    ]
    kafka = plan("profile: kafka\nfolder: out\npassword_file: /k")
    assert {spec.password_file for spec in kafka.recipe.files} == {"/k"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("  - {profile: nginks, folder: a}", r"3: outputs[0].profile: 'nginks' is not a profile; "),
        ("  - {profile: nginx}", "3: outputs[0].folder: is missing"),
        ("  - {folder: a}", "3: outputs[0]: needs a profile, or a name and files"),
        (
            "  - profile: nginx\n    folder: a\n    filse: []",
            "5: outputs[0].filse: unknown key; did you mean 'files'?",
        ),
        (
            "  - profile: nginx\n    folder: a\n    files:\n      - {kind: key, nam: x}",
            "6: outputs[0].files[0].name: is missing",
        ),
        ("  - {profile: nginx, folder: a, spiffe_id: a}", "outputs[0].spiffe_id: "),
        (
            "  - {profile: nginx, folder: a, spiffe_id: /a, hint: b}",
            "expected spiffe_id or hint, not both",
        ),
        ("  - {profile: nginx, folder: a, folder_mode: '0777'}", 'expected one of "0700", '),
        ("  - {profile: nginx, folder: a, folder_mode: 755}", "octal digits of a mode in quotes"),
        ("  - {profile: nginx, folder: a, name: ' a'}", "outer blanks"),
        ("  - {profile: nginx, folder: a, owner: true}", "the name or the number of a user"),
        ("  - {profile: nginx, folder: a, files: []}", "outputs[0].files: "),
        ("  - {name: a, folder: a, files: [{kind: x, name: y}]}", "expected one of certificate, "),
        (
            "  - {name: a, folder: a, files: [{kind: key, name: ../y}]}",
            "outputs[0].files[0]: '../y' is not a file name",
        ),
        (
            "  - {name: a, folder: a, files: [{kind: key, name: y, mode: '0644'}]}",
            "outputs[0].files[0]: y: mode 0644 would show a secret to everybody",
        ),
        (
            "  - {name: a, folder: a, files: [{kind: key, name: y, mode: '0640'}]}",
            "outputs[0]: y: mode 0640 needs a group that may read it",
        ),
        (
            "  - {name: a, folder: a, files: [{kind: jks, name: y}]}",
            "outputs[0]: y: a file of kind jks needs a password_file",
        ),
        (
            "  - {name: a, folder: a, files: [{kind: jwt, name: y}]}",
            "outputs[0].files[0]: y: an audience belongs to kind jwt",
        ),
        (
            "  - {profile: nginx, folder: a, files: [{kind: combined, name: tls.crt}]}",
            "outputs[0]: 'tls.crt' is the name of two files",
        ),
        (
            f"  - {{name: a, folder: a, {_KEY}}}\n  - {{name: a, folder: b, {_KEY}}}",
            "outputs: 'a' is the name of two outputs; each needs its own",
        ),
        (
            f"  - {{name: a, folder: a, {_KEY}}}\n  - {{name: b, folder: a, {_KEY}}}",
            "outputs: 'a' is the folder of two outputs; each needs its own",
        ),
        (
            f"  - {{name: a, folder: a, {_KEY}}}\n  - {{name: b, folder: ./b/../a/, {_KEY}}}",
            "outputs: 'a' is the folder of two outputs; each needs its own",
        ),
    ],
)
def test_a_mistake_names_line_key_and_what_was_expected(text: str, told: str) -> None:
    found = mistakes(text)
    assert any(re.search(re.escape(told), each) for each in found), found


def test_all_mistakes_of_all_outputs_are_told_at_once() -> None:
    found = mistakes(
        "  - {profile: nginx, folder: 1}\n"
        "  - profile: apache\n    folder: a\n    verify: x\n    reload: {verb: stop}\n"
    )
    assert [each.split(": ")[:2] for each in found] == [
        ["3", "outputs[0].folder"],
        ["6", "outputs[1].verify.address"],
        ["7", "outputs[1].reload.verb"],
    ]


def test_a_value_that_is_refused_is_not_repeated_in_full() -> None:
    told = mistakes("  - {profile: nginx, folder: a, reload: {command: [a], environment: s3cret}}")
    assert not any("s3cret" in each for each in told)
