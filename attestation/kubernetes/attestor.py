"""The ``k8s`` attestor: the pod a caller runs in, with SPIRE's selectors.

The kernel names the caller's cgroup, its directories belong to root below ``kubepods``, and the
kubelet says which pod has the container of that name. Who is in no pod costs no request.
"""

from __future__ import annotations

from collections.abc import Callable

from accredit.attestation.caller import KernelCaller
from accredit.attestation.cgroups.locate import Locator
from accredit.attestation.evidence import Evidence, joined
from accredit.attestation.kubernetes.kubelet import Kubelet
from accredit.attestation.kubernetes.namespaces import ApiServer, Namespaces
from accredit.attestation.kubernetes.place import locate
from accredit.attestation.kubernetes.pod_list import Found
from accredit.attestation.kubernetes.pods import Pods
from accredit.attestation.kubernetes.selectors import namespace_selectors, selectors
from accredit.attestation.kubernetes.settings import KubernetesSettings
from accredit.identity.clock import Clock
from accredit.identity.errors import AttestationError, UnavailableError
from accredit.identity.selector import Selector


class KubernetesAttestor:
    """Vouches for what the kubelet says; it has to :meth:`run`, or no caller has an answer."""

    name = "k8s"

    def __init__(
        self, settings: KubernetesSettings, clock: Clock, locator: Locator | None = None
    ) -> None:
        self._container = settings.container_selectors
        self._locator = locator or Locator()
        self._kubelet = Kubelet(settings)
        self._pods = Pods(self._kubelet.pods, settings, clock)
        self._api = ApiServer(settings) if settings.namespace_labels else None
        self._namespaces = Namespaces(self._api.labels, clock) if self._api else None

    async def run(self) -> None:
        """Ask the kubelet on behalf of callers, until cancelled."""
        try:
            await self._pods.run()
        finally:
            await self._kubelet.close()
            if self._api is not None:
                await self._api.close()

    async def attest(self, caller: KernelCaller) -> Evidence:
        """Return the selectors of the caller's pod and container; none if it is in no pod."""
        with caller.opened() as process:
            place = locate(process, self._locator)
        if place is None:
            return Evidence(frozenset())
        found = await self._pods.find(place)
        own = _sayable(lambda: selectors(found.pod, found.container if self._container else None))
        return joined([Evidence(own), await self._of_namespace(found)])

    async def _of_namespace(self, found: Found) -> Evidence:
        if self._namespaces is None:
            return Evidence(frozenset())
        try:
            labels = await self._namespaces.labels(found.pod.namespace)
        except UnavailableError as error:
            return Evidence(frozenset(), {"k8s:ns-label": str(error)}, retry=True)
        return Evidence(_sayable(lambda: namespace_selectors(labels)))


def _sayable(make: Callable[[], frozenset[Selector]]) -> frozenset[Selector]:
    try:
        return make()
    except ValueError as error:
        raise AttestationError(f"what is known of the caller's pod is unusable: {error}") from None
