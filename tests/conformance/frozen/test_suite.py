"""Frozen cases on real devices."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hal_conformance.frozen import bounding
from hal_conformance.frozen.corpus import FrozenCorpus
from hal_conformance.frozen.export import export
from hal_conformance.frozen.shelf import Shelf
from hal_conformance.frozen.suite import FrozenSuite
from hal_conformance.numerics.arithmetic import arithmetic
from hal_conformance.records import BoundsRecord
from onnx import TensorProto, numpy_helper

import hal
from hal import targets


def cases(corpus: FrozenCorpus, start: str) -> list[str]:
    found = [case for case in corpus.frozen if case.startswith(start)]
    assert found
    return found


@pytest.mark.parametrize("operator", ["ops/Selu/22/float32", "ops/Tile/13/float32"])
def test_onnxruntime_answers_rightly(corpus: FrozenCorpus, operator: str) -> None:
    suite = FrozenSuite(corpus)
    with hal.open("onnxruntime:cpu") as device:
        for case in cases(corpus, operator):
            seen = suite.observe(device, case)
            assert seen.bounds is not None
            if case.endswith("_specials"):  # of subnormal numbers a bound may say nothing
                assert seen.outcome in ("PASS", "UNJUDGED"), (case, seen.reason)
                continue
            assert seen.outcome == "PASS", (case, seen.reason)
            record = BoundsRecord.model_validate(seen.bounds)
            assert record.arithmetic == "fp32"
            assert record.grade in ("A", "B", None)
            assert seen.judged_by == (f"{record.tier} fp32",)


def test_a_type_that_a_device_lacks_is_a_gap(corpus: FrozenCorpus) -> None:
    suite = FrozenSuite(corpus)
    with hal.open("onnxruntime:cpu") as device, pytest.raises(hal.Unsupported):
        suite.observe(device, cases(corpus, "ops/Selu/22/bfloat16")[0])


def test_the_suite_says_what_it_is_made_of(corpus: FrozenCorpus) -> None:
    suite = FrozenSuite(corpus)
    assert suite.info()["cases"] == len(suite.ids())
    case = cases(corpus, "ops/Tile/13/float32")[0]
    row = suite.index_rows([case])[0]
    assert row.suite == "ops"
    assert row.nodes[0].op == "Tile"
    assert list(suite.facts(case)["ops"]) == ["Tile"]


def test_a_target_that_declares_nothing_is_judged_as_float32() -> None:
    assert bounding.declared(targets.resolve("openvino-default")) == "fp32"
    assert bounding.declared(targets.resolve("onnxruntime:cpu")) == "fp32"


def test_an_exported_case_can_be_judged_with_numpy_alone(
    corpus: FrozenCorpus, tmp_path: Path
) -> None:
    case = cases(corpus, "ops/Selu/22/float32")[0]
    question = corpus.question(case)
    place = export(tmp_path, question, corpus.known(question, "fp32"), "fp32")
    told = json.loads((place / "case.json").read_text("utf-8"))
    data = place / "test_data_set_0"
    bounds = np.load(data / "bounds.npz")
    output = TensorProto.FromString((data / "output_0.pb").read_bytes())
    rounded = numpy_helper.to_array(output).astype(np.float64)
    right = (np.abs(rounded - bounds["output_0"]) <= bounds["bound_0"]) | np.isnan(rounded)
    assert right[np.isfinite(rounded)].all()
    assert told["id"] == case
    assert told["tier"] == "sound"
    assert (place / "model.onnx").read_bytes() == question.model


def test_a_part_of_the_standard_has_bounds(shelf: Shelf) -> None:
    from hal_conformance.corpus import standard
    from hal_conformance.frozen.standard import PARTS, StandardBounds

    corpus = standard()
    judge = StandardBounds([case.id for case in corpus], shelf)
    case = corpus.case("onnx/node/test_sigmoid")
    data = corpus.load(case)[0]
    assert len(PARTS) == 16
    found = judge.judge(case, 0, data.feeds, data.expected, "fp32")
    assert found is not None
    assert found.outcome.value == "PASS"
    assert arithmetic(found.arithmetic).name == "fp32"
