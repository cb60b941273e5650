"""nginx, open source: it has no variable for the names in a certificate, so njs reads them."""

from __future__ import annotations

from accredit.file_output.snippets.allowed import Allowed, Snippet, checked_path
from accredit.file_output.snippets.scripts import read
from accredit.identity.spiffe_id import SpiffeId

SCRIPT = "spiffe.js"


def nginx(allowed: Allowed, bundle: str, folder: str = "/etc/nginx") -> Snippet:
    """Return what goes into the configuration; ``bundle`` is the path of the authorities.

    The script goes into ``folder``.
    """
    script = f"{checked_path(folder)}/{SCRIPT}"
    http = f"js_import spiffe from {script};\njs_set $spiffe_id spiffe.id;\n{_map(allowed)}"
    server = (
        f"ssl_client_certificate {checked_path(bundle)};\n"
        "ssl_verify_client on;\n"
        "ssl_verify_depth 5;\n"
        "ssl_session_tickets off;  # each connection proves itself anew\n"
        "ssl_session_cache off;\n"
        "if ($spiffe_allowed = 0) { return 403; }\n"
    )
    main = "load_module modules/ngx_http_js_module.so;  # Debian: libnginx-mod-http-js\n"
    return Snippet({"main": main, "http": http, "server": server}, {SCRIPT: read(SCRIPT)})


def _map(allowed: Allowed) -> str:
    # Regular expressions, since map compares plain strings without regard to case.
    patterns = [_escaped(each) + r"\z" for each in allowed.exact]
    patterns += [_escaped(each) + "/." for each in allowed.below]
    lines = "".join(f'    "~^{pattern}" 1;\n' for pattern in patterns)
    return f"map $spiffe_id $spiffe_allowed {{\n    default 0;\n{lines}}}\n"


def _escaped(spiffe_id: SpiffeId) -> str:
    # Of what a SPIFFE ID may hold, only the dot means something else here.
    return str(spiffe_id).replace(".", r"\.")
