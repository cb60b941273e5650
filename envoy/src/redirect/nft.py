"""The nft program, which talks to the kernel for us."""

from __future__ import annotations

import shutil
import subprocess

from accredit.identity.errors import NotFoundError, UnavailableError

# An ordinary user's PATH does not have it.
_PATHS = "/usr/sbin:/usr/local/sbin:/sbin:/usr/bin:/bin"
_SECONDS = 60
_MAX_SHOWN = 1000
# What is in a table, as this nft and this kernel write it, is known once they have made it.
_IN_A_NAMESPACE_OF_ITS_OWN = '"$1" -f - && "$1" list table inet "$2"'


def load(text: str) -> None:
    """Carry out all of a text, or nothing of it, in the network namespace we are in.

    Raises:
        NotFoundError: there is no nft.
        UnavailableError: it refused; the message says why.
    """
    done = _run([_nft(), "-f", "-"], text)
    if done.returncode != 0:
        raise UnavailableError(_reason(done.stderr))


def listed(table: str) -> str:
    """Return what is in a table of the family inet, or ``""`` if there is none such.

    Raises:
        NotFoundError: there is no nft.
        UnavailableError: nothing can be seen; the message says why.
    """
    done = _run([_nft(), "list", "table", "inet", table])
    if done.returncode == 0:
        return done.stdout
    if "No such file or directory" in done.stderr:
        return ""
    raise UnavailableError(_reason(done.stderr))


def written_out(text: str, table: str) -> str:
    """Return what would be in the table after a text, as :func:`listed` returns it.

    It is loaded into a network namespace that ends with this call.

    Raises:
        NotFoundError: there is no nft, or no unshare.
        UnavailableError: it cannot be loaded; the message says why.
    """
    unshare = shutil.which("unshare", path=_PATHS)
    if unshare is None:
        raise NotFoundError("there is no unshare: apt-get install util-linux")
    shell = ["/bin/sh", "-c", _IN_A_NAMESPACE_OF_ITS_OWN, "sh", _nft(), table]
    done = _run([unshare, "--net", *shell], text)
    if done.returncode != 0:
        raise UnavailableError(_reason(done.stderr))
    return done.stdout


def _nft() -> str:
    found = shutil.which("nft", path=_PATHS)
    if found is None:
        raise NotFoundError("there is no nft, which loads nftables rules: apt-get install nftables")
    return found


def _run(command: list[str], text: str = "") -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(  # noqa: S603  our own words; whatever people wrote goes to stdin
            command,
            check=False,
            capture_output=True,
            input=text,
            text=True,
            timeout=_SECONDS,
            env={"LC_ALL": "C", "PATH": _PATHS},
        )
    except subprocess.TimeoutExpired:
        raise UnavailableError(f"{command[0]} did not end within {_SECONDS} s") from None


def _reason(stderr: str) -> str:
    if "Operation not permitted" in stderr:
        return "nftables rules need root, or CAP_NET_ADMIN in the network namespace they are for"
    return f"nft refused: {stderr.strip()[:_MAX_SHOWN]}"
