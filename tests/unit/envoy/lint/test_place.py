from __future__ import annotations

import pytest

from accredit.envoy.lint.composer import compose
from accredit.envoy.lint.place import Place, camel, messages, snake, walk


def _root(text: str) -> Place:
    root = compose(text, "f")
    return Place(root, (), root.line)


def test_a_field_is_known_by_both_of_its_names_and_shown_as_it_is_written() -> None:
    root = _root("static_resources:\n  loadAssignment: {clusterName: a}\n")
    found = root.get("static_resources", "load_assignment", "cluster_name")
    assert (found.text, found.line) == ("a", 2)
    assert found.path == ("static_resources", "loadAssignment", "clusterName")


@pytest.mark.parametrize(
    ("proto", "json_name"), [("a", "a"), ("max_session_keys", "maxSessionKeys"), ("v3_x", "v3X")]
)
def test_names_turn_into_each_other(proto: str, json_name: str) -> None:
    assert camel(proto) == json_name
    assert snake(json_name) == proto


def test_names_of_extensions_stay() -> None:
    assert snake("envoy.extensions.v3.HttpProtocolOptions") == (
        "envoy.extensions.v3.HttpProtocolOptions"
    )


def test_what_is_not_there_is_false_and_has_the_line_of_what_is_around_it() -> None:
    root = _root("a: 1\nb:\n  c: null\n")
    missing = root.get("b", "x", "y")
    assert not missing
    assert (missing.path, missing.line, missing.text) == (("b", "x", "y"), 2, "")
    assert not root.get("b", "c")
    assert root.get("b", "c").node is not None
    assert root.get("b").has("c")
    assert not root.get("b").has("d")


def test_a_message_stands_for_a_list_of_one() -> None:
    root = _root("one: {a: 1}\ntwo: [{a: 1}, {a: 2}]\n")
    assert [each.path for each in root.get("one").items()] == [("one",)]
    assert [each.path for each in root.get("two").items()] == [("two", 0), ("two", 1)]
    assert root.get("three").items() == []


@pytest.mark.parametrize(
    ("text", "true", "false"),
    [
        ("true", True, False),
        ("yes", True, False),
        ("'true'", True, False),
        ("false", False, True),
        ("Off", False, True),
        ("~", False, False),
        ("maybe", False, False),
    ],
)
def test_booleans_are_read_as_envoy_does(text: str, true: bool, false: bool) -> None:
    place = _root(f"a: {text}\n").get("a")
    assert (place.is_true, place.is_false) == (true, false)


@pytest.mark.parametrize(
    ("text", "number"),
    [("384", 384), ("0600", 384), ("'0'", 0), ("1.5", 1.5), ("x", None), ("9" * 30, None)],
)
def test_numbers_may_be_octal_or_quoted(text: str, number: float | None) -> None:
    assert _root(f"a: {text}\n").get("a").number == number


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0s", 0), ("0.25s", 0.25), ("{seconds: 3}", 3), ("{}", 0), ("3", None), ("s", None)],
)
def test_durations_are_read(text: str, seconds: float | None) -> None:
    assert _root(f"a: {text}\n").get("a").seconds == seconds


def test_enums_go_by_name_in_any_case_or_by_number() -> None:
    root = _root("a: grpc\nb: 2\nc: 99\n")
    names = ("NONE", "REST", "GRPC")
    assert [root.get(name).enum(*names) for name in "abcd"] == ["GRPC", "GRPC", "99", ""]


def test_everything_is_walked_in_the_order_of_the_text_however_deep() -> None:
    root = _root("a: [1, {b: 2}]\nc: 3\n")
    assert [place.path for place in walk(root)] == [
        (),
        ("a",),
        ("a", 0),
        ("a", 1),
        ("a", 1, "b"),
        ("c",),
    ]


def test_messages_are_found_by_the_end_of_their_name_in_typed_structs_too() -> None:
    root = _root(
        "a: {'@type': type.googleapis.com/envoy.x.v3.RBAC, n: 1}\n"
        "b:\n"
        "  '@type': type.googleapis.com/xds.type.v3.TypedStruct\n"
        "  type_url: type.googleapis.com/envoy.x.v3.RBAC\n"
        "  value: {n: 2}\n"
        "c: {'@type': type.googleapis.com/envoy.x.v3.NotRBAC}\n"
    )
    assert [each.get("n").text for each in messages(root, "RBAC")] == ["1", "2"]
    assert [each.path for each in messages(root, "v3.RBAC")] == [("a",), ("b", "value")]
