"""All profiles, by name."""

from __future__ import annotations

from types import MappingProxyType

from accredit.file_output.profiles.databases import MARIADB, MONGODB, MYSQL, POSTGRESQL, REDIS
from accredit.file_output.profiles.profile import Profile
from accredit.file_output.profiles.services import ENVOY_FILE, KAFKA, PEM, PROMETHEUS, RABBITMQ
from accredit.file_output.profiles.web import APACHE, HAPROXY, HAPROXY_RUNTIME, NGINX

_ALL = (
    *(NGINX, APACHE, HAPROXY, HAPROXY_RUNTIME),
    *(POSTGRESQL, MYSQL, MARIADB, REDIS, MONGODB),
    *(RABBITMQ, KAFKA, PROMETHEUS, ENVOY_FILE, PEM),
)
PROFILES = MappingProxyType({profile.name: profile for profile in _ALL})


def profile_named(name: str) -> Profile:
    """Return the profile.

    Raises:
        ValueError: there is none of that name; the message lists those there are.
    """
    if name not in PROFILES:
        raise ValueError(
            f"{name[:100]!r} is not a profile; there are {', '.join(sorted(PROFILES))}"
        )
    return PROFILES[name]
