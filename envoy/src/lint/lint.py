"""All rules, and what they find in a text."""

from __future__ import annotations

from dataclasses import dataclass

from accredit.envoy.lint import (
    rules_admin,
    rules_certificates,
    rules_domains,
    rules_http,
    rules_listeners,
    rules_names,
    rules_peers,
    rules_rbac,
    rules_sds,
    rules_sds_cluster,
    rules_spiffe,
    rules_text,
    rules_tls,
    rules_validation,
)
from accredit.envoy.lint.bootstrap import Bootstrap
from accredit.envoy.lint.composer import compose
from accredit.envoy.lint.edit import Edit
from accredit.envoy.lint.node import Node
from accredit.envoy.lint.place import Place
from accredit.envoy.lint.rule import Rule, Severity
from accredit.identity.yaml_tree import show

RULES: tuple[Rule, ...] = (
    *rules_validation.RULES,
    *rules_peers.RULES,
    *rules_domains.RULES,
    *rules_spiffe.RULES,
    *rules_names.RULES,
    *rules_tls.RULES,
    *rules_certificates.RULES,
    *rules_sds.RULES,
    *rules_sds_cluster.RULES,
    *rules_rbac.RULES,
    *rules_http.RULES,
    *rules_listeners.RULES,
    *rules_admin.RULES,
    *rules_text.RULES,
)


@dataclass(frozen=True, slots=True)
class Finding:
    """A trap in a file: where, and what is wrong; ``edit`` cures it where that is mechanical."""

    file: str
    line: int
    path: str
    what: str
    rule: Rule
    edit: Edit | None

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: {self.path}"
        return f"{place}: {self.what}; {self.rule.cure} [{self.rule.severity} {self.rule.id}]"

    @property
    def is_error(self) -> bool:
        """Whether it lets strangers in or takes the sidecar down."""
        return self.rule.severity is Severity.ERROR


def lint(text: str, file: str) -> list[Finding]:
    """Return every trap in a bootstrap, YAML or JSON, in the order of its lines.

    Raises:
        ConfigError: the text cannot be read.
    """
    return findings(compose(text, file), file)


def findings(root: Node, file: str) -> list[Finding]:
    """Return every trap in a bootstrap that was read, in the order of its lines."""
    bootstrap = Bootstrap(Place(root, (), root.line))
    found = [
        Finding(file, each.place.line, show(each.place.path), each.what, rule, each.edit)
        for rule in RULES
        for each in rule.check(bootstrap)
    ]
    return sorted(found, key=lambda each: (each.line, each.path, each.rule.id))
