"""`hal bench`: measurements side by side, each target in its own process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

Hal = Callable[..., Any]

QUICK = ("--seconds", "0.2", "--warmup", "0.05", "--rounds", "4")


def test_targets_are_measured_side_by_side(hal: Hal, conv: Path) -> None:
    words = ("-d", "onnxruntime:cpu", "-d", "openvino:cpu")
    done = hal("bench", conv, *words, *QUICK, "--json")
    assert done.code == 0, done
    rows = done.json["targets"]
    assert [row["target"] for row in rows] == ["onnxruntime:cpu", "openvino:cpu"]
    for row in rows:
        assert 0 < row["min_s"] <= row["p50_s"] <= row["p90_s"] <= row["p99_s"] <= row["max_s"]
        assert row["runs"] >= 4
        assert len(row["rounds_p50_s"]) == 4
        assert row["compile_s"] > 0
        assert row["error"] is None


def test_the_table_has_a_row_a_target(hal: Hal, conv: Path) -> None:
    done = hal("bench", conv, "-d", "onnxruntime:cpu", "-d", "reference:cpu", *QUICK)
    assert done.code == 0, done
    head, *rows = done.out.splitlines()
    assert [word in head for word in ("P50", "P99", "RUNS/S", "COMPILE", "PEAK")] == [True] * 5
    assert [row.split()[0] for row in rows] == ["onnxruntime:cpu", "reference:cpu"]


def test_a_run_takes_as_long_as_the_device_needs(hal_with_toys: Hal, double: Path) -> None:
    text = (double.parent / "devices.yaml").read_text()
    text += "  slow: {extends: toy, options: {vendor: {slow_s: 0.02}}}\n"
    (double.parent / "devices.yaml").write_text(text)
    done = hal_with_toys("bench", double, "-d", "slow", *QUICK, "--json")
    [row] = done.json["targets"]
    assert 0.02 <= row["p50_s"] < 0.2
    assert row["per_second"] <= 50


def test_memory_is_the_targets_own(hal: Hal, conv: Path) -> None:
    done = hal("bench", conv, "-d", "reference:cpu", "-d", "onnxruntime:cpu", *QUICK, "--json")
    for row in done.json["targets"]:
        assert 10 << 20 < row["peak_bytes"] < 1 << 30
        assert 0 <= row["model_bytes"] < row["peak_bytes"]


def test_a_target_that_crashes_costs_only_its_own_row(hal_with_toys: Hal, double: Path) -> None:
    words = ("-d", "segfaults", "-d", "toy:0", *QUICK, "--json")
    done = hal_with_toys("bench", double, *words)
    assert done.code == 4
    crashed, measured = done.json["targets"]
    assert crashed["error"]["kind"] == "DeviceLost"
    assert measured["error"] is None
    assert measured["runs"] > 0


def test_a_target_that_is_not_here_is_code_3(hal_with_toys: Hal, double: Path) -> None:
    done = hal_with_toys("bench", double, "-d", "toy:0", "-d", "toy-without-sdk:0", *QUICK)
    assert done.code == 3
    assert "toy:0 " in done.out
    assert "pip install hal-toy" in done.out


def test_the_lengths_asked_for_are_those_measured(hal: Hal, double: Path) -> None:
    words = ("-d", "onnxruntime:cpu", "--dim", "N=9", *QUICK, "--json")
    assert hal("bench", double, *words).json["plan"]["dims"] == {"N": 9}


def test_the_measuring_side_needs_numpy_alone() -> None:
    code = (
        "import sys\n"
        "for name in ('typer', 'rich', 'pydantic', 'ruamel', 'onnx', 'ml_dtypes', 'jinja2'):\n"
        "    sys.modules[name] = None\n"
        "import hal.cli.bench_kernel"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_workers_memory_does_not_include_its_parents() -> None:
    code = (
        "from hal.worker.client import WorkerAdapter\n"
        "ballast = b'x' * (400 << 20)\n"
        "worker = WorkerAdapter('reference')\n"
        "print(worker.peak_bytes())\n"
        "worker.close()"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert int(out.stdout) < 200 << 20
