from __future__ import annotations

import json

import pytest
import yaml
from support.bootstraps import BAD, FIXABLE, GOOD, Sample, camelled

from accredit.envoy.lint.fix import fix
from accredit.envoy.lint.lint import Finding


def _told(findings: tuple[Finding, ...]) -> list[tuple[str, ...]]:
    return sorted((each.rule.id, each.path) for each in findings)


@pytest.mark.parametrize("sample", [*BAD, *FIXABLE], ids=str)
def test_what_can_be_cured_is_cured_the_rest_is_told_and_nothing_new_appears(
    sample: Sample,
) -> None:
    fixed = fix(sample.text, "f.yaml")
    assert [each for each in fixed.left if each.edit is not None] == []
    if expected := sample.findings("expect"):
        assert sorted([*_told(fixed.cured), *_told(fixed.left)]) == expected


@pytest.mark.parametrize("sample", [*BAD, *FIXABLE], ids=str)
def test_fixing_twice_changes_nothing(sample: Sample) -> None:
    once = fix(sample.text, "f.yaml")
    again = fix(once.text, "f.yaml")
    assert again.text == once.text
    assert again.cured == ()


@pytest.mark.parametrize("sample", FIXABLE, ids=str)
def test_after_a_fix_only_decisions_are_left(sample: Sample) -> None:
    assert _told(fix(sample.text, "f.yaml").left) == sample.findings("left")


@pytest.mark.parametrize("sample", GOOD, ids=str)
def test_a_good_bootstrap_stays_as_it_is(sample: Sample) -> None:
    assert fix(sample.text, "f.yaml").text == sample.text


@pytest.mark.parametrize("sample", FIXABLE, ids=str)
def test_comments_and_all_other_lines_stay(sample: Sample) -> None:
    after = fix(sample.text, "f.yaml").text.splitlines()
    comments = [line for line in sample.text.splitlines() if "#" in line]
    assert comments == [line for line in after if "#" in line]


@pytest.mark.parametrize("sample", [*BAD, *FIXABLE], ids=str)
@pytest.mark.parametrize("indent", [None, 2])
def test_json_stays_json_and_is_cured_as_well(sample: Sample, indent: int | None) -> None:
    text = json.dumps(camelled(yaml.safe_load(sample.text)), default=str, indent=indent)
    fixed = fix(text, "f.json")
    json.loads(fixed.text)
    assert [each for each in fixed.left if each.edit is not None] == []
    assert "_options" not in fixed.text


def test_a_cure_is_written_in_the_style_of_what_is_around_it() -> None:
    text = "admin:\n  address: # here\n    pipe:\n      path: /a.sock  # ours\n"
    assert fix(text, "f").text == text + "      mode: 384\n"
    assert fix("admin: {address: {pipe: {path: /a.sock}}}\n", "f").text == (
        "admin: {address: {pipe: {mode: 384, path: /a.sock}}}\n"
    )
    assert fix('{"admin": {"address": {"pipe": {"path": "/a.sock"}}}}', "f").text == (
        '{"admin": {"address": {"pipe": {"mode": 384, "path": "/a.sock"}}}}'
    )


def test_what_several_aliases_share_is_cured_once() -> None:
    text = "admin: {address: {pipe: &p {path: /a.sock}}}\nother: *p\n"
    assert fix(text, "f").text == (
        "admin: {address: {pipe: &p {mode: 384, path: /a.sock}}}\nother: *p\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        "x: &a {socket_address: {address: 0.0.0.0, port_value: 1}}\nadmin: {address: *a}\n",
        "admin: {address: {socket_address: &s {address: 0.0.0.0, port_value: 1}}}\n",
    ],
)
def test_what_the_admin_interface_shares_with_a_listener_is_left_to_people(text: str) -> None:
    assert fix(text, "f").left == ()
    address = "*a" if "&a" in text else "{socket_address: *s}"
    text += f"static_resources: {{listeners: [{{name: l, address: {address}}}]}}\n"
    fixed = fix(text, "f")
    assert fixed.text == text
    assert [each.rule.id for each in fixed.left] == ["admin-exposed"]


def test_a_cure_that_would_change_more_than_it_should_is_left_to_people() -> None:
    text = "admin: {address: {pipe: {path: /a.sock, mode: &m 438}}}\nother: *m\n"
    fixed = fix(text, "f")
    assert fixed.text == text
    assert [each.rule.id for each in fixed.left] == ["admin-pipe-mode"]


def test_a_byte_order_mark_is_no_hindrance() -> None:
    text = "\ufeffadmin: {address: {pipe: {path: /a.sock}}}\n"
    assert fix(text, "f").text == "\ufeffadmin: {address: {pipe: {mode: 384, path: /a.sock}}}\n"


def test_lines_that_end_as_on_windows_stay_so() -> None:
    text = "admin:\r\n  address:\r\n    pipe:\r\n      path: /é.sock\r\n"
    fixed = fix(text, "f").text
    assert "mode: 384" in fixed
    assert yaml.safe_load(fixed)["admin"]["address"]["pipe"] == {"path": "/é.sock", "mode": 384}
    assert fixed.startswith(text[:-2])
