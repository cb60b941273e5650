"""Both bundle endpoints under ``https_web``: certificates for host names, from files."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from support import needs
from support.eventually import wait_until
from support.ports import free_port
from support.spire_partner import Shop, Stock, authorities


def _certificate(folder: Path) -> None:
    """Make a certificate of localhost, which is its own authority, and its key."""
    subprocess.run(
        [
            needs.program("openssl", apt="openssl"),
            *("req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=localhost"),
            *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", folder / "web.key", "-out", folder / "web.pem"),
        ],
        check=True,
        capture_output=True,
    )
    (folder / "web.key").chmod(0o600)


def test_neither_needs_a_first_bundle_where_the_web_vouches(tmp_path: Path) -> None:
    needs.spire()
    port, stocks_port = free_port(), free_port()
    _certificate(tmp_path)
    (tmp_path / "shop").mkdir()
    for name in ("web.pem", "web.key"):
        shutil.copy(tmp_path / name, tmp_path / "shop")
    shop = Shop(
        tmp_path / "shop",
        port=port,
        stocks_port=stocks_port,
        fetching="profile: https_web, ca_file: web.pem",
        serving="profile: https_web, certificate: web.pem, key: web.key",
    )
    stock = Stock(
        tmp_path / "stock",
        port=stocks_port,
        serving=f"""profile "https_web" {{
                serving_cert_file {{
                    cert_file_path = "{tmp_path}/web.pem"
                    key_file_path = "{tmp_path}/web.key"
                    file_sync_interval = "1h"
                }}
            }}""",
    )
    stock.environment["SSL_CERT_FILE"] = str(tmp_path / "web.pem")
    with stock.running(), shop.running():
        stock.follow(port, "https_web")
        stock.refresh()
        assert authorities(stock.knows()) == authorities(shop.own())
        wait_until(shop.has_fetched, 60, shop.relationship)
        assert authorities(shop.knows()) == authorities(stock.own())
