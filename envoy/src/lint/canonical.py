"""One text for messages that Envoy reads as the same."""

from __future__ import annotations

import json
import re

from accredit.envoy.lint.node import Data
from accredit.envoy.lint.place import Place, snake

_ENUMS = {
    "api_type": {"1": "REST", "2": "GRPC", "3": "DELTA_GRPC"},
    "resource_api_version": {"2": "V3"},
    "transport_api_version": {"2": "V3"},
}
_DURATION = re.compile(r"([0-9]+)(?:\.([0-9]*?)0*)?s")


def canonical(place: Place) -> str:
    """Return a message with proto field names, sorted, durations and enums in one spelling."""
    return json.dumps(_of(place.data, ""), sort_keys=True)


def _of(data: Data, field: str) -> Data:
    if isinstance(data, dict):
        found = {snake(name): value for name, value in data.items()}
        return {name: _of(value, name) for name, value in found.items() if value is not None}
    if isinstance(data, list):
        return [_of(each, field) for each in data]
    return _scalar(data or "", field)


def _scalar(text: str, field: str) -> str:
    if duration := _DURATION.fullmatch(text):
        whole, part = duration.groups("")
        return f"{int(whole)}.{part}s" if part else f"{int(whole)}s"
    if field in _ENUMS:
        return _ENUMS[field].get(text, text.upper())
    return text
