"""The plan is plain: it goes from one process to another and keeps its meaning."""

from __future__ import annotations

import pickle
from pathlib import Path

from accredit.agent.config import parse_config

_TEXT = """\
trust_domain: prod.example
data_dir: data
socket: run/api.sock
admin_socket: /run/admin.sock
entries_dir: entries.d
allow_unauthenticated_verifiers: true
authority: {embedded: {federated_bundles: {partner.example: partner.json}}}
"""


def test_a_plan_survives_pickling() -> None:
    plan = parse_config(_TEXT, Path("/etc/accredit.yaml")).plan(Path("/etc/accredit.yaml"))
    assert pickle.loads(pickle.dumps(plan)) == plan


def test_every_path_in_it_is_absolute() -> None:
    plan = parse_config(_TEXT, Path("/etc/accredit.yaml")).plan(Path("/etc/accredit.yaml"))
    assert plan.data_dir == Path("/etc/data")
    assert plan.socket == Path("/etc/run/api.sock")
    assert plan.admin_socket == Path("/run/admin.sock")
    assert plan.entry_files.config == Path("/etc/accredit.yaml")
    assert plan.entry_files.folder == Path("/etc/entries.d")
    assert list(plan.embedded.federated_bundles.values()) == [Path("/etc/partner.json")]


def test_what_both_services_share_reaches_both() -> None:
    plan = parse_config(_TEXT, Path("/f")).plan(Path("/f"))
    assert plan.workload_api is not None
    assert plan.sds is not None
    assert plan.workload_api.allow_unauthenticated_verifiers
    assert plan.sds.allow_unauthenticated_verifiers
