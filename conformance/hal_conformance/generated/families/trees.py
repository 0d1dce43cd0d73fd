"""ai.onnx.ml's tree ensembles, and the optimisers of ai.onnx.preview.training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from hal.dtypes import DType
from hal_conformance.generated import registry, values
from hal_conformance.generated.draw import Draw
from hal_conformance.generated.families.ml_models import ML, POST
from hal_conformance.generated.form import Binding, Family, Form, In, varied
from hal_conformance.numerics.arithmetic import Array

# Two trees over three features: a root with one inner node, and a root alone.
_NODES: dict[str, Any] = {
    "nodes_treeids": [0, 0, 0, 0, 0, 1, 1, 1],
    "nodes_nodeids": [0, 1, 2, 3, 4, 0, 1, 2],
    "nodes_featureids": [0, 1, 0, 0, 0, 2, 0, 0],
    "nodes_modes": ["BRANCH_LEQ", "BRANCH_LEQ", *["LEAF"] * 3, "BRANCH_LEQ", "LEAF", "LEAF"],
    "nodes_truenodeids": [1, 3, 0, 0, 0, 1, 0, 0],
    "nodes_falsenodeids": [2, 4, 0, 0, 0, 2, 0, 0],
    "nodes_missing_value_tracks_true": [1, 0, 0, 0, 0, 1, 0, 0],
}
_SPLITS = [0.5, -0.25, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0]
_LEAVES = {"treeids": [0, 0, 0, 1, 1], "nodeids": [2, 3, 4, 1, 2], "ids": [0, 1, 0, 1, 0]}
_WEIGHTS = [0.5, 1.25, -0.75, 2.0, -1.5]


def _ensemble(role: str) -> dict[str, Any]:
    """The attributes of both old ensembles: role is "class" or "target"."""
    leaves = {f"{role}_{name}": given for name, given in _LEAVES.items()}
    return {**_NODES, "nodes_values": _SPLITS, **leaves, f"{role}_weights": _WEIGHTS}


def node_table(role: str) -> dict[str, Any]:
    """Two trees over three features; role is "class" or "target"."""
    return _ensemble(role)


def _double(*given: float) -> Any:
    """A tensor of the type that goes with the input: double with double."""

    def value(binding: Binding) -> onnx.TensorProto:
        first = binding.get("T1", binding.get("T"))
        kind = np.float64 if first == "tensor(double)" else np.float32
        made: onnx.TensorProto = numpy_helper.from_array(np.array(given, kind), "t")
        return made

    return value


def _as_tensors(table: Mapping[str, Any], role: str, base: str) -> dict[str, Any]:
    moved = {
        "nodes_values": _SPLITS,
        f"{role}_weights": _WEIGHTS,
        "nodes_hitrates": [1.0] * 8,
        base: [0.25, -0.5],
    }
    kept = {k: v for k, v in table.items() if k not in moved}
    return kept | {f"{name}_as_tensor": _double(*given) for name, given in moved.items()}


def _is_double(binding: Binding) -> bool:
    return binding.get("T1", binding.get("T")) == "tensor(double)"


_X = In((6, 3), values.between(-2, 2))
_MODES = ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ")
_TIED = In((6, 3), values.cycle((0.5, -0.25, 1.0, 0.75, 0.5)))


def _old(role: str, base: dict[str, Any], **limits: Any) -> list[Form]:
    table = {**base, **_ensemble(role)}
    plain = Form("plain", (_X,), table, core=True, **limits)
    turned = [
        ["LEAF" if m == "LEAF" else mode for m in _NODES["nodes_modes"]] for mode in _MODES
    ]
    return [
        plain,
        *(
            plain.also(f"mode_{mode}", inputs=(_TIED,), attributes={"nodes_modes": modes})
            for mode, modes in zip(_MODES, turned, strict=True)
        ),
        *varied(plain, post_transform=POST[:4]),
        plain.also("base_values", attributes={"base_values": [0.25, -0.5]}),
        plain.also("hit_rates", attributes={"nodes_hitrates": [1.0] * 8}),
        plain.also(
            "nan", inputs=(In((4, 3), values.cycle((float("nan"), 1, 0))),), kinds="float"
        ),
        Form(
            "tensors",
            (_X,),
            _as_tensors(table, role, "base_values"),
            core=True,
            only=_is_double,
            since=3,
        ),
    ]


def _classifier() -> list[Form]:
    words = {"classlabels_strings": ["a", "b"]}
    whole = _old("class", {"classlabels_int64s": [3, 7]})
    named = _old("class", words)[0].also("words", core=True)
    return [
        *(f.also(f.label, core=f.core, only=_and(f.only, "int64")) for f in whole),
        named.also("words", core=True, only=_and(None, "string")),
    ]


def _and(only: Any, label: str) -> Any:
    def both(binding: Binding) -> bool:
        return binding["T2"] == f"tensor({label})" and (only is None or only(binding))

    return both


def _regressor() -> list[Form]:
    forms = _old("target", {"n_targets": 2})
    return [*forms, *varied(forms[0], aggregate_function=("SUM", "AVERAGE", "MIN", "MAX"))]


def _typed(*given: float) -> Any:
    def value(binding: Binding) -> onnx.TensorProto:
        dtype = registry.element(binding["T"])
        if dtype is None:
            raise TypeError(binding["T"])
        made: onnx.TensorProto = numpy_helper.from_array(
            values.as_type(np.array(given), dtype), "t"
        )
        return made

    return value


def _modes(*given: int) -> onnx.TensorProto:
    made: onnx.TensorProto = numpy_helper.from_array(np.array(given, np.uint8), "modes")
    return made


_TREE: dict[str, Any] = {
    "n_targets": 2,
    "tree_roots": [0, 2],
    "nodes_featureids": [0, 1, 2],
    "nodes_splits": _typed(0.5, -0.25, 1.0),
    "nodes_modes": _modes(0, 0, 0),
    "nodes_truenodeids": [1, 1, 3],
    "nodes_trueleafs": [0, 1, 1],
    "nodes_falsenodeids": [0, 2, 4],
    "nodes_falseleafs": [1, 1, 1],
    "leaf_targetids": [0, 1, 0, 1, 0],
    "leaf_weights": _typed(0.5, 1.25, -0.75, 2.0, -1.5),
}


def splits(*given: float) -> Any:
    """Where TreeEnsemble's nodes part, in the type of the input."""
    return _typed(*given)


def tree() -> dict[str, Any]:
    """The same two trees as TreeEnsemble takes them."""
    return dict(_TREE)


def _near_splits(draw: Draw, shape: values.Shape, dtype: DType) -> Array:
    """Numbers at the splits, and just above them."""
    return values.as_type(values.twins(draw, shape, dtype).astype(np.float64) * 0.5, dtype)


def _ensemble_5() -> list[Form]:
    base = Form("plain", (_X,), _TREE, core=True)
    members = {
        "nodes_modes": _modes(6, 0, 6),
        "membership_values": _typed(1, 2, float("nan"), 0, 3, float("nan")),
    }
    asked = In((5, 3), values.whole(0, 4))
    return [
        base,
        *varied(base, aggregate_function=(0, 1, 2, 3), post_transform=(0, 1, 2, 3, 4)),
        *(
            base.also(f"mode_{m}", inputs=(_TIED,), attributes={"nodes_modes": _modes(m, m, m)})
            for m in range(6)
        ),
        base.also("near", inputs=(In((6, 3), _near_splits),), core=True),
        base.also("members", inputs=(asked,), attributes=members, core=True),
        base.also("hit_rates", attributes={"nodes_hitrates": _typed(1.0, 0.5, 2.0)}),
        base.also(
            "missing",
            inputs=(In((4, 3), values.cycle((float("nan"), 1, 0))),),
            attributes={"nodes_missing_value_tracks_true": [1, 0, 1]},
        ),
        base.also("dynamic", inputs=(In(("N", 3)),), sizes=({"N": 2}, {"N": 7})),
    ]


_DECAY = {"decay_factor": 0.25}


def _optimiser(
    state: int, base: Mapping[str, Any], late: int = 1, **options: Any
) -> list[Form]:
    """R, T, then X, G and the state tensors of each weight."""
    rate, step = In((), values.fixed(0.1)), In((), values.fixed(3))

    def given(count: int) -> tuple[In, ...]:
        tensors = [In((2, 5)) for _ in range(2 * count)]
        return (
            rate,
            step,
            *tensors,
            *(In((2, 5), values.positive) for _ in range(state * count)),
        )

    one = Form(
        "plain",
        given(1),
        base,
        core=True,
        outputs=(True,) * (1 + state),
        ranks=(2,) * (1 + state),
    )
    two = one.also(
        "two", inputs=given(2), outputs=(True,) * (2 + 2 * state), ranks=(2,) * (2 + 2 * state)
    )
    far = one.also(
        "late",
        inputs=(rate, In((), values.fixed(2**32 + late)), *given(1)[2:]),
        attributes=_DECAY if state == 1 and not base else {},
    )
    first = one.also("first", inputs=(rate, In((), values.fixed(0)), *given(1)[2:]))
    return [one, two, first, far, *varied(one, **options)]


_PREVIEW = "ai.onnx.preview.training"
_MOMENTUM = {"alpha": 0.5, "beta": 0.75, "mode": "standard", "norm_coefficient": 0.125}


def momentum() -> dict[str, Any]:
    """What Momentum requires."""
    return dict(_MOMENTUM)


FAMILIES = (
    Family(
        ("TreeEnsembleClassifier",),
        _classifier(),
        ranks=(1, 2),
        domain=ML,
        vary=("T2",),
        typing="free",
    ),
    Family(("TreeEnsembleRegressor",), _regressor(), ranks=(2,), domain=ML),
    Family(("TreeEnsemble",), _ensemble_5(), ranks=(2,), domain=ML),
    Family(
        ("Adagrad",),
        _optimiser(
            1, {}, norm_coefficient=(0.0, 0.125), decay_factor=(0.0, 0.25), epsilon=(0.5,)
        ),
        domain=_PREVIEW,
    ),
    Family(
        ("Adam",),
        _optimiser(
            2,
            {},
            alpha=(0.5,),
            beta=(0.5,),
            epsilon=(0.5,),
            norm_coefficient=(0.0, 0.125),
            norm_coefficient_post=(0.0, 0.125),
        ),
        domain=_PREVIEW,
    ),
    Family(
        ("Momentum",),
        _optimiser(
            1,
            _MOMENTUM,
            late=0,
            alpha=(0.0,),
            beta=(0.5,),
            norm_coefficient=(0.0,),
            mode=("standard", "nesterov"),
        ),
        domain=_PREVIEW,
    ),
)
