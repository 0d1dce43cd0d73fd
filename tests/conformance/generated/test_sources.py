"""What every generated case promises."""

from __future__ import annotations

import hashlib
import re
import subprocess
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from hal_conformance.generated import Source, registry
from hal_conformance.generated.build import bindings
from hal_conformance.generated.coverage import EXCLUDED
from hal_conformance.generated.families import families_of
from onnx import checker
from onnx.reference import ReferenceEvaluator

from hal.tensor import Tensor, plain_of

_ID = re.compile(r"ops/(ai\.onnx\.[\w.]+/)?\w+/\d+/[\w-]+/[\w.+-]+")


def test_cases_are_the_same_in_every_process(
    sources: Sequence[Source], elsewhere: subprocess.Popen[str]
) -> None:
    told, _ = elsewhere.communicate(timeout=300)
    here = hashlib.sha256("".join(source.hash for source in sources).encode()).hexdigest()
    assert told.strip() == here


def test_ids_are_unique_and_can_be_file_names(sources: Sequence[Source]) -> None:
    assert len({source.id for source in sources}) == len(sources)
    assert [s.id for s in sources if not _ID.fullmatch(s.id)] == []


def test_no_two_cases_ask_the_same(sources: Sequence[Source]) -> None:
    asked = [s for s in sources if re.search(r"ops/(Conv|Clip|MatMul|Softmax)/", s.id)]
    nodes = {(s.model, repr([_bytes(feeds) for feeds in s.datasets])) for s in asked}
    assert len(nodes) == len(asked)


def _bytes(feeds: Any) -> list[Any]:
    return [v.array.tobytes() if isinstance(v, Tensor) else v for v in feeds.values()]


def test_every_model_has_one_node_and_typed_outputs(sources: Sequence[Source]) -> None:
    for source in sources:
        graph = onnx.ModelProto.FromString(source.model).graph
        assert len(graph.node) == (2 if source.relations else 1), source.id
        assert len(graph.output) > 0, source.id
        assert all(value.type.WhichOneof("value") for value in graph.output), source.id


def test_onnx_accepts_the_models(sources: Sequence[Source]) -> None:
    for source in sources[::29]:
        checker.check_model(onnx.ModelProto.FromString(source.model))  # pyright: ignore[reportUnknownMemberType]  # PathLike, no parameter


def test_feeds_fit_the_declared_inputs(sources: Sequence[Source]) -> None:
    for source in sources:
        graph = onnx.ModelProto.FromString(source.model).graph
        for feeds in source.datasets:
            assert list(feeds) == [value.name for value in graph.input], source.id
            for value in graph.input:
                given = feeds[value.name]
                if isinstance(given, Tensor) and value.type.HasField("tensor_type"):
                    assert given.dtype.number == value.type.tensor_type.elem_type, source.id
                    _assert_fits(given, value.type.tensor_type.shape, source.id)


def _assert_fits(given: Tensor, shape: onnx.TensorShapeProto, case: str) -> None:
    assert len(given.shape) == len(shape.dim), case
    for size, dim in zip(given.shape, shape.dim, strict=True):
        assert dim.dim_param or size == dim.dim_value, case


def test_draws_from_one_seed_are_asked_for_twice_and_must_be_the_same(
    sources: Sequence[Source],
) -> None:
    seeded = [source for source in sources if source.relations]
    names = {source.id.split("/")[1] for source in seeded}
    assert names == {
        *("Bernoulli", "Dropout", "Multinomial", "RandomNormal", "RandomNormalLike"),
        *("RandomUniform", "RandomUniformLike"),
    }
    for source in seeded:
        first, second = onnx.ModelProto.FromString(source.model).graph.node
        assert first.attribute == second.attribute, source.id
        assert [r.left for r in source.relations] == list(first.output), source.id
        assert [r.right for r in source.relations] == list(second.output), source.id


def test_symbolic_dimensions_take_two_sizes(sources: Sequence[Source]) -> None:
    symbolic = [s for s in sources if s.label.startswith("dynamic")]
    assert len({s.id.split("/")[1] for s in symbolic}) > 100
    for source in symbolic:
        shapes = {_shapes(feeds) for feeds in source.datasets}
        assert len(shapes) == len(source.datasets) == 2, source.id


def _shapes(feeds: Any) -> str:
    return repr([_shape(value) for value in feeds.values()])


def _shape(value: Any) -> Any:
    return value.shape if isinstance(value, Tensor) else [_shape(item) for item in value]


def test_proved_cases_hold_every_bit_pattern(sources: Sequence[Source]) -> None:
    proved = [source for source in sources if source.evidence == "proved"]
    assert len(proved) > 500
    for source in proved:
        given = next(v for v in source.datasets[0].values() if isinstance(v, Tensor))
        patterns = np.unique(
            given.array.ravel().view(np.uint16 if given.dtype.bits == 16 else np.uint8)
        )
        assert patterns.size == 2**given.dtype.bits, source.id


def test_unary_float_operators_are_proved_in_float16_and_bfloat16(
    sources: Sequence[Source],
) -> None:
    proved = {source.id for source in sources if source.evidence == "proved"}
    for op, version in (("Exp", 13), ("Tanh", 13), ("Gelu", 20), ("Round", 22), ("Mish", 22)):
        for dtype in ("float16", "bfloat16"):
            assert f"ops/{op}/{version}/{dtype}/every" in proved


def test_there_are_cases_long_enough_for_statistics(sources: Sequence[Source]) -> None:
    long = {
        s.id.split("/")[1] for s in sources if int(s.evidence.partition(" ")[2] or 0) >= 1000
    }
    assert len(long) > 90


def test_no_form_is_declared_in_vain(sources: Sequence[Source]) -> None:
    made = {(tuple(s.id.split("/")[1:-3]), s.label) for s in sources}
    for pair in registry.pairs():
        name = tuple(pair.name.split("/"))
        for family in families_of(pair.domain, pair.op):
            missing = [f.label for f in family.forms if (name, f.label) not in made]
            assert missing == [], pair.name


def test_every_operator_has_a_case_in_its_preferred_type(sources: Sequence[Source]) -> None:
    found = {"/".join(source.id.split("/")[1:-2]) for source in sources}
    for pair in registry.pairs():
        if (pair.domain, pair.op) not in EXCLUDED:
            assert f"{pair.name}/{pair.version}" in found
            assert bindings(pair, families_of(pair.domain, pair.op)[0])


_REFUSALS = (
    "No registered implementation",
    "No implementation",
    "not implemented",
    "Issues with types",
    "not inexact",
    "could not convert string",
    "Invalid integer data type",
    "GridSample interpolation only supports",
    "output_size is None",
    "Input type mismatch",
    "cannot convert float NaN",
    "can't contain negative values",
    "unexpected type, this is no ONNX",
    "is a tuple, this is no ONNX",
    "Unknown activation function",
    "Except for dimension",
    "axes don't match array",
    "output array is read-only",
    "cannot reshape array",
    "non-broadcastable output",
    "out of bounds for array",
    "x and y have different dtype",
    "need at least one array",
    "Function attributes are not implemented",
    "Not implemented for mode",
    "not implemented for stash_type",
    "Unsupported stash_type",
)
"""What onnx's reference evaluator says of operators, types and forms that it does not know."""


def test_the_reference_evaluator_runs_what_it_knows(sources: Sequence[Source]) -> None:
    sample, ran = [s for s in sources[::23] if s.judged != "refusal"], 0
    for source in sample:
        refused = _refusal(source)
        assert refused is None or any(text in refused for text in _REFUSALS), source.id
        ran += refused is None
    assert ran > 0.95 * len(sample)


def _refusal(source: Source) -> str | None:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            evaluator = ReferenceEvaluator(onnx.ModelProto.FromString(source.model))
            for feeds in source.datasets:
                given = {name: plain_of(value) for name, value in feeds.items()}
                results: Any = evaluator.run(None, given)  # pyright: ignore[reportUnknownMemberType]  # untyped
                if not results:
                    return "no outputs"
        except Exception as error:  # noqa: BLE001  it raises whatever Python raises
            return str(error)
    return None
