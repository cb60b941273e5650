"""Asks the kubelet for the pods of this node."""

from __future__ import annotations

import asyncio
import ssl

from accredit.attestation.kubernetes.credentials import TlsContexts, TlsFiles, read_token
from accredit.attestation.kubernetes.http import Answer, Http
from accredit.attestation.kubernetes.items import items
from accredit.attestation.kubernetes.pod_list import PodList
from accredit.attestation.kubernetes.settings import KubernetesSettings
from accredit.identity.errors import UnavailableError

_AT_A_TIME = 16
_OK, _UNAUTHORIZED, _FORBIDDEN = 200, 401, 403
_RBAC = (
    "allow our service account to get nodes/pods (Kubernetes 1.33 and later; before that"
    " nodes/proxy, which also lets run commands in every pod of the node)"
)


class Kubelet:
    """A client; files are read again at each request, so a new token counts at once."""

    def __init__(self, settings: KubernetesSettings) -> None:
        self._settings = settings
        self._tls = _tls(settings)
        scheme = "https" if self._tls else "http"
        port = settings.read_only_port or settings.port
        host = f"[{settings.address}]" if ":" in settings.address else settings.address
        self._http = Http(
            f"{scheme}://{host}:{port}",
            "the kubelet",
            settings.timeout,
            settings.max_bytes,
            settings.node_name if self._tls else None,
        )

    async def pods(self) -> PodList:
        """Return the pods of this node.

        Raises:
            UnavailableError: it cannot be asked, refuses, or answers with something else.
        """
        answer = await self._http.get("/pods", self._context(), self._token())
        if answer.status != _OK:
            raise UnavailableError(self._refusal(answer))
        try:
            return await _read(answer.body)
        except ValueError as error:
            raise UnavailableError(f"the kubelet's answer cannot be read: {error}") from None

    async def close(self) -> None:
        """Give back the connection."""
        await self._http.close()

    def _context(self) -> ssl.SSLContext | None:
        return self._tls.current() if self._tls else None

    def _token(self) -> str | None:
        settings = self._settings
        if self._tls is None or settings.anonymous or settings.certificate_file is not None:
            return None
        return read_token(settings.token_file)

    def _refusal(self, answer: Answer) -> str:
        said = f"the kubelet answers {answer.status} ({answer.words or 'without a word'})"
        if answer.status == _UNAUTHORIZED:
            return f"{said}: {self._unknown()}"
        if answer.status == _FORBIDDEN:
            return f"{said}: {_RBAC}"
        return f"{said}, expected a list of pods: is this its address and port?"

    def _unknown(self) -> str:
        settings = self._settings
        if settings.anonymous:
            return "it takes no anonymous callers; switch anonymous off"
        if settings.certificate_file is not None:
            return f"it does not know who signed {settings.certificate_file}"
        return (
            f"it does not take the token in {settings.token_file}; it must be this cluster's, and"
            " the kubelet must run with --authentication-token-webhook"
        )


async def _read(body: bytes) -> PodList:
    listed = PodList()
    for number, item in enumerate(items(body)):
        listed.add(item)
        if number % _AT_A_TIME == _AT_A_TIME - 1:
            await asyncio.sleep(0)  # a large node is no reason to hold up everybody else
    return listed


def _tls(settings: KubernetesSettings) -> TlsContexts | None:
    if settings.read_only_port is not None:
        return None
    files = TlsFiles(
        ca=None if settings.skip_verification else settings.ca_file,
        name_checked=settings.node_name is not None,
        certificate=None if settings.anonymous else settings.certificate_file,
        private_key=None if settings.anonymous else settings.private_key_file,
    )
    return TlsContexts(files)
