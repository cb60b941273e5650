"""Reads manifests with the models of the official Kubernetes client; run as another process.

``manifest_program.py FILE...`` prints what each object has that its kind does not, and lacks.
"""

from __future__ import annotations

import sys
from pathlib import Path

import yaml
from kubernetes import client  # type: ignore[import-not-found,import-untyped,unused-ignore]
from pydantic import ValidationError

for path in sys.argv[1:]:
    for each in yaml.safe_load_all(Path(path).read_text()):
        try:
            getattr(client, f"V1{each['kind']}").model_validate(each)
        except ValidationError as error:
            for mistake in error.errors():
                where = ".".join(str(step) for step in mistake["loc"])
                print(path, f"{each['kind']}.{where}:", mistake["type"])
