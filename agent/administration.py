"""What administrators may ask for: looks at the agent, reloads entries, rotates the root."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import accredit
from accredit.agent.admin import Method, Params
from accredit.agent.bundle_endpoint.settings import EndpointSettings
from accredit.agent.federation_problems import problems_of_relationships
from accredit.agent.output_problems import problems_of_outputs
from accredit.agent.plan import Plan
from accredit.agent.problems import problems, problems_of_files
from accredit.agent.section_reload import SectionReload
from accredit.agent.views import bundle_text, entry_view, instances_by_template, is_named
from accredit.authority.embedded.authority import EmbeddedAuthority
from accredit.authority.embedded.describe import describe_step
from accredit.authority.entry_source import EntrySource
from accredit.authority.entry_template import Declared, EntryTemplate
from accredit.identity.bundle_map import encode_bundle_map
from accredit.identity.clock import Clock
from accredit.identity.errors import RequestError, SpiffeIdError
from accredit.identity.moment import rfc3339
from accredit.identity.spiffe_id import TrustDomain
from accredit.rotation.identities import Identities
from accredit.sds_server.ledger import Ledger

if TYPE_CHECKING:
    from accredit.file_output.ledger import Ledger as OutputLedger


_MOST_INSTANCES = 100


@dataclasses.dataclass(frozen=True, slots=True)
class Ledgers:
    """What the deliveries write down; None for one that is switched off."""

    sds: Ledger | None = None
    outputs: OutputLedger | None = None


class Administration:
    """The methods of the admin socket, by name."""

    def __init__(  # noqa: PLR0913, PLR0917  it looks at everything there is
        self,
        plan: Plan,
        entries: EntrySource,
        authority: EmbeddedAuthority,
        identities: Identities,
        ledgers: Ledgers,
        clock: Clock,
        sections: SectionReload,
    ) -> None:
        self._plan = plan
        self._sections = sections
        self._entries = entries
        self._authority = authority
        self._identities = identities
        self._ledgers = ledgers
        self._clock = clock
        self._started = clock.now()

    @property
    def methods(self) -> Mapping[str, Method]:
        """Every method an administrator may call."""
        return {
            "status": self.status,
            "health": self.health,
            "entries": self.entries,
            "entry": self.entry,
            "bundle": self.bundle,
            "bundle.map": self.bundle_map,
            "ca.show": self.ca_show,
            "ca.rotate": self.ca_rotate,
            "reload": self.reload,
        }

    def status_line(self) -> str:
        """Return one line for the supervisor."""
        count = len(self._authority.entries)
        noun = "entry" if count == 1 else "entries"
        return f"{self._authority.trust_domain} at {self._plan.socket}: {count} {noun}"

    def request_reload(self) -> None:
        """Reload entries, bundles, relationships and outputs soon; mistakes go to the log."""
        self._entries.reload()
        self._authority.reload()
        self._sections.reload()

    async def status(self, params: Params) -> Any:
        """Return versions, places, and how rotation and SDS are doing."""
        del params
        now = self._clock.now()
        return {
            "version": accredit.__version__,
            "trust_domain": str(self._authority.trust_domain),
            "started": rfc3339(self._started),
            "now": rfc3339(now),
            "socket": str(self._plan.socket),
            "bundle_endpoint": _endpoint(self._sections.endpoint),
            "jwks_socket": str(self._plan.jwks_socket) if self._plan.jwks else None,
            "data_dir": str(self._plan.data_dir),
            "entries": len(self._authority.entries),
            "bundles": sorted(map(str, self._authority.bundles)),
            "revoked": self._revoked(),
            "federation": self._sections.describe(),
            "rotation": _plain(self._identities.describe()),
            "sds": self._ledgers.sds and self._ledgers.sds.describe(),
            "outputs": self._outputs(),
            "problems": self.problems(),
        }

    async def health(self, params: Params) -> Any:
        """Return whether everything is in order, and if not, what is not."""
        del params
        found = self.problems()
        return {"healthy": not found, "problems": found}

    async def entries(self, params: Params) -> Any:
        """Return all entries, in the order of the files."""
        del params
        return [self._view(entry) for entry in self._authority.declared]

    async def entry(self, params: Params) -> Any:
        """Return every entry with this id, SPIFFE ID or path, or with such an instance.

        Of a template there are also the ``instances`` whose SVIDs are held, the first of them.
        """
        name = str(params.get("name", ""))
        instances = instances_by_template(self._identities.describe())
        found = [
            self._view(entry) | _instances(entry, instances)
            for entry in self._authority.declared
            if is_named(name, entry, instances.get(entry.entry_id, []))
        ]
        if not found:
            raise RequestError(f"no entry has {name[:100]!r} as its id, SPIFFE ID or path")
        return found

    async def bundle(self, params: Params) -> Any:
        """Return a bundle's document, or its X.509 roots in PEM."""
        name = params.get("trust_domain")
        try:
            wanted = TrustDomain.parse(str(name)) if name else self._authority.trust_domain
        except SpiffeIdError as error:
            raise RequestError(str(error)) from None
        bundle = self._authority.bundles.get(wanted)
        if bundle is None:
            raise RequestError(f"no bundle of trust domain {wanted} is here")
        return bundle_text(bundle, str(params.get("format", "spiffe")))

    async def bundle_map(self, params: Params) -> Any:
        """Return all bundles as one document."""
        del params
        return encode_bundle_map(self._authority.bundles.values()).decode()

    async def ca_show(self, params: Params) -> Any:
        """Return roots, JWT keys and what happens to them next."""
        del params
        return self._authority.describe()

    async def ca_rotate(self, params: Params) -> Any:
        """Begin to replace root and JWT key; returns what comes next."""
        del params
        answer = await self._authority.rotate()
        return {
            "started": answer.started,
            "next_steps": [describe_step(step) for step in answer.next_steps],
            "reason": answer.reason,
        }

    async def reload(self, params: Params) -> Any:
        """Check the entries, and reload them and federated bundles if they are good.

        Raises:
            ConfigError: every mistake in them; nothing was changed.
        """
        del params
        found = await asyncio.to_thread(self._plan.entry_files.read)
        self.request_reload()
        return {"entries": len(found)}

    def problems(self) -> list[str]:
        """Return what is not in order, in a line each."""
        now, revocations = self._clock.now(), self._authority.revocations
        return [
            *problems(self._authority.describe(), self._identities.describe(), now),
            *problems_of_relationships(self._sections.describe(), now),
            *problems_of_outputs(self._outputs()),
            *problems_of_files(self._entries.mistakes, self._sections.mistakes),
            *filter(None, [revocations.problem, revocations.unwritten, self._sections.problem]),
        ]

    def _revoked(self) -> dict[str, Any]:
        revocations = self._authority.revocations
        return {
            "svids": len(revocations.revoked.svids),
            "entries": len(revocations.revoked.entries),
            "problem": revocations.problem,
        }

    def _view(self, entry: Declared) -> dict[str, Any]:
        return entry_view(entry, revoked=entry.entry_id in self._authority.revocations.entries)

    def _outputs(self) -> Sequence[Mapping[str, Any]]:
        ledger = self._ledgers.outputs
        return [line.describe() for line in ledger.lines.values()] if ledger else []


def _instances(entry: Declared, instances: Mapping[str, list[str]]) -> dict[str, list[str]]:
    if not isinstance(entry, EntryTemplate):
        return {}
    return {"instances": instances.get(entry.entry_id, [])[:_MOST_INSTANCES]}


def _plain(value: Any) -> Any:
    """Return ``value`` as JSON can hold it."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    return rfc3339(value) if isinstance(value, datetime) else value


def _endpoint(settings: EndpointSettings | None) -> str | None:
    """Say where the own bundle is served, as partners are told if they are."""
    if settings is None:
        return None
    return f"{settings.url or f'https://{settings.listen}{settings.path}'} ({settings.profile})"
