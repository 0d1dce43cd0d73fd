from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hal_conformance.models import expected
from hal_conformance.models.expected import Bounds
from hal_conformance.models.inputs import Feeds
from hal_conformance.models.packages import Packages
from hal_conformance.models.pretrained import Input, Pretrained
from hal_conformance.models.suite import ModelsSuite
from hal_conformance.records import BoundsRecord, Outcome
from onnx import helper, numpy_helper

import hal
from hal import targets

PACKAGE, FILE, CASE = "nets==1.0", "nets/a.onnx", "models/tiny/ramp"


def ramp(packages: Packages) -> Feeds:
    return {"x": np.linspace(-1, 1, 32, dtype=np.float32).reshape(2, 16)}


def proto() -> onnx.ModelProto:
    weights = np.random.Generator(np.random.PCG64(1)).standard_normal((16, 512))
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["m"]), helper.make_node("Tanh", ["m"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", 1, (2, 16))],
        [helper.make_tensor_value_info("y", 1, (2, 512))],
        [numpy_helper.from_array(weights.astype(np.float32) / 4, "w")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


@pytest.fixture
def suite(tmp_path: Path) -> ModelsSuite:
    return made(tmp_path, with_wheel=True)


def made(folder: Path, *, with_wheel: bool) -> ModelsSuite:
    data = proto().SerializeToString()
    if with_wheel:
        place = folder / "wheels" / PACKAGE / "nets-1.0-py3-none-any.whl"
        place.parent.mkdir(parents=True)
        with zipfile.ZipFile(place, "w") as archive:
            archive.writestr(FILE, data)
    digest = hashlib.sha256(data).hexdigest()
    listed = [Pretrained("tiny", PACKAGE, FILE, digest, (Input("ramp", ramp),))]
    packages = Packages(folder, download=False)
    return ModelsSuite(packages, Bounds(folder / "bounds"), listed)


def test_a_right_device_passes_by_the_typical_tier(suite: ModelsSuite) -> None:
    with hal.open("reference:cpu") as device:
        seen = suite.observe(device, CASE)
    record = BoundsRecord.model_validate(seen.bounds)
    assert (seen.outcome, record.tier, record.held) == ("PASS", "typical", "fp32")
    assert seen.judged_by == ("typical fp32",)


def test_a_second_judgement_is_one_comparison(
    suite: ModelsSuite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with hal.open("reference:cpu") as device:
        first = suite.observe(device, CASE)

    def never(*arguments: Any) -> Any:
        raise AssertionError(arguments)

    monkeypatch.setattr(expected, "typical", never)
    other = made(tmp_path, with_wheel=False)
    with hal.open("reference:cpu") as device:
        assert other.observe(device, CASE).bounds == first.bounds


def test_what_was_prepared_is_only_compared(
    suite: ModelsSuite, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite.prepare([CASE], [targets.resolve("reference:cpu")])

    def never(*arguments: Any) -> Any:
        raise AssertionError(arguments)

    monkeypatch.setattr(expected, "typical", never)
    with hal.open("reference:cpu") as device:
        assert suite.observe(device, CASE).outcome == "PASS"


def test_preparing_what_is_missing_leaves_it_to_be_skipped(tmp_path: Path) -> None:
    suite = made(tmp_path, with_wheel=False)
    suite.prepare([CASE], [targets.resolve("reference:cpu")])
    with hal.open("reference:cpu") as device:
        assert suite.observe(device, CASE).outcome == "SKIP"


def test_damaged_bounds_are_made_again(suite: ModelsSuite, tmp_path: Path) -> None:
    with hal.open("reference:cpu") as device:
        first = suite.observe(device, CASE)
        (kept,) = (tmp_path / "bounds").rglob("*.fp32")
        kept.write_bytes(kept.read_bytes()[:-9])
        assert suite.observe(device, CASE).bounds == first.bounds


def test_a_missing_package_is_a_skip_with_the_command(tmp_path: Path) -> None:
    suite = made(tmp_path, with_wheel=False)
    with hal.open("reference:cpu") as device:
        seen = suite.observe(device, CASE)
    assert seen.outcome == "SKIP"
    assert f"pip download -qq --no-deps --dest {tmp_path}" in str(seen.reason)
    assert suite.ids() == [CASE]
    assert set(suite.facts(CASE)) == {"case_hash"}
    assert suite.index_rows([CASE])[0].nodes == []


def test_the_hash_of_a_case_is_known_without_its_model(
    suite: ModelsSuite, tmp_path: Path
) -> None:
    without = made(tmp_path / "other", with_wheel=False)
    assert without.info() == suite.info()
    assert without.facts(CASE)["case_hash"] == suite.facts(CASE)["case_hash"]


def test_a_case_tells_its_operators(suite: ModelsSuite) -> None:
    assert suite.facts(CASE)["ops"] == ("MatMul", "Tanh")
    (row,) = suite.index_rows([CASE])
    assert [node.op for node in row.nodes] == ["MatMul", "Tanh"]
    assert row.nodes[0].inputs == ["float32[2,16]", "float32[16,512]"]


def test_a_wrong_answer_fails_with_its_margin(
    suite: ModelsSuite, monkeypatch: pytest.MonkeyPatch
) -> None:
    of: Callable[..., Any] = Bounds.of

    def shifted(self: Bounds, case: Any, name: str) -> Any:
        from dataclasses import replace

        return [replace(pair, value=pair.value + 0.25) for pair in of(self, case, name)]

    monkeypatch.setattr(Bounds, "of", shifted)
    with hal.open("reference:cpu") as device:
        seen = suite.observe(device, CASE)
    record = BoundsRecord.model_validate(seen.bounds)
    assert (seen.outcome, record.outcome) == ("FAIL", Outcome.FAIL)
    assert record.margin is not None
    assert record.margin > 1000
    assert seen.outputs[0]["name"] == "y"
