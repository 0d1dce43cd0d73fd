"""What classical models, scalers and optimisers owe: every shape, every kind of number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hal.dtypes import DType
from hal_conformance.generated import values
from hal_conformance.generated.draw import Draw
from hal_conformance.generated.families import ml, ml_models, trees
from hal_conformance.generated.families.breadth_words import numbers
from hal_conformance.generated.families.trees import momentum, node_table, splits, tree
from hal_conformance.generated.form import Binding, Family, Form, In, more
from hal_conformance.generated.kinds import KINDS, kinds
from hal_conformance.generated.newest import sizes
from hal_conformance.generated.values import Maker, Shape
from hal_conformance.numerics.arithmetic import FORMATS, Array

_ROWS = sizes("NM", (4, 8), (4, 8), (9, 9), (3, 5), (1, 6), (2, 2), (37, 35))
_LINES = sizes("N", (4,), (4,), (7,), (1,), (37,), (331,))


def _specked(*given: float) -> Maker:
    """Everyday numbers; these, and subnormal ones, far apart among them."""

    def make(draw: Draw, shape: Shape, dtype: DType) -> Array:
        made = values.any_(draw, shape, dtype).astype(np.float64)
        tiny = FORMATS[dtype.name].tiny
        some = [*given, 0.75 * tiny, -tiny / 2, 1e5, 0.0]
        step = max(1, made.size // (len(some) + 1))
        made.reshape(-1)[step : step * (len(some) + 1) : step] = some[: made.size]
        return values.as_type(made, dtype)

    return make


_NAN = float("nan")
_INF = float("inf")
_ANY = _specked(_NAN, _INF, -_INF)
_FINITE = _specked()


def _binarized() -> list[Form]:
    return [
        Form("kinds", (In((19, 9), _FINITE),), {"threshold": 0.0}, kinds="float"),
        Form("shapes", (In(("N", "M")),), sizes=_ROWS),
        Form("three", (In((2, 3, 5)),)),
    ]


def _features() -> list[Form]:
    wide = {"inputdimensions": [9, 3]}
    return [
        Form("kinds", (In((KINDS, 9), kinds()), In((KINDS, 3))), wide, kinds="float"),
        Form(
            "shapes",
            (In(("N", 9)), In(("N", 3), values.ties)),
            wide,
            kinds="float",
            sizes=_LINES,
        ),
        Form(
            "long",
            (In((7, 24)), In((7, 2), values.ties)),
            {"inputdimensions": [24, 2]},
            kinds="float",
        ),
        Form(
            "cut",
            (In((2, 4)), In((2, 2)), In((2, 5))),
            {"inputdimensions": [2, 1, 4]},
            kinds="float",
        ),
    ]


def _imputed() -> list[Form]:
    some = numbers(1.5, -2.0, _NAN, 0.25, 7.0)
    missing = {"imputed_value_floats": [9.0], "replaced_value_float": _NAN}
    whole = {"imputed_value_int64s": [9, 8, 7], "replaced_value_int64": 0}
    given = values.cycle((0, 1, 2, 3, 4, 0, 0, 6, 5))
    return [
        Form("kinds", (In((KINDS, 9), kinds()),), missing, kinds="float"),
        Form("shapes", (In(("N", "M"), some),), missing, kinds="float", sizes=_ROWS),
        Form("each_column", (In((3, 3), given),), whole, kinds="whole"),
        Form(
            "shapes_whole",
            (In(("N", "M"), values.whole(0, 3)),),
            {"imputed_value_int64s": [9], "replaced_value_int64": 0},
            kinds="whole",
            sizes=_ROWS,
        ),
    ]


def _scaled() -> list[Form]:
    one = {"offset": [0.5], "scale": [0.3]}
    return [
        Form("kinds", (In((19, 9), _ANY),), one, kinds="float"),
        Form("shapes", (In(("N", "M"), values.halves),), one, kinds="float", sizes=_ROWS),
        Form(
            "shares",
            (In((7, 19), values.between(1.875, 2)),),
            {"offset": [0.0], "scale": [0.515625]},
            kinds="float",
        ),
    ]


def _normalized() -> list[Form]:
    norms = ("MAX", "L1", "L2")
    return [
        *(
            Form(f"kinds_{n}", (In((61, 5), _ANY),), {"norm": n}, kinds="float")
            for n in norms[1:]
        ),
        *(
            Form(f"shapes_{n}", (In(("N", "M")),), {"norm": n}, kinds="float", sizes=_ROWS)
            for n in norms
        ),
        *(
            Form(f"terms_{n}", (In((2, 4099), values.positive),), {"norm": n}, kinds="float")
            for n in norms[1:]
        ),
    ]


_COEFFICIENTS = [0.5, -1.0, 2.0, 0.25, 1.5, -0.5, -2.0, 1.0, 0.75]


def _regressed() -> list[Form]:
    three = {"coefficients": _COEFFICIENTS[:3], "intercepts": [0.5]}
    return [
        Form("kinds", (In((61, 3), _ANY),), three, kinds="float"),
        Form(
            "one_feature", (In((1201, 1), _FINITE),), {"coefficients": [1 / 3]}, kinds="float"
        ),
        Form("shapes", (In(("N", 3)),), three, kinds="float", sizes=_LINES),
    ]


def _label(name: str) -> Any:
    def holds(binding: Binding) -> bool:
        return binding["T2"] == f"tensor({name})"

    return holds


def _classified() -> list[Form]:
    table = {"coefficients": _COEFFICIENTS, "intercepts": [0.5, -0.25, 1.0]}
    whole = {**table, "classlabels_ints": [3, 2, 7]}
    only = _label("int64")
    return [
        Form("kinds", (In((61, 3), _ANY),), whole, kinds="float", only=only),
        Form("shapes", (In(("N", 3)),), whole, kinds="float", only=only, sizes=_LINES),
    ]


_VECTORS = [0.5, 1.0, -1.0, 2.0, -0.5, 1.5, 1.0, -2.0, 0.25]


def _supported() -> list[Form]:
    table = {
        "coefficients": [0.75, -0.5, -0.25],
        "kernel_params": [0.5, 0.25, 2.0],
        "n_supports": 3,
        "rho": [0.125],
        "support_vectors": _VECTORS,
    }
    sparse = {**table, "rho": [0.0]}
    return [
        Form("kinds", (In((61, 3), _ANY),), table, kinds="float"),
        Form("shapes", (In(("N", 3)),), table, kinds="float", sizes=_LINES),
        Form("zeros", (In((9, 3), values.fixed([[0.0] * 3] * 9)),), sparse, kinds="float"),
    ]


def _dueled() -> list[Form]:
    table = {
        "classlabels_ints": [3, 2, 7],
        "coefficients": [0.75, -0.5, -0.25, 1.25, 0.5, -1.5, 0.25, -0.75],
        "kernel_params": [0.5, 0.25, 2.0],
        "rho": [0.125, -0.25, 0.375],
        "support_vectors": [*_VECTORS, 1.25, -0.75, -1.5],
        "vectors_per_class": [1, 2, 1],
    }
    more: dict[str, Any] = {"kinds": "float", "only": _label("int64")}
    return [
        Form("kinds", (In((61, 3), _ANY),), table, **more),
        Form("shapes", (In(("N", 3)),), table, sizes=_LINES, **more),
        Form("shapes_soft", (In((9, 3)),), {**table, "post_transform": "SOFTMAX"}, **more),
        Form("shapes_likely", (In((9, 3)),), {**table, "post_transform": "LOGISTIC"}, **more),
    ]


def _by_number(binding: Binding) -> bool:
    return "int64" in binding["T"]


def _zipped() -> list[Form]:
    names: dict[str, Any] = {"classlabels_int64s": [10, 20, 30, 40, 50, 60, 70, 80, 90]}
    return [
        Form("kinds", (In((KINDS, 9), kinds()),), names, only=_by_number),
        Form("again", (In((4, 9), values.ties),), names, only=_by_number, sizes=({}, {})),
        Form("many", (In((67, 9)),), names, only=_by_number),
    ]


_MISSING = {"nodes_missing_value_tracks_true": [0, 1, 0, 0, 0, 0, 0, 0]}
_HOLES = values.cycle((_NAN, 1, 0, -2, _NAN, 0.5, 2, 0.25, _NAN, -1))


def _old_trees(role: str, base: Mapping[str, Any], only: Any = None) -> list[Form]:
    table = {**base, **node_table(role)}
    more: dict[str, Any] = {"kinds": "float", "only": only}
    return [
        Form("kinds", (In((KINDS, 4), kinds()),), table, **more),
        Form("holes", (In((7, 3), _HOLES),), {**table, **_MISSING}, **more),
        Form("shapes", (In(("N", "M")),), table, sizes=_ROWS[:4] + _ROWS[6:], **more),
    ]


def _new_trees() -> list[Form]:
    one = {
        "nodes_featureids": [0, 0, 0],
        "nodes_falseleafs": [0, 1, 1],
        "nodes_falsenodeids": [1, 2, 4],
        "nodes_truenodeids": [0, 1, 3],
        "nodes_trueleafs": [1, 1, 1],
        "leaf_targetids": [1, 0, 0, 1, 1],
    }
    return [
        Form("kinds", (In((KINDS, 4), kinds()),), tree()),
        Form("at_zero", (In((19, 3), _FINITE),), {**tree(), "nodes_splits": splits(0, 0, 0)}),
        Form("shapes", (In(("N", "M")),), tree(), sizes=_ROWS[:4] + _ROWS[6:]),
        Form("alike", (In((4, 2)),), {**tree(), "nodes_featureids": [0, 1, 1]}),
        Form("column", (In((9, 1), values.between(-2, 2)),), {**tree(), **one}),
        Form("column_row", (In((1, 1), values.fixed([[-1.0]])),), {**tree(), **one}),
    ]


def _steps(state: int, attributes: Mapping[str, Any]) -> list[Form]:
    """R, T, then X, G and the state of one weight."""
    rate, step = In((), values.between(0.125, 0.5)), In((), values.fixed(3))
    outputs, ranks = (True,) * (1 + state), (2,) * (1 + state)

    def form(label: str, shape: Any, x: Any, **more: Any) -> Form:
        given = (In(shape, x), In(shape), *(In(shape, values.positive),) * state)
        return Form(
            label, (rate, step, *given), attributes, outputs=outputs, ranks=ranks, **more
        )

    def fed(shape: Any, gradient: Any) -> dict[str, Any]:
        rest = (In(shape, values.positive),) * state
        return {"inputs": (rate, step, In(shape, _FINITE), In(shape, gradient), *rest)}

    none = values.fixed([[0.0] * 9] * 19)
    resting = fed((19, 9), none)
    resting["inputs"] = (*resting["inputs"][:4], In((19, 9), none), *resting["inputs"][5:])

    base = form("shapes", ("N", "M"), values.any_, sizes=_ROWS)
    return [
        base,
        base.also("kinds", **fed((19, 9), _ANY), sizes=({},)),
        base.also("still", **fed((19, 9), none), sizes=({},)),
        base.also("resting", **resting, sizes=({},)),
    ]


_KNOWN = (*ml.FAMILIES, *ml_models.FAMILIES, *trees.FAMILIES)
_FORMS: tuple[tuple[str, list[Form]], ...] = (
    ("Binarizer", _binarized()),
    ("FeatureVectorizer", _features()),
    ("Imputer", _imputed()),
    ("Scaler", _scaled()),
    ("Normalizer", _normalized()),
    ("LinearRegressor", _regressed()),
    ("LinearClassifier", _classified()),
    ("SVMClassifier", _dueled()),
    ("ZipMap", _zipped()),
    (
        "TreeEnsembleClassifier",
        _old_trees("class", {"classlabels_int64s": [3, 7]}, _label("int64")),
    ),
    ("TreeEnsembleRegressor", _old_trees("target", {"n_targets": 2})),
    ("TreeEnsemble", _new_trees()),
    ("Adagrad", _steps(1, {"epsilon": 0.5})),
    ("Adam", _steps(2, {"epsilon": 0.5})),
    ("Momentum", _steps(1, momentum())),
)

FAMILIES = (
    *(more(_KNOWN, op, forms) for op, forms in _FORMS),
    Family(("SVMRegressor",), _supported(), ranks=(2,), domain="ai.onnx.ml"),
)
