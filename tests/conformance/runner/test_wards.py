"""A worker is ended before it takes the machine's memory, and when the run is stopped."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hal_conformance.runner import wards
from hal_conformance.runner.wards import MemoryWatch

GROWS = "hoard = bytearray(400 << 20); hoard[::4096] = b'x' * len(hoard[::4096]); input()"


@pytest.fixture
def watch() -> Iterator[MemoryWatch]:
    watch = MemoryWatch(100 << 20)
    yield watch
    watch.close()


def started(code: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE)


def test_a_process_over_its_limit_is_ended_with_the_reason(watch: MemoryWatch) -> None:
    with started(GROWS) as child:
        ward = watch.add(child.pid)
        assert child.wait(timeout=30) == -9
    assert "MiB of memory; its limit is 100 MiB" in str(ward.verdict)
    watch.remove(ward)


def test_a_process_under_its_limit_is_left_alone(watch: MemoryWatch) -> None:
    with started("input()") as child:
        ward = watch.add(child.pid)
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(timeout=0.5)
        assert ward.verdict is None
        child.communicate(b"\n")
    watch.remove(ward)
    assert child.returncode == 0


def test_all_wards_are_ended_together(watch: MemoryWatch) -> None:
    with started("input()") as one, started("input()") as two:
        for child in (one, two):
            watch.add(child.pid)
        watch.end_all()
        assert [one.wait(timeout=30), two.wait(timeout=30)] == [-9, -9]


def test_ending_a_process_that_is_gone_ends_nobody_else(watch: MemoryWatch) -> None:
    with started("pass") as child:
        ward = watch.add(child.pid)
        child.wait(timeout=30)
    watch.end_all()
    watch.remove(ward)


def test_a_control_groups_limit_counts_where_it_is_less(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = wards.machine_bytes()
    assert machine > 1 << 28
    assert wards.default_limit(2) == max(wards.SMALLEST, int(machine * wards.SHARE / 2))
