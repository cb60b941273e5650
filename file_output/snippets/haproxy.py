"""HAProxy: up to 2.6 at least it has no fetch for the names in a certificate, so Lua reads them."""

from __future__ import annotations

from accredit.file_output.snippets.allowed import Allowed, Snippet, checked_path
from accredit.file_output.snippets.scripts import read

SCRIPT = "spiffe.lua"


def haproxy(allowed: Allowed, bundle: str, folder: str = "/etc/haproxy") -> Snippet:
    """Return what goes into the configuration; ``bundle`` is the path of the authorities.

    The script goes into ``folder``. A frontend in mode http takes ``http``, one in mode tcp takes
    ``tcp``.
    """
    script = f"{checked_path(folder)}/{SCRIPT}"
    top = f"lua-load {script}\ntune.ssl.cachesize 0  # each connection proves itself anew\n"
    acls = [f"acl spiffe_allowed {_ID} -m str {each}\n" for each in allowed.exact]
    acls += [f"acl spiffe_allowed {_ID} -m beg {each}/\n" for each in allowed.below]
    lines = {
        "global": top,
        "bind": f"ca-file {checked_path(bundle)} verify required no-tls-tickets",
        "http": "".join(acls) + "http-request deny unless spiffe_allowed\n",
        "tcp": "".join(acls) + "tcp-request content reject unless spiffe_allowed\n",
    }
    return Snippet(lines, {SCRIPT: read("spiffe.lua", "haproxy.lua")})


_ID = "ssl_c_der,hex,lua.spiffe_id"
