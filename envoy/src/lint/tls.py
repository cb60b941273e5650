"""TLS contexts as rules see them: what they validate by, and whom they let in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from accredit.envoy.lint.place import Place, messages

TLS_13 = 4
VERSIONS = ("TLS_AUTO", "TLSv1_0", "TLSv1_1", "TLSv1_2", "TLSv1_3")
SAN_TYPES = ("SAN_TYPE_UNSPECIFIED", "EMAIL", "DNS", "URI", "IP_ADDRESS", "OTHER_NAME")
_ANCHORS = (
    "trusted_ca",
    "custom_validator_config",
    "system_root_certs",
    "ca_certificate_provider_instance",
    "verify_certificate_hash",
    "verify_certificate_spki",
)
_PROVIDERS = (
    "validation_context_certificate_provider",
    "validation_context_certificate_provider_instance",
)


@dataclass(frozen=True, slots=True)
class San:
    """Something that a certificate's name is compared with: a StringMatcher, and its SAN type."""

    matcher: Place
    kind: Place


@dataclass(frozen=True, slots=True)
class Domain:
    """One trust domain of a SPIFFE validator."""

    name: Place
    bundle: Place


def is_empty(context: Place) -> bool:
    """Whether a CertificateValidationContext verifies nothing."""
    return not any(context.get(name) for name in _ANCHORS)


def spiffe_validator(context: Place) -> Place:
    """Return the SPIFFE validator's configuration in a CertificateValidationContext."""
    typed = context.get("custom_validator_config", "typed_config")
    found = next(iter(messages(typed, "SPIFFECertValidatorConfig")), None)
    return context.get("custom_validator_config", "no SPIFFE validator") if found is None else found


def domains(context: Place) -> list[Domain]:
    """Return the trust domains of a context's SPIFFE validator."""
    listed = spiffe_validator(context).get("trust_domains").items()
    return [Domain(each.get("name"), each.get("trust_bundle")) for each in listed]


def sans(context: Place) -> Iterator[San]:
    """Yield what a CertificateValidationContext compares names with."""
    for each in context.get("match_typed_subject_alt_names").items():
        yield San(each.get("matcher"), each.get("san_type"))
    for each in context.get("match_subject_alt_names").items():
        yield San(each, each.get("san_type"))


@dataclass(frozen=True)
class Tls:
    """A DownstreamTlsContext or UpstreamTlsContext; ``secrets`` are the static ones, by name."""

    place: Place
    secrets: dict[str, Place]

    def __bool__(self) -> bool:
        return bool(self.place)

    @property
    def common(self) -> Place:
        """The CommonTlsContext."""
        return self.place.get("common_tls_context")

    @cached_property
    def secret(self) -> Place:
        """The SdsSecretConfig that brings the validation context, or half of it, if one does."""
        alone = self.common.get("validation_context_sds_secret_config")
        half = self.common.get("combined_validation_context")
        return alone or half.get("validation_context_sds_secret_config")

    @property
    def _static(self) -> Place | None:
        if self.secret.get("sds_config"):
            return None
        return self.secrets.get(self.secret.get("name").text)

    @property
    def is_dynamic(self) -> bool:
        """Whether something outside of this file says what validates."""
        unknown = bool(self.secret) and self._static is None
        return unknown or any(self.common.get(name) for name in _PROVIDERS)

    @cached_property
    def contexts(self) -> list[Place]:
        """Every CertificateValidationContext in this file that has a part in it."""
        inline = self.common.get("validation_context")
        default = self.common.get("combined_validation_context", "default_validation_context")
        found = [inline, default]
        if self._static is not None:
            found.append(self._static.get("validation_context"))
        return [context for context in found if context.node is not None]

    @property
    def is_validating(self) -> bool:
        """Whether certificates are verified at all, as far as this file tells."""
        return self.is_dynamic or not all(is_empty(context) for context in self.contexts)

    @property
    def wants_validation(self) -> bool:
        """Whether the file asks for validation, even if in vain."""
        return self.is_dynamic or bool(self.contexts)

    @cached_property
    def sans(self) -> list[San]:
        """What the peer's names are compared with; empty where any will do."""
        return [san for context in self.contexts for san in sans(context)]

    @property
    def pins(self) -> bool:
        """Whether exact certificates or keys are asked for."""
        names = ("verify_certificate_hash", "verify_certificate_spki")
        return any(context.get(name) for context in self.contexts for name in names)

    @property
    def demands_certificate(self) -> bool:
        """Whether a listener demands a certificate even without being told to.

        It does where names or hashes are compared, and where the SPIFFE validator is in this file.
        """
        spiffe = any(spiffe_validator(context) for context in self.contexts)
        return self.is_validating and (bool(self.sans) or self.pins or spiffe)

    @property
    def several_domains(self) -> Place | None:
        """What brings the bundles of more than one trust domain, if anything does."""
        name = self.secret.get("name")
        if self.is_dynamic and (name.text == "ALL" or "," in name.text):
            return name
        counts = ((len({d.name.text for d in domains(c)}), c) for c in self.contexts)
        return next((context for count, context in counts if count > 1), None)

    def version(self, end: str, default: str) -> int:
        """Return the ``minimum`` or ``maximum`` TLS version, 1 to 4 for 1.0 to 1.3."""
        said = self.common.get("tls_params", f"tls_{end}_protocol_version").enum(*VERSIONS)
        known = [version.upper() for version in VERSIONS]
        return known.index(said if said in known[1:] else default.upper())
