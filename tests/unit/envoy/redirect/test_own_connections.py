from __future__ import annotations

import socket

from support.redirect_sample import intercepting, steering

from accredit.envoy.bootstrap import bootstrap
from accredit.envoy.redirect.rules import OWN_PRIORITY


def test_sockets_of_a_sidecar_with_a_redirect_bear_the_mark_that_the_rules_spare() -> None:
    manager = bootstrap(steering(intercepting("*:80"))).cluster_manager
    assert manager is not None
    assert manager.upstream_bind_config is not None
    (option,) = manager.upstream_bind_config.socket_options
    mark = (socket.SOL_SOCKET, socket.SO_PRIORITY, OWN_PRIORITY)
    assert (option.level, option.name, option.int_value) == mark
    assert manager.upstream_bind_config.source_address is None


def test_without_a_redirect_they_are_as_ever() -> None:
    assert bootstrap(steering(redirect=None)).cluster_manager is None


def test_who_is_not_root_may_set_the_mark() -> None:
    with socket.socket() as one:  # socket(7): 0 to 6 need no privilege
        one.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, OWN_PRIORITY)
    assert 0 < OWN_PRIORITY <= 6
