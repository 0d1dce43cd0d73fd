"""What every generated graph promises."""

from __future__ import annotations

import hashlib
import re
import subprocess
from collections import Counter
from collections.abc import Sequence

import numpy as np
import onnx
import pytest
from hal_conformance.generated.graphs import FAMILIES, generate_graphs, metamorphic, randomly
from hal_conformance.generated.graphs.twists import TWISTS
from hal_conformance.generated.source import Source
from hal_conformance.numerics.arithmetic import arithmetic
from hal_conformance.numerics.engine import bounds
from hal_conformance.numerics.pair import Pair, Quantity
from hal_conformance.numerics.simulated import exactly
from hal_conformance.numerics.typical import typical
from hal_conformance.numerics.vacuity import vacuous
from onnx import checker

from hal.inspection import facts_of
from hal.tensor import Tensor

_ID = re.compile(r"graphs/\w+/\w+/\w+/[\w.-]+")


def _positive(graphs: Sequence[Source]) -> list[Source]:
    return [source for source in graphs if source.judged != "refusal"]


def test_graphs_are_the_same_in_every_process(
    graphs: Sequence[Source], graphs_elsewhere: subprocess.Popen[str]
) -> None:
    told, _ = graphs_elsewhere.communicate(timeout=120)
    here = hashlib.sha256("".join(source.hash for source in graphs).encode()).hexdigest()
    assert told.strip() == here


def test_ids_are_unique_and_name_their_family(graphs: Sequence[Source]) -> None:
    assert len({source.id for source in graphs}) == len(graphs)
    assert [s.id for s in graphs if not _ID.fullmatch(s.id)] == []
    assert {source.id.split("/")[1] for source in graphs} == set(FAMILIES)


def test_families_can_be_asked_for_one_by_one(graphs: Sequence[Source]) -> None:
    parts = [source.id for name in FAMILIES for source in generate_graphs(name)]
    assert parts == [source.id for source in graphs]


def test_there_are_enough_of_each_kind(graphs: Sequence[Source]) -> None:
    counts = Counter(source.id.split("/")[1] for source in graphs)
    assert len(graphs) > 2000
    assert counts["random"] >= 200
    assert counts["metamorphic"] >= 150
    assert counts["refusal"] >= 150


def test_every_trap_is_set_somewhere(graphs: Sequence[Source]) -> None:
    counts = Counter(source.label for source in graphs)
    assert {label: counts[label] for label in TWISTS if counts[label] < 10} == {}


def test_models_are_small(graphs: Sequence[Source]) -> None:
    assert max(len(source.model) for source in graphs) < 64_000


def test_onnx_accepts_the_models(graphs: Sequence[Source]) -> None:
    for source in _positive(graphs)[::23]:
        model = onnx.ModelProto.FromString(source.model)
        checker.check_model(model, full_check=True)  # pyright: ignore[reportUnknownMemberType]  # PathLike, no parameter


def test_feeds_fit_the_declared_inputs(graphs: Sequence[Source]) -> None:
    for source in _positive(graphs):
        inputs = facts_of(onnx.ModelProto.FromString(source.model)).inputs
        for feeds in source.datasets:
            assert sorted(feeds) == sorted(spec.name for spec in inputs), source.id
            for spec in inputs:
                given = feeds[spec.name]
                assert isinstance(given, Tensor)
                assert given.dtype.name == spec.dtype, source.id
                sizes = zip(given.shape, spec.shape or (), strict=True)
                assert all(isinstance(d, str) or n == d for n, d in sizes), source.id


def test_dynamic_graphs_are_asked_in_two_sizes(graphs: Sequence[Source]) -> None:
    dynamic = [s for s in graphs if s.label == "dynamic"]
    assert len(dynamic) > 100
    for source in dynamic:
        shapes = [
            [v.shape for v in d.values() if isinstance(v, Tensor)] for d in source.datasets
        ]
        assert len(shapes) == 2
        assert shapes[0] != shapes[1], source.id


def test_a_twist_changes_the_model(graphs: Sequence[Source]) -> None:
    plain = {s.id.rpartition("/")[0]: s.model for s in graphs if s.label == "plain"}
    alike = [
        source.id
        for source in graphs
        if source.label in TWISTS and plain.get(source.id.rpartition("/")[0]) == source.model
    ]
    assert alike == []


def test_relations_hold_between_outputs(graphs: Sequence[Source]) -> None:
    related = [source for source in graphs if source.relations]
    assert len(related) == len([s for s in graphs if "/metamorphic/" in s.id])
    for source in related:
        outputs = [o.name for o in onnx.ModelProto.FromString(source.model).graph.output]
        for relation in source.relations:
            assert relation.left != relation.right, source.id
            assert {relation.left, relation.right} <= set(outputs), source.id


def test_references_keep_the_relations(graphs: Sequence[Source]) -> None:
    for source in graphs:
        for relation in source.relations:
            outputs = _outputs(source, 0)
            left, right = (_pair(outputs[n]) for n in (relation.left, relation.right))
            if relation.kind == "same":
                assert np.array_equal(left.value, right.value), source.id
            else:
                allowed = left.errors() + right.errors()
                off = np.abs(left.value.astype(np.float64) - right.value.astype(np.float64))
                assert (off <= allowed).all(), source.id


def _outputs(source: Source, number: int) -> dict[str, Quantity]:
    model = onnx.ModelProto.FromString(source.model)
    fed = {name: exactly(value) for name, value in source.datasets[number].items()}
    names = [output.name for output in model.graph.output]
    return dict(zip(names, bounds(model, fed, arithmetic("fp32")), strict=True))


def _pair(quantity: Quantity) -> Pair:
    assert isinstance(quantity, Pair)
    return quantity


def test_merged_pairs_exist() -> None:
    assert {pair.name for pair in metamorphic.PAIRS.all} >= metamorphic.MERGED


def test_random_graphs_are_large_enough_and_various(graphs: Sequence[Source]) -> None:
    made = [s for s in graphs if "/random/" in s.id]
    assert len(made) == randomly.COUNT - len(randomly.VACUOUS)
    sizes, ops = list[int](), set[str]()
    for source in made:
        nodes = onnx.ModelProto.FromString(source.model).graph.node
        sizes.append(len(nodes))
        ops |= {node.op_type for node in nodes}
    assert min(sizes) >= 5
    assert max(sizes) >= 20
    assert len(ops) > 35


def test_agreement_would_say_something(graphs: Sequence[Source]) -> None:
    how = arithmetic("fp32")
    for source in _positive(graphs)[::11]:
        model = onnx.ModelProto.FromString(source.model)
        names = [output.name for output in model.graph.output]
        for feeds in source.datasets:
            fed = {name: exactly(value) for name, value in feeds.items()}
            if vacuous(names, bounds(model, fed, how), fed, how):
                assert vacuous(names, typical(model, fed, how), fed, how) == [], source.id


_BEYOND_THE_CHECKER = (
    *(
        "unknown_domain_imported",
        "opset_far_ahead",
        "_mode",
        "gelu_approximate",
        "auto_pad_unknown",
    ),
    *("group_", "kernel_shape_other", "window_larger", "loop_condition", "too_many_inputs"),
    *(
        "gemm_bias",
        "conv_channels",
        "conv_bias",
        "reshape_size",
        "split_negative",
        "layer_norm",
    ),
    *("depth_to_space", "space_to_depth", "scatter_elements", "range_of_vectors", "too_long"),
    "/runs/",
)
"""What onnx's checker does not see; the operators' texts, or the running, refuse it."""


def test_what_must_be_refused_is_refused_by_onnx_or_by_its_text(
    graphs: Sequence[Source],
) -> None:
    for source in graphs:
        if source.judged != "refusal" or any(w in source.id for w in _BEYOND_THE_CHECKER):
            continue
        with pytest.raises(
            (checker.ValidationError, onnx.shape_inference.InferenceError, ValueError)
        ):
            checker.check_model(onnx.ModelProto.FromString(source.model), full_check=True)  # pyright: ignore[reportUnknownMemberType]  # PathLike, no parameter
