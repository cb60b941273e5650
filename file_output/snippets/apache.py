"""Apache: an expression can compare all names of a certificate at once only, so Lua reads them."""

from __future__ import annotations

from accredit.file_output.snippets.allowed import Allowed, Snippet, checked_path
from accredit.file_output.snippets.scripts import read

SCRIPT = "spiffe.lua"


def apache(allowed: Allowed, bundle: str, folder: str = "/etc/apache2") -> Snippet:
    """Return what goes into the configuration; ``bundle`` is the path of the authorities.

    The script goes into ``folder``.
    """
    patterns = [*map(str, allowed.exact), *(f"{each}/*" for each in allowed.below)]
    lines = {
        "main": "LoadModule lua_module /usr/lib/apache2/modules/mod_lua.so\n"
        f"LuaAuthzProvider spiffe {checked_path(folder)}/{SCRIPT} authorize\n",
        "server": f"SSLCACertificateFile {checked_path(bundle)}\n"
        "SSLVerifyClient require\n"
        "SSLVerifyDepth 5\n"
        "SSLSessionTickets off\n"
        f"<Location />\n    Require spiffe {' '.join(patterns)}\n</Location>\n",
    }
    return Snippet(lines, {SCRIPT: read("spiffe.lua", "apache.lua")})
