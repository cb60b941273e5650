from __future__ import annotations

import pytest
from pydantic import ValidationError

from accredit.agent.config_sections import Attestation
from accredit.attestation.plugins.settings import PluginSettings


def plugins(value: object) -> tuple[PluginSettings, ...]:
    return Attestation.model_validate({"plugins": value}).plugin_settings()


def test_each_has_its_name_and_options() -> None:
    assert plugins({"rack": {"file": "/etc/rack", "deep": {"a": [1]}}, "b-2_x": {}}) == (
        PluginSettings("rack", {"file": "/etc/rack", "deep": {"a": [1]}}),
        PluginSettings("b-2_x", {}),
    )
    assert plugins({}) == ()


@pytest.mark.parametrize(
    ("value", "mistake"),
    [
        (["rack"], "expected names and options, such as rack"),
        ({"rack": None}, "rack: expected keys and values, or {} for none"),
        ({"rack": ["a"]}, "rack: expected keys and values, or {} for none"),
        ({"rack": {1: 2}}, "rack: expected keys and values, or {} for none"),
        ({"Rack": {}}, "'Rack' is no name of a plug-in: lower-case letters"),
        ({"a:b": {}}, "'a:b' is no name of a plug-in"),
        ({7: {}}, "'7' is no name of a plug-in"),
        ({"unix": {}}, "unix is an attestor of accredit's own, and so no plug-in"),
        ({"systemd-user": {}}, "systemd-user is an attestor of accredit's own"),
        ({"output": {}}, "output is an attestor of accredit's own"),
    ],
)
def test_what_is_no_plug_in_is_told(value: object, mistake: str) -> None:
    with pytest.raises(ValidationError, match=mistake):
        plugins(value)


def test_options_are_nowhere_to_be_read() -> None:
    """A plug-in may be told a password."""
    section = Attestation.model_validate({"plugins": {"rack": {"password": "hunter2"}}})
    assert "hunter2" not in repr(section) + repr(section.plugin_settings())
