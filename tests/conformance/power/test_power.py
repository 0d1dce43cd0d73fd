"""The mutation harness finds what must be found, and never accuses a correct device."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hal_conformance.commands import power as command
from hal_conformance.power import campaign, results, table, trials
from hal_conformance.power.campaign import Bench, Pair
from hal_conformance.power.catalogue import faults
from hal_conformance.power.device import Device, Faulty, same
from hal_conformance.power.fault import (
    Call,
    Fault,
    Mutate,
    Operator,
    Values,
    everywhere,
    operators,
)

from hal import dtypes
from hal.errors import InputError
from hal.tensor import Tensor


def _operator(name: str) -> Operator:
    return next(o for o in operators() if o.name == name)


def _fault(name: str) -> Fault:
    return next(fault for fault in faults() if fault.id == name)


def _nothing(call: Call) -> Values:
    return call.evaluate()


CORRECT = Fault("none", "none", "no fault at all", everywhere, _nothing)


@pytest.fixture(scope="module")
def relu() -> Bench:
    return Bench(_operator("Relu"))


@pytest.fixture(scope="module")
def gemm() -> Bench:
    return Bench(_operator("Gemm"))


def test_the_catalogue_has_250_faults_beside_those_named_after_attributes() -> None:
    assert len([f for f in faults() if not f.id.startswith(("attribute/", "default/"))]) >= 250


def test_each_family_has_faults_and_each_fault_an_operator() -> None:
    assert min(Counter(fault.family for fault in faults()).values()) >= 2
    assert not [f.id for f in faults() if not any(map(f.where, operators()))]


@pytest.mark.parametrize("name", ["Relu", "If", "Split", "TopK"])
def test_a_device_without_a_fault_is_never_found(name: str) -> None:
    pair = Bench(_operator(name)).pair(CORRECT)
    assert (pair.ours, pair.standard, pair.witness) == ("", "", "")


@pytest.mark.parametrize(
    "fault", ["output/zeros", "output/tail-of-8", "shape/flat", "formula/relu-6", "error/2^-12"]
)
def test_a_fault_that_shows_is_found(relu: Bench, fault: str) -> None:
    assert relu.pair(_fault(fault)).ours.startswith("ops/Relu/")


@pytest.mark.parametrize(
    "fault",
    ["attribute/ignored/alpha", "operand/optional-2-ignored", "precision/inputs-bfloat16"],
)
def test_a_product_that_is_computed_otherwise_is_found(gemm: Bench, fault: str) -> None:
    assert gemm.pair(_fault(fault)).ours.startswith("ops/Gemm/")


def test_what_changes_no_output_is_equivalent(relu: Bench) -> None:
    pair = relu.pair(_fault("special/minus-zero-result-is-plus"))
    assert (pair.ours, pair.witness) == ("", "")


def test_a_fault_of_a_later_run_needs_repeats(relu: Bench) -> None:
    trial = next(trial for trial in relu.ours if trial.sound)
    fault = _fault("runs/every-50th")
    assert not trial.finds(Faulty(relu.operator, fault))
    assert trial.repeats(Faulty(relu.operator, fault)) == "differs"


def test_a_last_bit_that_differs_now_and_then_is_seen_by_repeats_alone(relu: Bench) -> None:
    trial = next(trial for trial in relu.ours if trial.sound)
    fault = _fault("runs/last-bit-every-20th")
    assert trial.repeats(Faulty(relu.operator, fault)) == "differs"


def test_the_same_pair_gives_the_same_answer() -> None:
    fault = _fault("output/rolled")
    first, second = (Bench(_operator("Relu")).pair(fault) for _ in range(2))
    assert first == second


def test_a_device_whose_fault_is_elsewhere_is_correct(relu: Bench) -> None:
    trial = next(trial for trial in relu.ours if trial.sound)
    faulty = Faulty(_operator("Tanh"), _fault("output/zeros"))
    assert Device(trial.model, faulty).run(trial.clean[0]) is None


def test_values_are_the_same_bit_for_bit_only(relu: Bench) -> None:
    trial = next(trial for trial in relu.ours if trial.sound)
    right = Device(trial.model).outputs(trial.clean[0])
    assert all(map(same, right, Device(trial.model).outputs(trial.clean[0])))


def _written(folder: Path) -> Path:
    pairs = [
        Pair("axis/next", "wrong axis", "Concat", "ops/x", "", "case"),
        Pair("axis/previous", "wrong axis", "Concat", "", "onnx/y", "fresh"),
        Pair("shape/flat", "type", "Concat", "", "", ""),
    ]
    path = folder / "power.jsonl"
    lines = [json.dumps(results.header()), results.line_of("Concat", pairs)]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def test_results_come_back_as_they_were_written(tmp_path: Path) -> None:
    path, packed = _written(tmp_path), tmp_path / "power.jsonl.gz"
    results.pack(path, packed)
    assert results.read(packed).pairs == results.read(path).pairs
    assert results.read(packed).header["format"] == "power/1"


def test_the_table_counts_what_moves_an_output(tmp_path: Path) -> None:
    text = table.text(results.read(_written(tmp_path)))
    assert "| wrong axis | 2 | 0 | 50.0 % | 50.0 % | 100.0 % |" in text
    assert "| axis/previous | 1: Concat | fresh | no case with a middle axis that" in text


def test_the_document_has_the_tables_of_its_results() -> None:
    root = Path(__file__).parents[3]
    newest = max((root / "docs/results").glob("power-*.jsonl.gz"))
    document = (root / "docs/power.md").read_text("utf-8")
    assert table.text(results.read(newest)) in document


def test_an_operator_is_tried_in_whole() -> None:
    ((name, pairs),) = campaign.run(["Not"], jobs=1)
    assert name == "Not"
    assert {pair.fault for pair in pairs} == {
        fault.id for fault in faults() if fault.where(_operator("Not"))
    }


def test_the_command_measures_an_operator_and_goes_on_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "power.jsonl"
    assert command.run(["Not"], path, 1) == 0
    before = path.read_bytes()
    assert command.run(["Not"], path, 1) == 0
    assert path.read_bytes() == before
    assert {pair.operator for pair in results.read(path).pairs} == {"Not"}


def test_an_operator_that_there_is_not_is_the_callers_mistake(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no operator Convv"):
        command.run(["Convv"], tmp_path / "power.jsonl", 1)


@pytest.mark.parametrize("content", ["", "{}\n", "no json\n"])
def test_a_file_that_is_no_campaign_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "other.jsonl"
    path.write_text(content, "utf-8")
    with pytest.raises(InputError):
        results.read(path)


def test_tables_need_a_document_with_marks(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no marks"):
        table.write(results.read(_written(tmp_path)), tmp_path / "none.md")


def _hangs(call: Call) -> Values:
    while call.run == 0:
        pass
    return call.evaluate()


def _refuses(call: Call) -> Values:
    return call.evaluate(
        [Tensor(np.zeros((2, 3, 5), np.float32), dtypes.of_name("float32"))] * 3
    )


@pytest.mark.parametrize("mutate", [_hangs, _refuses])
def test_a_device_that_hangs_or_refuses_is_found(
    gemm: Bench, mutate: Mutate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trials, "PATIENCE_S", 0.1)
    fault = Fault("none", "none", "no answer", everywhere, mutate)
    trial = next(trial for trial in gemm.ours if trial.sound)
    assert trial.finds(Faulty(gemm.operator, fault))
