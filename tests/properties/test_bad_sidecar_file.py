"""Bad sidecar files give every mistake at once, each in its line, and nothing but ConfigError."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.sidecar_documents import documents, surroundings
from support.sidecar_mistakes import Planted, spoilt, tells
from support.sidecar_yaml import line_of, written

from accredit.envoy.sidecar import Profile, Sidecar
from accredit.envoy.sidecar_file import parse
from accredit.identity.errors import ConfigError

_FILE = Path("web.yaml")
_VALID = st.sampled_from(Profile).flatmap(lambda profile: documents(profile).map(written))
_YAML = ("&a ", "*a", "!!python/object:os.system ", "<<: ", "{", "]", "- ", ": ", "---\n", "? ")
_ODD = (
    "|\n",
    "%",
    "'",
    '"',
    "\t",
    "\x00",
    "\ufeff",
    "\ud800",
    "\u2028",
    "1e999",
    "9" * 200,
    "[" * 50,
)
_SCRAPS = st.sampled_from((*_YAML, *_ODD)) | st.text(max_size=5)


def _read(text: str, profile: Profile) -> Sidecar:
    return parse(text, _FILE, surroundings(profile))


@st.composite
def bad_files(draw: st.DrawFn) -> tuple[Profile, dict[str, Any], list[Planted]]:
    profile = draw(st.sampled_from(Profile))
    return profile, *draw(spoilt(draw(documents(profile))))


@given(bad_files())
@settings(max_examples=400)
def test_every_mistake_is_told_in_its_line_whatever_else_is_wrong(
    bad: tuple[Profile, dict[str, Any], list[Planted]],
) -> None:
    profile, data, planted = bad
    text, lines = written(data)
    with pytest.raises(ConfigError) as caught:
        _read(text, profile)
    mistakes = caught.value.mistakes
    for each in planted:
        assert any(tells(mistake.key, each) and each.word in mistake.reason for mistake in mistakes)
    for mistake in mistakes:
        assert mistake.line == line_of(lines, mistake.key), mistake
        assert str(mistake).isprintable()
        assert len(str(mistake)) < 1000
    assert list(mistakes) == sorted(mistakes, key=lambda mistake: mistake.line or 0)


@given(_VALID, st.data())
@settings(max_examples=300)
def test_text_with_scraps_in_it_is_read_or_refused(
    valid: tuple[str, dict[Any, int]], data: st.DataObject
) -> None:
    text = valid[0]
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(start + 8, len(text))))
        text = text[:start] + data.draw(_SCRAPS) + text[end:]
    with suppress(ConfigError):
        _read(text, Profile.ACCREDIT)


@given(_VALID, st.data())
def test_a_key_given_twice_hides_no_other_mistake(
    valid: tuple[str, dict[Any, int]], data: st.DataObject
) -> None:
    lines = valid[0].splitlines()
    # The last line of all, so that no other moves; and one that is wrong by itself.
    text = "\n".join([*lines, "  trust_domain: own.example", "  wrong: true"])
    with pytest.raises(ConfigError) as caught:
        _read(text, data.draw(st.sampled_from(Profile)))
    found = {(mistake.line, mistake.key) for mistake in caught.value.mistakes}
    assert {
        (len(lines) + 1, "sidecar.trust_domain"),
        (len(lines) + 2, "sidecar.wrong"),
    } <= found
