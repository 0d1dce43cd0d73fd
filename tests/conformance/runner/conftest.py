"""A suite over the toy device, whose cases say how the device misbehaves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hal_conformance.records import IndexRow
from hal_conformance.runner.outcome import Observation
from hal_conformance.runner.plan import Selection
from hal_conformance.runner.progress import Silent
from hal_conformance.runner.run import Ended, Request, conduct
from onnx import TensorProto, helper

from hal.device import Device
from hal.model import Model
from hal.spec import CompileOptions
from hal.targets import Target, Timeouts

FEED = np.arange(6, dtype=np.float32).reshape(2, 3)


def model_of(op: str, inputs: Sequence[str], opset: int = 17) -> Model:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 3])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 3])
    graph = helper.make_graph([helper.make_node(op, inputs, ["y"])], "g", [x], [y])
    opsets = [helper.make_opsetid("", opset)]
    made = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    return Model(made.SerializeToString())


@dataclass
class ToySuite:
    """Cases by id: the vendor options under which x + x is asked for; `wrong` ones fail."""

    acts: Mapping[str, Mapping[str, Any]]
    wrong: frozenset[str] = frozenset()
    hash: str = "sha256:1"
    suite: str = "toy"

    def info(self) -> dict[str, Any]:
        return {"hash": self.hash, "cases": len(self.acts), "onnx": None}

    def ids(self) -> list[str]:
        return list(self.acts)

    def facts(self, case: str) -> dict[str, Any]:
        return {"case_hash": f"sha256:{case}", "ops": ["Add"]}

    def index_rows(self, cases: Sequence[str]) -> list[IndexRow]:
        return [IndexRow(case=c, case_hash=f"sha256:{c}", suite=self.suite) for c in cases]

    def observe(self, device: Device, case: str) -> Observation:
        act = dict(self.acts[case])
        op, inputs = ("Relu", ["x"]) if act.pop("relu", False) else ("Add", ["x", "x"])
        with device.compile(model_of(op, inputs), vendor=act) as exe:
            right = np.array_equal(exe({"x": FEED})["y"], FEED * 2)
        return Observation("PASS" if right and case not in self.wrong else "FAIL")


@pytest.fixture
def toy_suite() -> Callable[[Mapping[str, Mapping[str, Any]]], ToySuite]:
    """Makes a suite of such cases."""
    return ToySuite


Runs = Callable[..., Ended]


@pytest.fixture
def runs(toy: str, tmp_path: Path) -> Runs:
    """Runs cases, given as vendor options by id, on the toy; keywords change the rest."""

    def run(
        acts: Mapping[str, Mapping[str, Any]],
        *,
        wrong: Sequence[str] = (),
        corpus: str = "sha256:1",
        run_s: float = 20.0,
        **changes: Any,
    ) -> Ended:
        suite = ToySuite(acts, frozenset(wrong), corpus)
        request = Request(
            targets=(_target("toy:0", run_s),),
            selection=Selection(("toy",)),
            folder=tmp_path / "run",
            jobs=2,
            command=("hal", "conform", "toy:0"),
        )
        return conduct(replace(request, **changes), lambda: {"toy": suite}, Silent())

    return run


def _target(name: str, run_s: float) -> Target:
    adapter, _, device = name.partition(":")
    options = CompileOptions(arithmetic="fp32")
    timeouts = Timeouts(start_s=20, compile_s=20, run_s=run_s)
    return Target(name, adapter, device, options, timeouts=timeouts)
