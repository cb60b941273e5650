"""What one Envoy has accepted and refused, and therefore what it gets next.

A refusal (NACK) spoils more than the secret it names. Envoy remembers the refused bytes, builds its
TLS context from them together with the other secret of that context, and so refuses the next good
update of the *other* secret as well. Three rules follow:

1. Bytes that were refused are never sent again over that connection; sending them again would even
   be acknowledged, and not used.
2. The last accepted secret of that name is sent in their place, which heals the context.
3. A refusal that arrives while another name is being healed is taken for a consequence. Envoy has
   those bytes and uses them once it is healed. Only if it refuses the healing secret too, the
   suspects are replaced as well.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from accredit.sds_server.secrets import Secret

_MAX_REFUSED_PER_NAME = 16


@dataclass(slots=True)
class Verdicts:
    """The state of one connection, by name."""

    _refused: dict[str, dict[str, None]] = field(default_factory=dict)
    _good: dict[str, Secret] = field(default_factory=dict)
    _healing: dict[str, str] = field(default_factory=dict)
    _suspects: dict[str, str] = field(default_factory=dict)

    def choose(
        self, newest: Secret, current: str | None, usable: Callable[[Secret], bool]
    ) -> Secret | None:
        """Return what to send: ``newest``, the last good one, or None to leave Envoy what it has.

        ``current`` is the version it was sent last, if that is known; ``usable`` tells whether an
        older secret may still be given to it.
        """
        name = newest.name
        if not self._was_refused(name, newest.version):
            return newest
        # What was sent since may yet be accepted; and a suspect is in use once the other is healed.
        if current and (
            not self._was_refused(name, current) or current == self._suspects.get(name)
        ):
            return None
        good = self._good.get(name)
        return good if good and not self._was_refused(name, good.version) and usable(good) else None

    def sent(self, secret: Secret) -> None:
        """Note that ``secret`` goes out."""
        self._suspects.pop(secret.name, None)
        self._healing.pop(secret.name, None)
        if self._refused.get(secret.name) and self._good.get(secret.name) is secret:
            self._healing[secret.name] = secret.version

    def accepted(self, secret: Secret) -> None:
        """Note that Envoy acknowledged ``secret``."""
        if self._was_refused(secret.name, secret.version):
            return
        self._good[secret.name] = secret
        if self._healing.get(secret.name) == secret.version:
            del self._healing[secret.name]

    def refused(self, secret: Secret) -> bool:
        """Note that Envoy refused ``secret``; True if other names must be looked at again."""
        versions = self._refused.setdefault(secret.name, {})
        versions[secret.version] = None
        if len(versions) > _MAX_REFUSED_PER_NAME:
            del versions[next(iter(versions))]
        if self._healing.get(secret.name) == secret.version:
            del self._healing[secret.name]
            blamed, self._suspects = self._suspects, {}
            return bool(blamed)
        if self._healing.keys() - {secret.name}:
            self._suspects[secret.name] = secret.version
        return False

    def forget(self, name: str) -> None:
        """Note that nothing of that name is asked for any more; what was refused stays so."""
        for state in (self._good, self._healing, self._suspects):
            state.pop(name, None)

    def _was_refused(self, name: str, version: str) -> bool:
        return version in self._refused.get(name, ())
