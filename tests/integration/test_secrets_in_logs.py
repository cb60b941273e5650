"""An agent that tells everything it can tells no secret."""

from __future__ import annotations

import base64
import json
import os
import signal
from pathlib import Path

from support.agent_process import AgentProcess

from accredit.identity.keys import load_pkcs8, to_pkcs8_der

_CONFIG = f"""\
trust_domain: prod.example
logging: {{level: debug}}
authority: {{embedded: {{ca_lifetime: 120s, jwt_key_lifetime: 120s, publish_for: 1s}}}}
entries:
  - id: /me
    selectors: ["unix:uid:{os.geteuid()}"]
    ttl: 5s
  - id: /out
    selectors: ["output:out"]
outputs:
  - name: out
    folder: out
    files: [{{kind: key, name: key}}, {{kind: jwt, name: jwt, audience: a}}]
    reload: [/bin/cat, "{{dir}}/key", "{{dir}}/jwt", /nothing]
"""


def forms(pem: bytes) -> set[str]:
    """Return how a private key could show: lines of PEM, base64, hex and the number itself."""
    der = to_pkcs8_der(load_pkcs8(pem))
    body = [line.decode() for line in pem.splitlines() if not line.startswith(b"-----")]
    number = load_pkcs8(pem).private_numbers()
    secret = getattr(number, "private_value", None) or number.d  # type: ignore[union-attr]
    encoded = base64.b64encode(der).decode()
    return {*body, encoded[40:80], der.hex()[80:120], str(secret), f"{secret:x}"}


def test_no_key_and_no_token_reaches_the_log(tmp_path: Path) -> None:
    agent = AgentProcess(tmp_path, _CONFIG)
    with agent.running():
        address = f"--socket=unix://{agent.socket}"
        x509 = json.loads(
            agent.command("api", "fetch", "x509", "--output=json", "--show-keys", address)
        )
        tokens = json.loads(
            agent.command("api", "fetch", "jwt", "--audience=a", "--output=json", address)
        )
        token = tokens["svids"][0]["svid"]
        file = tmp_path / "token"
        for presented, audience in ((token, "a"), (token, "b"), (token[:-9], "a")):
            file.write_text(presented)
            options = ("--audience", audience, "--svid-file", file)
            agent.command("api", "validate-jwt", *options, address, check=False)
        agent.command("sds", "fetch", "default", "ROOTCA", "jwt:a", "jwt:b", address)
        agent.command("sds", "fetch", "nonsense", "--timeout=0.2", address, check=False)
        agent.command("ca", "rotate", "--wait", "-c", agent.config)
        agent.command("api", "fetch", "x509", address)
        agent.send(signal.SIGHUP)
        keys = [path.read_bytes() for path in (tmp_path / "data").rglob("*.key")]
        keys += [path.read_bytes() for path in (tmp_path / "out/sets").rglob("key")]
        token_in_file = (tmp_path / "out/jwt").read_text()
        status = agent.command("status", "-c", agent.config, "--output=json")
        agent.stop()
    log = agent.log.read_text()
    assert "rotation forced" in log
    assert "eyJ" not in log
    assert len(keys) >= 3
    assert "files could not be deployed" in log
    log += status
    secrets = {form for svid in x509["svids"] for form in forms(svid["x509_svid_key"].encode())}
    secrets |= {form for key in keys for form in forms(key)}
    secrets |= {part for part in token.split(".") if len(part) > 20}
    secrets |= {part for part in token_in_file.split(".") if len(part) > 20}
    assert [secret for secret in secrets if secret in log] == []
