"""What pages and README print for a file is taken by whoever reads such files."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from accredit.agent.config import Config, parse_config
from accredit.identity.yaml_lines import load

_ROOT = Path(__file__).parents[2]
_PAGES = [_ROOT / "README.md", *sorted((_ROOT / "docs").glob("*.md"))]
_KEYS = {*Config.model_fields, "entries"}
_YAML = re.compile(r"^ *```yaml\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
_ROOMS = (
    "agent",
    "attestation",
    "authority",
    "envoy",
    "file_output",
    "identity",
    "rotation",
    "sds_server",
)


def _configurations(page: Path) -> Iterator[str]:
    """Yield the blocks that are a configuration, or sections of one."""
    for block in _YAML.findall(page.read_text()):
        text = textwrap.dedent(block)
        data, _ = load(text, str(page))
        if isinstance(data, dict) and set(data) <= _KEYS:
            yield text if "trust_domain" in data else f"{text}trust_domain: prod.example\n"


def test_the_pages_with_configurations_are_found() -> None:
    assert {page.name for page in _PAGES if any(_configurations(page))} >= {
        "README.md",
        "attestation.md",
        "configuration.md",
        "entries.md",
        "federation.md",
        "files.md",
        "revocation.md",
        "tpm.md",
    }


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: page.stem)
def test_each_configuration_on_a_page_has_no_mistake(page: Path) -> None:
    for text in _configurations(page):
        parse_config(text, page)


def test_each_line_of_the_log_that_operations_explains_is_one() -> None:
    page = (_ROOT / "docs/operations.md").read_text()
    table = page.split("\n| line in the log | means |\n")[1].split("\n\n")[0]
    lines = [
        line for row in table.splitlines() for line in re.findall("`([^`]+)`", row.split("|")[1])
    ]
    sources = [path.read_text() for room in _ROOMS for path in (_ROOT / room).rglob("*.py")]
    assert len(lines) > 15
    assert [line for line in lines if not any(f'"{line}' in text for text in sources)] == []
