"""PostgreSQL: it looks at a certificate's subject only, never at its names.

So an authority has to write a common name into SVIDs, and what PostgreSQL then checks is that
name and not the SPIFFE ID.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from accredit.file_output.snippets.allowed import Snippet, checked_path

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]{0,63}")
_MAP = "spiffe"


def postgresql(users: Mapping[str, str], bundle: str) -> Snippet:
    """Return what lets clients in by the common name of their SVIDs, each as one database user.

    Raises:
        ValueError: there is none, or a name that would mean something else in these files.
    """
    if not users:
        raise ValueError("nobody is allowed; name at least one common name and its user")
    for name in (*users.keys(), *users.values()):
        if not _NAME.fullmatch(name):
            raise ValueError(
                f"{name[:100]!r} is not a name of 1 to 64 letters, digits and . _ : / @ -"
            )
    ident = "".join(f'{_MAP} "{name}" "{user}"\n' for name, user in users.items())
    lines = {
        "postgresql.conf": f"ssl = on\nssl_ca_file = '{checked_path(bundle)}'\n",
        "pg_hba.conf": f"hostssl all all all cert map={_MAP}\n",
        "pg_ident.conf": ident,
    }
    return Snippet(lines, {})
