"""What administrators may revoke, and see of it."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from accredit.agent.admin import Method, Params, administrator
from accredit.agent.views import is_named
from accredit.authority.embedded.authority import EmbeddedAuthority
from accredit.authority.revocation.certificate import issued_from
from accredit.authority.revocation.crls import Crl
from accredit.authority.revocation.record import Issued
from accredit.identity.clock import Clock
from accredit.identity.errors import NotFoundError, RequestError, UnavailableError
from accredit.identity.moment import rfc3339

_logger = logging.getLogger(__name__)
Data = dict[str, Any]
# For a TPM that signs lists; whoever asks waits ten seconds.
_PATIENCE = timedelta(seconds=5)
_SERIAL = re.compile(r"(0x)?([0-9a-f]{1,40})")


class RevocationAdministration:
    """The methods of the admin socket that revocation adds, by name."""

    def __init__(self, authority: EmbeddedAuthority, clock: Clock) -> None:
        self._authority = authority
        self._revocations = authority.revocations
        self._clock = clock

    @property
    def methods(self) -> Mapping[str, Method]:
        """Every method an administrator may call."""
        return {
            "revoke.svid": self.svid,
            "revoke.entry": self.entry,
            "revoke.lift": self.lift,
            "revoke.list": self.list,
            "revoke.crl": self.crl,
        }

    async def svid(self, params: Params) -> Any:
        """Revoke the X.509-SVID with a serial, or the one in a certificate in PEM.

        Raises:
            NotFoundError: no SVID with this serial is known.
            RequestError: the SVID has ended, or is not of here.
        """
        found = self._meant(params)
        if found.not_after < self._clock.now():
            raise RequestError(f"the SVID ended at {rfc3339(found.not_after)}: nobody accepts it")
        revoked = self._revocations.revoke(found)
        _log("svid revoked", revoked)
        return await self._answer(revoked, [] if revoked else [_svid(found)])

    def _meant(self, params: Params) -> Issued:
        text = params.get("certificate")
        if text is None:
            return self._by_serial(str(params.get("serial", "")))
        brought = issued_from(str(text).encode(), self._revocations.roots)
        return self._revocations.find(brought.serial) or brought

    def _by_serial(self, text: str) -> Issued:
        form = _SERIAL.fullmatch(text.strip().lower().replace(":", ""))
        if form is None:
            raise RequestError(f"{text[:100]!r} is not a serial number in hexadecimal digits")
        found = self._revocations.find(int(form[2], 16))
        if found is None:
            raise NotFoundError(
                f"no SVID with serial {form[2]} is known: it has ended, or was not signed here."
                " If you have the certificate, give it: accredit revoke svid --file"
            )
        return found

    async def entry(self, params: Params) -> Any:
        """Revoke every entry with this id, SPIFFE ID or path, and its SVIDs.

        Also instances of templates, and entries that are in the files no more or have changed
        since, as long as an SVID of theirs has not ended.

        Raises:
            RequestError: there is none.
        """
        revoked: list[Issued] = []
        found = self._named(str(params.get("name", "")))
        for entry_id, spiffe_id in found.items():
            known = entry_id in self._revocations.entries
            of_entry = self._revocations.revoke_entry(entry_id, spiffe_id)
            if not known:
                facts = {"entry_id": entry_id, "spiffe_id": spiffe_id}
                _logger.warning("entry revoked", extra={**facts, "by_uid": administrator.get()})
            _log("svid revoked", of_entry)
            revoked += of_entry
        return {"entries": list(found), **await self._answer(revoked, [])}

    def _named(self, name: str) -> Mapping[str, str]:
        """Return the SPIFFE IDs of the entries, or instances, that are meant, by entry id."""
        declared = self._authority.declared
        found = {each.entry_id: each.shown_id for each in declared if is_named(name, each, ())}
        for each in {name, self._whole(name)}:
            found = {**self._revocations.signed_for(each), **found}
        if not found:
            raise RequestError(
                f"no entry has {name[:100]!r} as its id, SPIFFE ID or path, and no instance of a"
                " template, or entry that was removed, whose SVID has not ended"
            )
        return found

    def _whole(self, name: str) -> str:
        return f"{self._authority.trust_domain.id}{name}" if name.startswith("/") else name

    async def lift(self, params: Params) -> Any:
        """Let every revoked entry with this id, SPIFFE ID or path give its identity again.

        Raises:
            NotFoundError: none is revoked.
        """
        name = str(params.get("name", ""))
        found = [
            each
            for each in self._revocations.revoked.entries
            if name == each.entry_id or self._whole(name) == each.spiffe_id
        ]
        if not found:
            raise NotFoundError(f"no revoked entry has {name[:100]!r} as its id, SPIFFE ID or path")
        for each in found:
            self._revocations.lift(each.entry_id)
            facts = {"entry_id": each.entry_id, "spiffe_id": each.spiffe_id}
            extra = {**facts, "by_uid": administrator.get()}
            _logger.warning("entry is revoked no more", extra=extra)
        return {"entries": [each.entry_id for each in found]}

    async def list(self, params: Params) -> Any:
        """Return everything revoked, and the lists that say so."""
        del params
        revoked = self._revocations.revoked
        return {
            "entries": [
                {
                    "entry_id": each.entry_id,
                    "spiffe_id": each.spiffe_id,
                    "since": rfc3339(each.since),
                    "declared": self._authority.declared.by_id(each.entry_id) is not None,
                }
                for each in revoked.entries
            ],
            "svids": [{**_svid(each.svid), "since": rfc3339(each.since)} for each in revoked.svids],
            "crls": [_crl(each) for each in self._revocations.held],
            "problem": self._revocations.problem,
        }

    async def crl(self, params: Params) -> Any:
        """Return the revocation lists in PEM.

        Raises:
            UnavailableError: there are none just now.
        """
        del params
        bundle = self._authority.bundles[self._authority.trust_domain]
        if not bundle.crls:
            raise UnavailableError(
                self._revocations.problem
                or "nothing is revoked, and without that lists are made only if"
                " authority.embedded.always_crl is true"
            )
        return bundle.crl_pem.decode()

    async def _answer(self, revoked: Iterable[Issued], before: Sequence[Data]) -> dict[str, Any]:
        await self._revocations.settled(_PATIENCE)
        return {
            "revoked": [_svid(each) for each in revoked],
            "revoked_before": before,
            "problem": self._revocations.problem,
        }


def _log(what: str, svids: Iterable[Issued]) -> None:
    for each in svids:
        _logger.warning(what, extra={**_svid(each), "by_uid": administrator.get()})


def _svid(each: Issued) -> dict[str, Any]:
    return {
        "serial": f"{each.serial:x}",
        "spiffe_id": each.spiffe_id,
        "entry_id": each.entry_id,
        "not_after": rfc3339(each.not_after),
    }


def _crl(each: Crl) -> dict[str, Any]:
    return {
        "root": each.kid,
        "number": each.number,
        "revoked": len(each.lines),
        "next_update": rfc3339(each.times.end),
        "replaced_at": rfc3339(each.times.replace_at),
    }
