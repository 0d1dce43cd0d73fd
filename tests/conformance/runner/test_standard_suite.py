"""What the standard's suite makes of a device's answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import pytest
from hal_conformance.runner.outcome import Observation, elsewhere
from hal_conformance.runner.standard_suite import StandardSuite

from hal import dtypes
from hal.adapter import Adapter, CanPlace, Program
from hal.device import Device
from hal.errors import DeviceNotFound, Unsupported
from hal.model import Model
from hal.spec import CompileOptions, DeviceInfo, NodePlacement, Placement, Where
from hal.targets import Target
from hal.tensor import Feeds, Tensor, Value

ABS = "onnx/node/test_abs"


class Abs(Program, CanPlace):
    """The absolute value, computed where it is told to say."""

    def __init__(self, model: Model, where: Where | None) -> None:
        self.inputs = model.facts.inputs
        self.outputs = model.facts.outputs
        self.where: Where | None = where

    def run(self, feeds: Feeds) -> Sequence[Value]:
        if self.where == "unknown":
            raise DeviceNotFound("no such chip here")
        return [Tensor(np.abs(feed.array), feed.dtype) for feed in feeds.values()]

    def placement(self) -> Placement:
        if self.where is None:
            raise Unsupported("this program does not know")
        return Placement((NodePlacement("#0", "Abs", self.where),), "assigned")


class AbsAdapter(Adapter):
    name: ClassVar[str] = "abs"
    where: Where | None = "device"

    def probe(self) -> Sequence[DeviceInfo]:
        claims = frozenset({"placement"})
        return [DeviceInfo("0", "Abs", "Tests", dtypes=dtypes.ALL, features=claims)]

    def compile(self, model: Model, device: DeviceInfo, options: CompileOptions) -> Program:
        return Abs(model, self.where)


@pytest.fixture(scope="module")
def suite() -> StandardSuite:
    return StandardSuite()


def observe(suite: StandardSuite, where: Where | None) -> Observation:
    adapter = AbsAdapter()
    adapter.where = where
    with Device(Target("abs:0", "abs", "0"), adapter, adapter.find("0")) as device:
        return suite.observe(device, ABS)


def test_a_right_answer_is_a_pass_with_its_margin_and_placement(suite: StandardSuite) -> None:
    seen = observe(suite, "device")
    assert (seen.outcome, seen.judged_by) == ("PASS", ("standard",))
    assert seen.outputs[0]["margin"] == 0.0
    assert seen.placement is not None
    assert (seen.placement["device"], seen.placement["evidence"]) == (1, "assigned")
    assert elsewhere(seen, allow_fallback=False) is seen


def test_a_right_answer_of_the_host_is_elsewhere_unless_that_is_allowed(
    suite: StandardSuite,
) -> None:
    seen = observe(suite, "host")
    moved = elsewhere(seen, allow_fallback=False)
    assert moved.outcome == "ELSEWHERE"
    assert moved.reason == "right, but 1 node ran on the host"
    assert elsewhere(seen, allow_fallback=True).outcome == "PASS"


def test_a_wrong_answer_of_the_host_stays_wrong() -> None:
    wrong = Observation("FAIL", "y", placement={"host": 1})
    assert elsewhere(wrong, allow_fallback=False) is wrong


def test_what_was_built_for_a_device_that_is_not_here_is_compiled(suite: StandardSuite) -> None:
    seen = observe(suite, "unknown")
    assert (seen.outcome, seen.reason) == ("COMPILED", "no such chip here")


def test_a_placement_that_cannot_be_told_makes_no_gap_of_a_right_answer(
    suite: StandardSuite,
) -> None:
    seen = observe(suite, None)
    assert (seen.outcome, seen.placement) == ("PASS", None)


def test_networks_are_begun_first_and_no_case_is_left_out(suite: StandardSuite) -> None:
    ids = suite.ids()
    kinds = [case.split("/")[1] for case in ids]
    assert kinds.index("node") == kinds.count("real") > 0
    assert sorted(ids) == [case.id for case in suite.corpus.cases]


def test_a_row_of_the_index_belongs_to_its_case(suite: StandardSuite) -> None:
    (row,) = suite.index_rows([ABS])
    assert (row.case, [node.op for node in row.nodes]) == (ABS, ["Abs"])
    assert row.case_hash == suite.facts(ABS)["case_hash"]
