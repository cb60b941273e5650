"""The admin interface, which stops Envoy and shows its secrets' names to whoever reaches it."""

from __future__ import annotations

from collections.abc import Iterator

from accredit.envoy.lint.addresses import is_local
from accredit.envoy.lint.bootstrap import Bootstrap
from accredit.envoy.lint.edit import Set
from accredit.envoy.lint.place import Place, walk
from accredit.envoy.lint.rule import Found, error, warning

_OWNER_ONLY = 0o600
_OTHERS = 0o077


def _exposed(bootstrap: Bootstrap) -> Iterator[Found]:
    address = bootstrap.root.get("admin", "address")
    host = address.get("socket_address", "address")
    if not is_local(address):
        cure = "::1" if ":" in host.text else "127.0.0.1"
        # Where an alias lends it to a listener, a cure would close that port to the network, too.
        edit = None if _is_lent(bootstrap, address) else Set(host, cure)
        yield Found(host, f"{host.text[:100]} is open to the network", edit)


def _is_lent(bootstrap: Bootstrap, address: Place) -> bool:
    nodes = [place.node for place in (address, address.get("socket_address"))]
    own = [node.children for node in nodes if node is not None]
    return any(
        place.node is not None and any(place.node.children is each for each in own)
        for place in walk(bootstrap.root.get("static_resources"))
    )


def _pipe(bootstrap: Bootstrap) -> Iterator[Found]:
    pipe = bootstrap.root.get("admin", "address", "pipe")
    mode = pipe.get("mode")
    if not pipe.get("path"):
        return
    if pipe.get("path").text.startswith("@"):
        yield Found(pipe.get("path"), "an abstract socket has no mode: everybody may connect")
    elif mode.number is None or int(mode.number) & _OTHERS:
        what = "the umask alone says who may connect" if mode.number is None else "open to others"
        yield Found(mode, what, Set(mode, _OWNER_ONLY))


RULES = (
    error(
        "admin-exposed",
        "an admin interface on the network lets anybody stop Envoy and read its configuration",
        "use a pipe with mode: 384 (octal 0600), or 127.0.0.1",
        _exposed,
    ),
    warning(
        "admin-pipe-mode",
        "an admin pipe without a mode is as open as the umask leaves it",
        "use a path, and mode: 384 (octal 0600)",
        _pipe,
    ),
)
