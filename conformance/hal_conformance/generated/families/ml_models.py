"""ai.onnx.ml: linear models, support vectors, and ZipMap behind them."""

from __future__ import annotations

from collections.abc import Callable

from hal_conformance.generated import values
from hal_conformance.generated.form import Binding, Family, Form, In, varied

ML = "ai.onnx.ml"
POST = ("NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT")
_N = ({"N": 2}, {"N": 7})


def _from(parameter: str, name: str) -> Callable[[Binding], bool]:
    def holds(binding: Binding) -> bool:
        return binding[parameter] == f"tensor({name})"

    return holds


_COEFFICIENTS = [0.5, -1.0, 2.0, 0.25, 1.5, -0.5, -2.0, 1.0, 0.75]


def _linear_classifier() -> list[Form]:
    whole = {
        "coefficients": _COEFFICIENTS,
        "intercepts": [0.5, -0.25, 1.0],
        "classlabels_ints": [3, 2**33 + 1, 7],
    }
    base = Form(
        "plain", (In((4, 3), values.ample),), whole, core=True, only=_from("T2", "int64")
    )
    words = {**whole, "classlabels_strings": ["ä", "b", "日本"]}
    del words["classlabels_ints"]
    named = Form("words", (In((4, 3)),), words, core=True, only=_from("T2", "string"))
    bare = {"coefficients": _COEFFICIENTS, "classlabels_ints": [0, 1, 2]}
    two = {
        "coefficients": _COEFFICIENTS[:6],
        "intercepts": [0.5, -0.5],
        "classlabels_ints": [0, 1],
    }
    return [
        base,
        named,
        *varied(base, post_transform=POST[:4], multi_class=(0, 1)),
        Form(
            "no_intercepts",
            (In((4, 3)),),
            bare,
            only=_from("T2", "int64"),
            inferred=False,  # onnx infers no column of scores without intercepts
        ),
        Form("two_classes", (In((4, 3)),), two, only=_from("T2", "int64")),
        base.also("dynamic", inputs=(In(("N", 3)),), sizes=_N),
    ]


def _linear_regressor() -> list[Form]:
    one = {"coefficients": _COEFFICIENTS[:3]}
    base = Form("plain", (In((4, 3), values.ample),), {**one, "intercepts": [0.5]}, core=True)
    return [
        base,
        Form("no_intercepts", (In((4, 3)),), one),
        Form(
            "targets_3",
            (In((4, 3)),),
            {"coefficients": _COEFFICIENTS, "intercepts": [0.5, -0.25, 1.0], "targets": 3},
        ),
        *varied(base, targets=(1,), post_transform=POST[:3]),
    ]


_VECTORS = [0.5, 1.0, -1.0, 2.0, -0.5, 1.5, 1.0, -2.0, 0.25]
_KERNELS = ("LINEAR", "POLY", "RBF", "SIGMOID")


def _support_classifier() -> list[Form]:
    table = {
        "classlabels_ints": [3, 2**33 + 1, 7],
        "coefficients": [0.75, -0.5, -0.25, 1.25, 0.5, -1.5, 0.25, -0.75],
        "kernel_params": [0.5, 0.25, 2.0],
        "rho": [0.125, -0.25, 0.375],
        "support_vectors": [*_VECTORS, 1.25, -0.75, -1.5],
        "vectors_per_class": [1, 2, 1],
    }
    base = Form(
        "plain", (In((9, 3), values.ample),), table, core=True, only=_from("T2", "int64")
    )
    two = {
        "classlabels_ints": [0, 1],
        "coefficients": [0.75, -0.5, -0.25],
        "rho": [0.125],
        "support_vectors": _VECTORS,
        "vectors_per_class": [1, 2],
    }
    words = {k: v for k, v in table.items() if k != "classlabels_ints"} | {
        "classlabels_strings": ["ä", "b", "日本"]
    }
    sure = {"prob_a": [-1.5, -1.0, -0.5], "prob_b": [0.25, 0.5, -0.25]}
    pair = base.also("two_classes", inputs=(In((4, 3)),), attributes=two)
    likely = pair.also(
        "two_probabilities",
        inputs=(In((9, 3)),),
        attributes={"prob_a": [-1.5], "prob_b": [0.75]},
    )
    return [
        base,
        Form("words", (In((9, 3)),), words, core=True, only=_from("T2", "string")),
        pair,
        likely,
        *varied(likely, "two_probabilities_", post_transform=POST[1:3]),
        *varied(
            base.also("few", inputs=(In((9, 3)),)),
            kernel_type=_KERNELS,
            post_transform=POST[:4],
        ),
        base.also("probabilities", attributes=sure),
    ]


def _support_regressor() -> list[Form]:
    table = {
        "coefficients": [0.75, -0.5, -0.25],
        "kernel_params": [0.5, 0.25, 2.0],
        "n_supports": 3,
        "rho": [0.125],
        "support_vectors": _VECTORS,
    }
    base = Form("plain", (In((4, 3), values.ample),), table, core=True, ranks=(2,))
    return [
        base,
        *varied(
            base, kernel_type=_KERNELS, post_transform=("NONE", "LOGISTIC"), one_class=(0, 1)
        ),
    ]


def _zip_map() -> list[Form]:
    scores = (In((2, 3), values.positive),)
    return [
        Form(
            "words",
            scores,
            {"classlabels_strings": ["a", "b", "grün"]},
            only=lambda b: "string" in b["T"],
        ),
        Form(
            "numbers",
            scores,
            {"classlabels_int64s": [10, 20, 30]},
            only=lambda b: "int64" in b["T"],
        ),
        Form(
            "vector",
            (In((3,), values.positive),),
            {"classlabels_int64s": [10, 20, 30]},
            only=lambda b: "int64" in b["T"],
        ),
    ]


FAMILIES = (
    Family(
        ("LinearClassifier",),
        _linear_classifier(),
        ranks=(1, 2),
        domain=ML,
        vary=("T2",),
        typing="product",
    ),
    Family(("LinearRegressor",), _linear_regressor(), ranks=(2,), domain=ML),
    Family(
        ("SVMClassifier",),
        _support_classifier(),
        ranks=(1, 2),
        domain=ML,
        vary=("T2",),
        typing="product",
    ),
    Family(("SVMRegressor",), _support_regressor(), domain=ML),
    Family(("ZipMap",), _zip_map(), domain=ML, vary=("T",)),
)
