from __future__ import annotations

from typing import Any

from support import generated


def _proxy(chain: dict[str, Any]) -> dict[str, Any]:
    config: dict[str, Any] = chain["filters"][-1]["typed_config"]
    return config


def test_connections_in_both_directions_end_while_their_identities_are_good() -> None:
    for chain in (generated.mutual("protocol: tcp"), generated.way_out("protocol: tcp")):
        assert _proxy(chain)["max_downstream_connection_duration"] == "1800s"


def test_the_app_is_not_connected_to_before_it_is_known_who_calls() -> None:
    proxy = _proxy(generated.mutual("protocol: tcp"))
    assert proxy["upstream_connect_mode"] == "ON_DOWNSTREAM_TLS_HANDSHAKE"
    assert proxy["max_early_data_bytes"] == 0


def test_where_there_is_no_handshake_the_other_side_is_connected_to_at_once() -> None:
    fields = "protocol: tcp, mode: permissive, until: 2026-12-01"
    plain = generated.listener(fields)["filter_chains"][1]
    for chain in (plain, generated.way_out("protocol: tcp")):
        assert not {"upstream_connect_mode", "max_early_data_bytes"} & _proxy(chain).keys()


def test_a_connection_is_tried_again_and_may_be_idle_for_a_day() -> None:
    proxy = _proxy(generated.way_out("protocol: tcp"))
    assert (proxy["max_connect_attempts"], proxy["idle_timeout"]) == (3, "86400s")
