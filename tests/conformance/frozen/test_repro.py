"""A frozen case in a folder of its own, whose script judges by the bounds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hal_conformance.frozen.corpus import FrozenCorpus
from hal_conformance.frozen.evidence import gather
from hal_conformance.runner import repro

import hal


@pytest.fixture(scope="module")
def folder(corpus: FrozenCorpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    case = next(case for case in corpus.frozen if case.startswith("ops/Selu/22/float32/"))
    place = tmp_path_factory.mktemp("repro")
    with hal.open("onnxruntime:cpu") as device:
        repro.write(place, gather(device, corpus, case))
    return place


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "repro.py"], cwd=folder, capture_output=True, text=True, check=False
    )


def test_the_script_of_a_right_answer_agrees(folder: Path) -> None:
    ended = run(folder)
    assert ended.returncode == 0, ended.stderr


def test_the_script_says_how_many_elements_are_beyond_their_bound(folder: Path) -> None:
    (path,) = (folder / "bounds").glob("*.reference.npy")
    reference = np.load(path)
    np.save(path, reference + 1.0)
    try:
        ended = run(folder)
    finally:
        np.save(path, reference)
    assert ended.returncode != 0
    assert "elements are beyond the bound" in ended.stderr
