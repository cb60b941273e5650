from __future__ import annotations

import re

import pytest

from accredit.file_output.profiles.catalogue import PROFILES, profile_named
from accredit.file_output.profiles.profile import Profile

ALL = sorted(PROFILES.values(), key=lambda profile: profile.name)


def test_a_name_that_is_none_is_answered_with_those_there_are() -> None:
    assert profile_named("nginx").name == "nginx"
    with pytest.raises(ValueError, match=r"'caddy' is not a profile; there are .*haproxy.*nginx"):
        profile_named("caddy")


@pytest.mark.parametrize("profile", ALL, ids=lambda profile: profile.name)
def test_the_configuration_names_files_that_are_written_and_all_of_the_secret_ones(
    profile: Profile,
) -> None:
    written = {file.name for file in profile.recipe.files}
    named = set(re.findall(r"{dir}/([A-Za-z0-9._-]+)", profile.lines))
    assert named <= written
    if profile.lines:
        assert {file.name for file in profile.recipe.files if file.kind.secret} <= named


@pytest.mark.parametrize("profile", ALL, ids=lambda profile: profile.name)
def test_no_secret_can_be_read_by_everybody(profile: Profile) -> None:
    for file in profile.recipe.files:
        assert not (file.kind.secret and file.mode & 0o007)
