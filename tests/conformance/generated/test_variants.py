"""Variants: what is derived from a case, and that the table says nothing that is not legal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
import pytest
from hal_conformance.generated import Source, build, generate, variants_choice
from hal_conformance.generated.families import families_of
from hal_conformance.generated.registry import pairs
from hal_conformance.generated.variants import Run, Variant, derived, of_cases
from hal_conformance.numerics.arithmetic import Array
from onnx import shape_inference

from hal.tensor import Tensor, Value


@pytest.fixture(scope="module")
def matrix_product() -> Source:
    """Of (7, 9) and (9, 11), or the like: three sizes that differ."""
    found = [s for s in generate("MatMul") if s.id.endswith("/float32/plain")]
    return found[-1]


def _array(source: Source, run: int, name: str) -> Array:
    value = source.datasets[run][name]
    assert isinstance(value, Tensor)
    return value.array


def _shapes(source: Source, run: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    return _array(source, run, "A").shape, _array(source, run, "B").shape


def test_sizes_that_are_equal_stay_equal(matrix_product: Source) -> None:
    inner = _array(matrix_product, 0, "A").shape[-1]
    made = derived(matrix_product, Variant("", "sizes", (Run(same=True), Run({inner: 24}))))
    a, b = _shapes(made, 1)
    assert a[-1] == b[-2] == 24


def test_sizes_that_differ_between_data_sets_are_open_under_one_name(
    matrix_product: Source,
) -> None:
    inner = _array(matrix_product, 0, "A").shape[-1]
    made = derived(matrix_product, Variant("", "sizes", (Run(same=True), Run({inner: 24}))))
    a, b = onnx.ModelProto.FromString(made.model).graph.input
    names = [a.type.tensor_type.shape.dim[-1], b.type.tensor_type.shape.dim[-2]]
    assert names[0].dim_param == names[1].dim_param != ""


def test_values_drawn_anew_differ_and_stay_within_those_of_the_case(
    matrix_product: Source,
) -> None:
    made = derived(matrix_product, Variant("", "drawn", (Run(same=True), Run(), Run())))
    first, second, third = (_array(made, run, "A") for run in range(3))
    assert not np.array_equal(second, third)
    assert np.abs(second).max() <= np.abs(first).max()


@pytest.mark.parametrize(
    ("kind", "expected"), [("nan", np.nan), ("inf", np.inf), ("minus_inf", -np.inf)]
)
def test_one_element_of_one_operand_is_special(
    matrix_product: Source, kind: str, expected: float
) -> None:
    made = derived(matrix_product, Variant("", "one", (Run(operand="B", kind=kind),)))
    changed = _array(made, 0, "B")
    assert np.array_equal(_array(made, 0, "A"), _array(matrix_product, 0, "A"))
    differs = changed[~(changed == _array(matrix_product, 0, "B"))]
    assert np.array_equal(differs, [np.float32(expected)], equal_nan=True)


def test_dimensions_are_added_in_front_of_operands_of_the_first_ones_rank(
    matrix_product: Source,
) -> None:
    made = derived(matrix_product, Variant("", "rank", (Run(lead=2),)))
    before = _shapes(matrix_product, 0)
    assert _shapes(made, 0) == ((2, 3, *before[0]), (2, 3, *before[1]))


@pytest.mark.parametrize(
    "run",
    [
        Run(same=True),
        Run(),
        Run({7: 8, 9: 1}),
        Run({7: 8}, lead=-1),
        Run(lead=3),
        Run(operand="past_key", kind="nan"),
    ],
)
def test_a_run_reads_as_it_was_written(run: Run) -> None:
    assert Run.parse(run.to_text()) == run


def test_a_variant_of_a_case_that_is_gone_is_an_error(sources: Sequence[Source]) -> None:
    last = max(p.version for p in pairs() if p.op == "Softplus")
    with pytest.raises(ValueError, match="choose variants anew"):
        list(of_cases(f"Softplus/{last}", []))
    assert sources


def test_what_does_not_fit_is_no_variant(matrix_product: Source) -> None:
    rows = _array(matrix_product, 0, "B").shape[0]
    wrong = Run({rows: 24}, lead=0)
    changed = Source(
        matrix_product.id,
        matrix_product.model,
        [{**matrix_product.datasets[0], "B": Tensor.of(np.zeros((5, 6), np.float32))}],
        "",
        "values",
        "plain",
        {},
    )
    with pytest.raises(ValueError, match="ncompatible"):
        derived(changed, Variant("", "wrong", (wrong,)))


def test_only_sizes_are_chosen_that_no_case_of_the_operator_has() -> None:
    softplus = next(p for p in pairs() if p.op == "Softplus" and p.newest)
    cases = [s for f in families_of("", "Softplus") for s in build.sources(softplus, f)]
    plain = [case for case in cases if case.binding == cases[0].binding]
    had = {value.shape for c in plain for feeds in c.datasets for value in _tensors(feeds)}
    by_id = {case.id: case for case in cases}
    runs = [(v.of, run) for v in variants_choice.variants(softplus) for run in v.runs]
    mapped = [(of, run) for of, run in runs if run.sizes or run.lead]
    assert mapped
    for of, run in mapped:
        (made,) = derived(by_id[of], Variant(of, "one", (run,))).datasets
        assert all(value.shape not in had for value in _tensors(made))


def _tensors(feeds: Mapping[str, Value]) -> list[Tensor]:
    return [value for value in feeds.values() if isinstance(value, Tensor)]


def test_shapes_of_variants_are_legal_by_strict_inference(sources: Sequence[Source]) -> None:
    derived_cases = [s for s in sources if s.label.endswith(("_sizes", "_specials"))]
    assert len(derived_cases) > 100
    for source in derived_cases[::7]:
        for feeds in source.datasets:
            model = onnx.ModelProto.FromString(source.model)
            for given in model.graph.input:
                value = feeds[given.name]
                if isinstance(value, Tensor):
                    given.type.tensor_type.shape.Clear()
                    for size in value.shape:
                        given.type.tensor_type.shape.dim.add().dim_value = size
            shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
