"""docs/tensorrt.md says what the committed results say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from hal_conformance import agreement

ROOT = Path(__file__).resolve().parents[3]
PAGE, RESULTS = ROOT / "docs" / "tensorrt.md", ROOT / "docs" / "results"
AGREEMENT = RESULTS / "agreement-2026-11-26-tensorrt-rtx.json.gz"
ENGINES = RESULTS / "engines-2026-11-26-tensorrt-rtx.json"


def test_the_table_of_agreement_is_the_measurements() -> None:
    assert agreement.main(["show", str(AGREEMENT), "--check", str(PAGE)]) == 0


def test_the_table_of_engines_is_the_measurements() -> None:
    script = ROOT / "examples" / "engines.py"
    command = [sys.executable, str(script), "show", str(ENGINES), "--check", str(PAGE)]
    subprocess.run(command, check=True)
