"""All generated cases, made once here, and once more in another process meanwhile."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from hal_conformance.generated import Source, generate
from hal_conformance.generated.graphs import generate_graphs

_HASHED = """
import hashlib
from hal_conformance.{module} import {function} as made
print(hashlib.sha256("".join(source.hash for source in made()).encode()).hexdigest())
"""


@contextmanager
def _hashed_elsewhere(module: str, function: str) -> Generator[subprocess.Popen[str]]:
    """A process that hashes all cases under another hash seed, and without any of the vector
    instructions that NumPy chose for this processor; it is told them by their names, which
    differ from one NumPy to another."""
    built: Any = np.show_config(mode="dicts")
    chosen: list[str] = built["SIMD Extensions"].get("found", [])
    environment = {
        **os.environ,
        "PYTHONHASHSEED": "4711",
        "NPY_DISABLE_CPU_FEATURES": " ".join(chosen),
    }
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", _HASHED.format(module=module, function=function)],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="session")
def elsewhere() -> Iterator[subprocess.Popen[str]]:
    """The operators' cases in another process."""
    with _hashed_elsewhere("generated", "generate") as process:
        yield process


@pytest.fixture(scope="session")
def sources(elsewhere: subprocess.Popen[str]) -> list[Source]:
    """Every generated case."""
    return list(generate())


@pytest.fixture(scope="session")
def graphs_elsewhere() -> Iterator[subprocess.Popen[str]]:
    """The graphs in another process."""
    with _hashed_elsewhere("generated.graphs", "generate_graphs") as process:
        yield process


@pytest.fixture(scope="session")
def graphs(graphs_elsewhere: subprocess.Popen[str]) -> list[Source]:
    """Every graph."""
    return list(generate_graphs())
