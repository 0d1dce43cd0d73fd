"""`hal corpus` as a user types it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HAL = Path(sys.executable).parent / "hal"


def _hal(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [HAL, "corpus", *arguments], capture_output=True, text=True, check=False
    )


def test_stats_shows_the_generated_cases_beside_the_standards() -> None:
    done = _hal("stats", "--quick", "--json")
    assert done.returncode == 0, done.stderr
    document: Any = json.loads(done.stdout)
    pairs = document["coverage"][0]
    assert (pairs["total"], pairs["generated"]) == (568, 568)
    assert 0 < pairs["onnx_alone"] < pairs["onnx"] < 568
    assert {op for _, op, _ in document["missing"]["pairs"]} == {"Gradient"}


@pytest.mark.slow
def test_stats_counts_what_would_be_noticed() -> None:
    done = _hal("stats", "--json")
    assert done.returncode == 0, done.stderr
    document: Any = json.loads(done.stdout)
    pairs, _, triples, attributes = document["noticed"]
    assert pairs["generated"] == pairs["total"] == 568
    assert triples["generated"] >= 0.95 * triples["total"]
    assert attributes["generated"] >= 0.97 * attributes["total"]
    for row in (pairs, triples, attributes):
        assert 0 < row["onnx_alone"] < row["generated"], row["what"]


def test_list_names_the_cases_that_match() -> None:
    done = _hal("list", "-k", "ops/Erf/*/every")
    assert done.returncode == 0, done.stderr
    assert "ops/Erf/13/bfloat16/every" in done.stdout.splitlines()
    assert all(line.endswith("/every") for line in done.stdout.splitlines())


def test_list_says_what_agreement_would_show() -> None:
    done = _hal("list", "-k", "ops/Erf/13/float16/", "--json")
    cases = {case["id"]: case["evidence"] for case in json.loads(done.stdout)["cases"]}
    assert cases["ops/Erf/13/float16/every"] == "proved"
    assert cases["ops/Erf/13/float16/sampled"] == "sampled 1031"
