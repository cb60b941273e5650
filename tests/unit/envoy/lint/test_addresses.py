from __future__ import annotations

import pytest

from accredit.envoy.lint.addresses import is_exposed, is_local
from accredit.envoy.lint.composer import compose
from accredit.envoy.lint.place import Place


def _place(text: str) -> Place:
    root = compose(text, "f")
    return Place(root, (), root.line)


@pytest.mark.parametrize(
    ("address", "local"),
    [
        ("{socket_address: {address: 127.0.0.1}}", True),
        ("{socket_address: {address: 127.9.9.9}}", True),
        ("{socket_address: {address: '::1'}}", True),
        ("{socket_address: {address: localhost}}", True),
        ("{pipe: {path: /a}}", True),
        ("{socket_address: {address: 0.0.0.0}}", False),
        ("{socket_address: {address: '::'}}", False),
        ("{socket_address: {address: 'fe80::1%eth0'}}", False),
        ("{socket_address: {address: example.org}}", False),
    ],
)
def test_what_is_local_is_known(address: str, local: bool) -> None:
    assert is_local(_place(address)) is local


def test_a_listener_is_exposed_by_any_of_its_addresses_unless_it_binds_none() -> None:
    here, there = "{socket_address: {address: 127.0.0.1}}", "{socket_address: {address: 10.0.0.1}}"
    both = f"address: {here}\nadditional_addresses: [{{address: {there}}}]\n"
    assert not is_exposed(_place(f"address: {here}\n"))
    assert is_exposed(_place(both))
    assert not is_exposed(_place(both + "bind_to_port: false\n"))
