"""What the snippets let in and keep out, in the real programs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from support.apache import Apache
from support.haproxy import Haproxy
from support.nginx import Nginx, javascript_module
from support.real_program import Program, open_folder
from support.visitors import REFUSED_BY_TLS, Visitors

from accredit.file_output.snippets.allowed import Allowed, Snippet
from accredit.file_output.snippets.apache import apache
from accredit.file_output.snippets.haproxy import haproxy
from accredit.file_output.snippets.nginx import nginx
from accredit.identity.spiffe_id import SpiffeId

_ALLOWED = Allowed(
    (SpiffeId.parse("spiffe://td.example/web"),), (SpiffeId.parse("spiffe://td.example/ns/a.b"),)
)
_PARTNERS = Allowed((SpiffeId.parse("spiffe://partner.example/web"),))


def _write(folder: Path, snippet: Snippet) -> dict[str, str]:
    for name, text in snippet.files.items():
        (folder / name).write_text(text)
    return snippet.lines


def with_nginx(folder: Path, allowed: Allowed, bundle: str) -> Program:
    module = javascript_module()
    lines = _write(folder, nginx(allowed, bundle, str(folder)))
    return Nginx(folder, folder, lines["server"], lines["http"], module)


def with_haproxy(folder: Path, allowed: Allowed, bundle: str) -> Program:
    lines = _write(folder, haproxy(allowed, bundle, str(folder)))
    return Haproxy(folder, folder, lines["bind"], lines["http"], lines["global"])


def with_haproxy_in_tcp_mode(folder: Path, allowed: Allowed, bundle: str) -> Program:
    lines = _write(folder, haproxy(allowed, bundle, str(folder)))
    return Haproxy(folder, folder, lines["bind"], lines["tcp"], lines["global"])


def with_apache(folder: Path, allowed: Allowed, bundle: str) -> Program:
    lines = _write(folder, apache(allowed, bundle, str(folder)))
    return Apache(folder, folder, lines["server"], lines["main"])


Server = Callable[[Path, Allowed, str], Program]
SERVERS = [with_nginx, with_haproxy, with_haproxy_in_tcp_mode, with_apache]


@contextmanager
def serving(server: Server, allowed: Allowed, bundle: str) -> Iterator[tuple[Visitors, int]]:
    with open_folder() as folder:
        visitors = Visitors(folder)
        program = server(folder, allowed, f"{folder}/{bundle}")
        with program.running():
            yield visitors, program.port


@pytest.mark.parametrize("server", SERVERS)
def test_who_is_allowed_comes_in_and_nobody_else_of_the_same_domain(server: Server) -> None:
    with serving(server, _ALLOWED, "ca.crt") as (visitors, port):

        def status(spiffe_id: str, **fields: object) -> int:
            return visitors.visit(port, visitors.own.svid(spiffe_id, **fields))

        assert status("spiffe://td.example/web") == 200
        assert status("spiffe://td.example/web", dns_names=("web.example",)) == 200
        assert status("spiffe://td.example/ns/a.b/sa/c") == 200
        others = ("web2", "Web", "web/x", "ns/a.b", "ns/aXb/c", "ns/a.bc", "other")
        for path in others:
            assert status(f"spiffe://td.example/{path}") in {403, REFUSED_BY_TLS}, path


@pytest.mark.parametrize("server", SERVERS)
def test_a_federated_authority_cannot_speak_for_the_own_domain(server: Server) -> None:
    with serving(server, _ALLOWED, "ca.crt") as (visitors, port):
        allowed = visitors.own.svid("spiffe://td.example/web")
        assert visitors.visit(port, allowed) == 200
        for stranger in (visitors.forged(), None):
            assert visitors.visit(port, stranger) in {400, REFUSED_BY_TLS}


@pytest.mark.parametrize("server", SERVERS)
def test_a_port_for_partners_takes_them_and_nothing_else_that_their_authority_signs(
    server: Server,
) -> None:
    with serving(server, _PARTNERS, "ca-partner.example.crt") as (visitors, port):
        assert visitors.visit(port, visitors.partner.svid("spiffe://partner.example/web")) == 200
        assert visitors.visit(port, visitors.forged()) in {403, REFUSED_BY_TLS}
        own = visitors.own.svid("spiffe://td.example/web")
        assert visitors.visit(port, own) in {400, REFUSED_BY_TLS}


@pytest.mark.parametrize("server", SERVERS)
def test_an_id_hidden_elsewhere_in_a_certificate_opens_nothing(server: Server) -> None:
    wanted = b"\x86\x17spiffe://td.example/web"
    hidden = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x30\x19" + wanted)
    with serving(server, _ALLOWED, "ca.crt") as (visitors, port):
        other = visitors.own.svid("spiffe://td.example/other", extra=((hidden, False),))
        assert wanted in other.chain_der
        assert visitors.visit(port, other) in {403, REFUSED_BY_TLS}
