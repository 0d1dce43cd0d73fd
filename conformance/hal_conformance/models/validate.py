"""Measure the typical tier on the pretrained models, case by case, into a results file.

    python -m hal_conformance.models.validate RESULTS.json [-k NAME] [--half H]

A file that exists is gone on with: cases it has are not measured again. Exit 1 where a device
that is right was accused. `table` prints what docs/typical.md shows of the file.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from hal_conformance.models.cases import Case
from hal_conformance.models.catalogue import cases
from hal_conformance.models.expected import key
from hal_conformance.models.measure import measured
from hal_conformance.models.packages import Missing, Packages
from hal_conformance.models.table import accused
from hal_conformance.numerics.spread import FLOOR, WIDTH
from hal_conformance.numerics.typical import PASSES

FLOORS = (FLOOR, 0.1)
_PACKAGES = ("numpy", "onnx", "onnxruntime", "openvino", "pillow")


def main() -> int:
    """The command; its exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("-k", dest="name", default="")
    parser.add_argument("--half", choices=("chosen", "validated"))
    asked = parser.parse_args()
    results = _begun(asked.file)
    done = {case["case"] for case in results["cases"]}
    packages = Packages()
    for id, model, given in cases():
        if id in done or asked.name not in id or asked.half not in (None, model.half):
            continue
        try:
            found = measured(Case(id, model, given, packages), PASSES, FLOORS)
        except Missing as missing:
            print(f"{id}: skipped: {missing.message}", flush=True)
            continue
        results["cases"].append(found)
        asked.file.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        print(f"{id}: {found['seconds']} s for the bounds", flush=True)
    wrong = accused(results)
    for line in wrong:
        print(f"accused: {line}")
    return 1 if wrong else 0


def _begun(file: Path) -> dict[str, Any]:
    if file.exists():
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return found
    return {
        "schema": 1,
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "constants": {"passes": PASSES, "width": WIDTH, "floor": FLOOR},
        "code": key(),
        "machine": {"system": platform.platform(), "processor": _processor()},
        "versions": {name: metadata.version(name) for name in _PACKAGES},
        "cases": [],
    }


def _processor() -> str:
    """The processor's name, and whether it has the instructions that the results depend on."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    named = next((line.partition(":")[2].strip() for line in lines if "model name" in line), "")
    flags = next((line for line in lines if line.startswith("flags")), "")
    return f"{named}{' with avx512_bf16' if 'avx512_bf16' in flags else ''}"


if __name__ == "__main__":
    sys.exit(main())
