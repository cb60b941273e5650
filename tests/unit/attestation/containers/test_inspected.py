from __future__ import annotations

import json
from typing import Any

import pytest
from support.fake_engine import described

from accredit.attestation.containers.inspected import Inspected, Run, parse_inspected, selectors_of


def parsed(**changes: Any) -> Inspected:
    return parse_inspected(json.dumps(described(7, **changes)).encode())


def config(**changes: Any) -> dict[str, Any]:
    return {"Config": {**described(7)["Config"], **changes}}


def state(**changes: Any) -> dict[str, Any]:
    return {"State": {**described(7)["State"], **changes}}


def test_selectors_have_spires_spelling() -> None:
    assert list(parsed().values(env=True)) == [
        "label:app:checkout",
        "env:KEY=secret",
        "image_id:shop:1",
        "image_config_digest:sha256:" + "ab" * 32,
        "name:checkout",
    ]


def test_variables_are_left_out_unless_asked_for_and_never_shown() -> None:
    assert not [each for each in parsed().values(env=False) if "KEY" in each]
    assert "secret" not in repr(parsed())


@pytest.mark.parametrize("key", ["Labels", "Env"])
@pytest.mark.parametrize("nothing", [None, [], {}])
def test_a_container_may_have_no_labels_and_no_variables(key: str, nothing: object) -> None:
    values = list(parsed(**config(**{key: nothing})).values(env=True))
    assert len(values) == 4


def test_the_run_is_known_by_process_and_start() -> None:
    assert parsed().run == Run(7, "2026-11-27T20:47:10.004181594Z")


@pytest.mark.parametrize("changes", [{"Running": False}, {"Pid": 0}, {"Pid": -1}, {"Pid": 1 << 31}])
def test_a_container_without_a_process_does_not_run(changes: dict[str, Any]) -> None:
    assert parsed(**state(**changes)).run is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"Id": 5}, "Id is no text"),
        ({"Name": None}, "Name is no text"),
        ({"Image": []}, "Image is no text"),
        ({"State": None}, "State is no object"),
        ({"Config": "x"}, "Config is no object"),
        (state(Pid="7"), "State.Pid is no number"),
        (state(Pid=True), "State.Pid is no number"),
        (state(StartedAt=1), "StartedAt is no text"),
        (config(Labels=["x"]), "Config.Labels is no object of texts"),
        (config(Labels={"a": 1}), "Config.Labels is no object of texts"),
        (config(Env={"a": "b"}), "Config.Env is no list of texts"),
        (config(Env=[1]), "Config.Env is no list of texts"),
        (config(Labels={str(n): "" for n in range(1001)}), "Config.Labels has more than 1000"),
        (config(Env=["a=b"] * 1001), "Config.Env has more than 1000 members"),
    ],
)
def test_what_describes_no_container_is_refused(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parsed(**changes)


def test_half_a_surrogate_pair_is_refused() -> None:
    body = json.dumps(described(7)).replace("checkout", r"\ud800").encode()
    with pytest.raises(ValueError, match="half a surrogate pair"):
        parse_inspected(body)


def test_a_label_that_no_entry_could_name_is_left_out_and_the_others_stay() -> None:
    found = selectors_of("docker", iter(["label:long:" + "x" * 5000, "label:app:checkout"]))
    assert [str(each) for each in found] == ["docker:label:app:checkout"]
