"""What the bundle endpoint says to a request. Pure but for the bundle, which is asked for anew."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from email.utils import format_datetime

from accredit.agent.bundle_endpoint.settings import EndpointSettings
from accredit.agent.http_talk import Answer, Request
from accredit.agent.jwks import Document
from accredit.identity.bundle import encode_bundle
from accredit.identity.trust_bundle import TrustBundle

_METHODS = ("GET", "HEAD")
_JSON = "application/json"
_TEXT = "text/plain; charset=utf-8"
_ABSOLUTE = re.compile(r"(?i:https?)://[^/?]*")
# How much older than ours a copy in a cache may be, in parts of the refresh hint: partners that
# fetch by the hint still have a new key long before it signs.
_CACHED = 10


class BundleAnswers:
    """Answers with the own bundle as it is at that moment, to everybody (Federation 5.2.1.3).

    Every answer ends its connection: who fetches once in minutes gains nothing by keeping one open.
    """

    def __init__(
        self,
        bundle: Callable[[], TrustBundle],
        settings: EndpointSettings,
        now: Callable[[], datetime],
    ) -> None:
        self._bundle = bundle
        self._settings = settings
        self._now = now

    def answer(self, request: Request) -> Answer:
        """Return the response to a request that was understood."""
        if request.method not in _METHODS:
            allowed = ("allow", ", ".join(_METHODS))
            return self.refusal(405, "there is nothing to do here but GET", allowed)
        if _path(request.target) != self._settings.path:
            return self.refusal(404, "the trust bundle is at another path")
        if self._settings.redirect is not None:
            # For a while only (Federation 5.2.1.3), so nobody may remember it.
            moved = ("location", str(self._settings.redirect)), ("cache-control", "no-store")
            return self.refusal(307, "the trust bundle is elsewhere", *moved)
        return self._document(request)

    def refusal(self, status: int, reason: str, *more: tuple[str, str]) -> Answer:
        """Return a response that is no bundle."""
        headers = (("content-type", _TEXT), *more, self._date())
        return Answer(status, headers, f"{reason}\n".encode(), close=True)

    def _document(self, request: Request) -> Answer:
        bundle = self._bundle()
        document = Document(_JSON, encode_bundle(bundle))
        headers = (
            ("content-type", document.content_type),
            ("etag", document.etag),
            ("cache-control", f"max-age={_max_age(bundle)}, must-revalidate"),
            self._date(),
        )
        status = 304 if request.has(document.etag) else 200
        return Answer(status, headers, document.body, close=True)

    def _date(self) -> tuple[str, str]:
        return "date", format_datetime(self._now(), usegmt=True)


def _max_age(bundle: TrustBundle) -> int:
    hint = bundle.refresh_hint or timedelta()
    return hint // timedelta(seconds=1) // _CACHED


def _path(target: str) -> str:
    # RFC 9112 3.2.2: a whole URL is to be taken for its path too.
    return _ABSOLUTE.sub("", target, count=1).partition("?")[0] or "/"
