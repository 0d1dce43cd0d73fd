"""The processor's name, as Linux tells it."""

from __future__ import annotations

import platform
from pathlib import Path

from hal.processor import processor


def test_the_first_processors_model_is_its_name(tmp_path: Path) -> None:
    told = tmp_path / "cpuinfo"
    told.write_text("processor\t: 0\nmodel name\t: Xeon 9 \nmodel name\t: another\n")
    assert processor(told) == "Xeon 9"


def test_a_system_that_does_not_tell_leaves_the_architecture(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text("Hardware\t: a board\n")
    for told in (tmp_path / "cpuinfo", tmp_path / "nothing"):
        assert processor(told) in (platform.processor(), platform.machine())
        assert processor(told)
