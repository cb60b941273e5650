from __future__ import annotations

from accredit.file_output.snippets.allowed import Allowed
from accredit.file_output.snippets.nginx import nginx
from accredit.identity.spiffe_id import SpiffeId

ALLOWED = Allowed(
    (SpiffeId.parse("spiffe://a.example/web"),), (SpiffeId.parse("spiffe://a.example/ns"),)
)


def test_ids_become_patterns_that_mean_nothing_else() -> None:
    snippet = nginx(ALLOWED, "/ca.crt")
    assert r'"~^spiffe://a\.example/web\z" 1;' in snippet.lines["http"]
    assert r'"~^spiffe://a\.example/ns/." 1;' in snippet.lines["http"]
    assert "ssl_client_certificate /ca.crt;" in snippet.lines["server"]
    assert "/etc/nginx/spiffe.js" in snippet.lines["http"]
    assert "export default" in snippet.files["spiffe.js"]
