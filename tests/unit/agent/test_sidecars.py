from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from support import needs
from support.sidecar_text import read, whole

from accredit.agent import sidecars
from accredit.envoy.sidecar import Profile
from accredit.identity.errors import ConfigError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "web.yaml"
    path.write_text(whole())
    return path


def test_root_has_places_for_everything(file: Path) -> None:
    needs.root()
    sidecar = sidecars.read(file)
    assert sidecar.socket == "/run/accredit/public/api.sock"
    assert sidecar.admin_socket == "/run/sidecar-web/admin.sock"


def test_a_spire_agent_is_where_it_is_by_default(file: Path) -> None:
    file.write_text(whole() + "  admin: /run/web.sock\n")
    sidecar = sidecars.read(file, Profile.SPIRE)
    assert (sidecar.profile, sidecar.socket) == (
        Profile.SPIRE,
        "/tmp/spire-agent/public/api.sock",
    )


def test_a_migration_that_is_over_is_only_read_by_whoever_asks_for_that(file: Path) -> None:
    over = "mode: permissive, until: 2020-01-01"
    text = f"inbound: [{{listen: 0.0.0.0:1, app: a:1, allow: /web, {over}}}]\nadmin: /run/a.sock"
    file.write_text(whole(f"{text}\nsocket: /run/agent.sock"))
    with pytest.raises(ConfigError, match="2020-01-01 is over"):
        sidecars.read(file)
    assert sidecars.read_outdated(file).inbound[0].until == date(2020, 1, 1)


def test_whoever_serves_plaintext_is_warned_until_when() -> None:
    assert [*sidecars.warnings(read(whole()))] == []
    fields = "mode: permissive, until: 2026-12-01"
    text = f"inbound: [{{listen: 0.0.0.0:1, app: a:1, allow: /web, {fields}}}]"
    (warning,) = sidecars.warnings(read(whole(text)))
    assert warning.startswith("inbound[0] (0.0.0.0:1) serves plaintext to everybody until 2026-12")
    tcp = text.replace("mode:", "protocol: tcp, mode:")
    _, warning = sidecars.warnings(read(whole(tcp)))
    assert warning.endswith("speak first, as in MySQL or SMTP, hear it after two seconds")


def test_whoever_lets_connections_outlive_identities_is_told_what_that_means() -> None:
    (warning,) = sidecars.warnings(read(whole() + "  connection_lifetime: 8h\n"))
    assert warning.startswith("connections live for 8h, longer than SVIDs (1h): a withdrawn")
    assert [*sidecars.warnings(read(whole() + "  connection_lifetime: 1h\n"))] == []
