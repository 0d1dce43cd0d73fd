"""All generated cases, made once here, and once more in another process meanwhile."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from hal_conformance.generated import Source, generate

_ELSEWHERE = """
import hashlib
from hal_conformance.generated import generate
print(hashlib.sha256("".join(source.hash for source in generate()).encode()).hexdigest())
"""


@pytest.fixture(scope="session")
def elsewhere() -> Iterator[subprocess.Popen[str]]:
    """A process that hashes all cases under another hash seed and without SIMD."""
    environment = {
        **os.environ,
        "PYTHONHASHSEED": "4711",
        "NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3 AVX512F AVX512_SKX",
    }
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", _ELSEWHERE],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    yield process
    process.kill()
    process.communicate()


@pytest.fixture(scope="session")
def sources(elsewhere: subprocess.Popen[str]) -> list[Source]:
    """Every generated case."""
    return list(generate())
