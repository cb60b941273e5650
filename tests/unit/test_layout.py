from __future__ import annotations

from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_PACKAGE = _ROOT / "accredit"
_NO_ROOMS = {"accredit", "bench", "build", "dist", "docs", "examples", "tests"}

# How the paths of modules begin that have no test file of their own, and what tests them instead.
_TESTED_ELSEWHERE = {
    "agent/bundle_endpoint/identity.py": "a protocol",
    "agent/bundle_endpoint/server.py": "test_build.py beside it, and tests/integration, visit it",
    "agent/bundle_endpoint/visit.py": "tests/integration has visitors of every kind",
    "agent/cli": "tests/integration runs every command as a process",
    "agent/config_file_watch.py": "tests/integration and test_helper_translation read such files",
    "agent/config_host.py": "test_config_sections.py",
    "agent/config_urls.py": "the tests of both sections that use it",
    "agent/demo/": "tests/integration runs the demonstration as a whole",
    "agent/entry_trust.py": "test_trust_doubts.py, of what follows from it",
    "agent/explanation.py": "test_explaining.py has it made of real processes",
    "agent/federation.py": "test_wiring.py and every agent that federates",
    "agent/federation_check.py": "test_federation_settings.py starts it",
    "agent/section_reload.py": "tests/integration has it follow real files",
    "agent/http_visits.py": "test_http_carrier.py visits through the carrier",
    "agent/file_watch_process.py": "tests/integration runs it as a process",
    "agent/key_ways.py": "tests/integration/test_tpm_authority.py opens a real TPM through it",
    "agent/metrics/build.py": "tests/integration/test_metrics.py reads what it builds",
    "agent/metrics/exposition.py": "tests/integration/test_metrics.py reads it",
    "agent/metrics/family.py": "test_identities.py and test_deliveries.py beside it",
    "agent/metrics/processes.py": "tests/integration/test_metrics.py reads all of them",
    "agent/metrics/server.py": "tests/integration/test_metrics.py visits it",
    "agent/metrics/settings.py": "test_config_metrics.py",
    "agent/metrics/sources.py": "plain data",
    "agent/output_group.py": "test_outputs.py, and tests/integration, run it",
    "agent/output_once.py": "tests/integration runs it as a process",
    "agent/parts/": "test_wiring.py, and every agent that is run",
    "agent/output_watch.py": "tests/integration runs it as a process",
    "agent/reflection_answers.py": "test_reflection.py asks the service for them",
    "agent/plan_file.py": "tests/integration plans with real files",
    "agent/seam.py": "a protocol",
    "agent/sidecar_bootstrap.py": "tests/integration has it make real ones",
    "agent/sidecar_process.py": "tests/envoy runs it as a process, with a real Envoy",
    "agent/subjects.py": "test_planning.py, of who is affected",
    "agent/tpm_provision.py": "tests/integration/test_tpm_provision.py has it seal and recover",
    "agent/workload_group.py": "tests/integration runs it with a real agent",
    "agent/workload_feed.py": "test_workload_source and tests/integration follow it",
    "attestation/kubernetes/settings.py": "defaults; the tests of what they set",
    "attestation/linux/settings.py": "what the configuration says",
    "attestation/plugin.py": "tests/unit/attestation/plugins has plug-ins that use it",
    "attestation/plugins/settings.py": "what the configuration says",
    "attestation/systemd/bounded.py": "test_bus.py beside it, with strangers on the bus",
    "attestation/systemd/settings.py": "what the configuration says",
    "attestation/systemd/unit.py": "test_attestor.py beside it",
    "attestation/systemd/user.py": "tests/integration has a real systemd with units of users",
    "attestation/tpm/connection.py": "tests/integration/test_tpm_device.py, with a real TPM",
    "attestation/tpm/evidence.py": "tests/integration/test_tpm_evidence.py, with a real TPM",
    "attestation/tpm/facts.py": "tests/integration/test_cli_tpm.py, with a real TPM",
    "attestation/tpm/keeper.py": "tests/integration/test_tpm_authority.py, with a real TPM",
    "attestation/tpm/key.py": "tests/integration/test_tpm_key.py, with a real TPM",
    "attestation/tpm/statement.py": "test_verify.py beside it",
    "attestation/tpm/tss.py": "tests/integration/test_tpm_device.py takes the library away",
    "attestation/workload.py": "a protocol",
    "authority/authority.py": "a protocol",
    "authority/template_index.py": "test_entry_set.py matches with it",
    "authority/embedded/database.py": "test_store.py beside it, and that of federation",
    "authority/embedded/signing.py": "test_authority.py beside it signs through it",
    "authority/rereading.py": "test_entry_source.py reads with it",
    "authority/federation/bootstrap.py": "test_bundles.py beside it",
    "authority/federation/exchange.py": "tests/integration answers it in seventy hostile ways",
    "authority/federation/fetch_log.py": "tests/integration reads what it logs",
    "authority/federation/fetch.py": "tests/integration has it fetch from real servers",
    "authority/federation/progress.py": "tests/unit/agent/test_federation_text.py",
    "authority/revocation/crls.py": "test_lists.py and test_renewal.py beside it",
    "authority/revocation/index.py": "test_revocations.py and test_authority_revocation.py",
    "authority/revocation/record.py": "plain values",
    "authority/revocation/waiting.py": "test_list_signing.py beside it, by keys elsewhere",
    "authority/embedded/trusted.py": "test_authority_revocation.py beside it",
    "authority/federation/tls.py": "tests/integration shows it good and bad servers",
    "envoy/redirect/network_namespace.py": "tests/integration runs it in namespaces of its own",
    "envoy/supervise/admin.py": "tests/envoy asks a real Envoy",
    "envoy/supervise/expected.py": "test_readiness.py beside it, of what follows from it",
    "envoy/supervise/launcher.py": "test_process.py beside it starts it",
    "envoy/supervise/probe.py": "tests/envoy waits for a real Envoy with it",
    "envoy/supervise/running.py": "tests/envoy runs, discards and drains real Envoys",
    "envoy/supervise/supervisor.py": "tests/envoy runs it as a process, with real Envoys",
    "envoy/lint/rules_": "tests/unit/envoy/lint/test_lint.py has a bad bootstrap for every rule",
    "file_output/profiles/": "tests/integration/files runs the programs, test_catalogue reads all",
    "file_output/source.py": "a protocol",
    "identity/yaml_tree.py": "test_yaml_nodes, test_yaml_lines and the lint tests read with it",
    "identity/errors.py": "every test that expects an error matches its message",
    "rotation/delivery.py": "a protocol",
    "rotation/settings.py": "defaults; the tests of what they set",
}

# Test files about a room as a whole.
_WHOLE_ROOM = {"sds_server/test_oracle.py"}


def _rooms() -> dict[str, Path]:
    """Return each room and the folder that holds its code."""
    folders = {path.name: path for path in _ROOT.iterdir() if path.is_dir()}
    rooms = {
        name: path for name, path in folders.items() if name not in _NO_ROOMS and name[0] != "."
    }
    return {name: path / "src" if name == "envoy" else path for name, path in rooms.items()}


def _modules() -> list[str]:
    """Return every module written by hand, as room/module.py."""
    return [
        f"{room}/{path.relative_to(folder)}"
        for room, folder in _rooms().items()
        for path in sorted(folder.rglob("*.py"))
        if path.name != "__init__.py" and "_pb2" not in path.name
    ]


def _test_of(module: str) -> Path:
    path = _ROOT / "tests/unit" / module
    return path.with_name(f"test_{path.name}")


def test_each_room_is_imported_through_one_relative_link() -> None:
    links = {path.name: path.readlink() for path in _PACKAGE.iterdir() if path.is_symlink()}
    assert links == {
        room: Path("..") / folder.relative_to(_ROOT) for room, folder in _rooms().items()
    }


def test_each_room_is_a_package_and_the_folder_named_like_envoys_own_is_not() -> None:
    assert [
        room for room, folder in _rooms().items() if not (folder / "__init__.py").exists()
    ] == []
    assert not (_ROOT / "envoy/__init__.py").exists()


def test_the_import_package_holds_no_code_of_its_own() -> None:
    files = {path.name for path in _PACKAGE.iterdir() if not path.is_symlink()} - {"__pycache__"}
    assert files == {"__init__.py", "__main__.py", "py.typed"}


def test_each_module_has_its_tests_or_a_reason_in_this_file() -> None:
    untested = (module for module in _modules() if not _test_of(module).exists())
    unexcused = [module for module in untested if not module.startswith(tuple(_TESTED_ELSEWHERE))]
    assert not unexcused, "\n".join(unexcused)


def test_each_reason_in_this_file_is_needed() -> None:
    untested = [module for module in _modules() if not _test_of(module).exists()]
    for start in _TESTED_ELSEWHERE:
        assert any(module.startswith(start) for module in untested), start


@pytest.mark.parametrize("room", sorted(_rooms()))
def test_each_test_file_of_a_room_is_named_for_a_module(room: str) -> None:
    unit = _ROOT / "tests/unit"
    subjects = tuple(
        f"test_{Path(module).stem}" for module in _modules() if module.startswith(f"{room}/")
    )
    strays = [
        path for path in (unit / room).rglob("test_*.py") if not path.stem.startswith(subjects)
    ]
    assert {str(path.relative_to(unit)) for path in strays} - _WHOLE_ROOM == set()
