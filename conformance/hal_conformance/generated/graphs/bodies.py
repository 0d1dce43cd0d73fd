"""Operators beside what they stand for, written out in the same model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hal_conformance.generated import values
from hal_conformance.generated.graphs.activations import FORMS, gelu
from hal_conformance.generated.graphs.attention import scores
from hal_conformance.generated.graphs.normalisation import layer_norm
from hal_conformance.generated.graphs.pairs import Pairs, Written
from hal_conformance.generated.graphs.writing import Graph, grid

PAIRS = Pairs()
_OPERATORS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "silu": ("Swish", {}),
    "mish": ("Mish", {}),
    "hardswish_sigmoid": ("HardSwish", {}),
    "softsign": ("Softsign", {}),
    "softplus": ("Softplus", {}),
    "elu": ("Elu", {"alpha": 1.5}),
    "sigmoid": ("Sigmoid", {}),
    "relu": ("Relu", {}),
    "leaky": ("LeakyRelu", {"alpha": 0.125}),
}


@PAIRS.add("near", {name: {"name": name} for name in _OPERATORS}, ("float32", "float16"), 24)
def activation_and_body(g: Graph, name: str) -> Written:
    """An operator, and what it stands for."""
    x = g.feed("x", "N", "L", 37, make=values.between(-3, 3))
    op, how = _OPERATORS[name]
    return g(op, x, **how), FORMS[name](g, x)


@PAIRS.add(
    "near",
    {
        name: {"name": name}
        for name in (
            *(
                "layer_norm",
                "softmax",
                "gelu",
                "gelu_tanh",
                "mean",
                "l2",
                "log_softmax",
                "gemm",
            ),
            *("attention", "log_sum_exp", "average_pool", "einsum", "clip", "group_conv"),
        )
    },
    ("float32", "float16"),
    24,
)
def operator_and_body(g: Graph, name: str) -> Written:
    """An operator, and what it stands for."""
    if name in ("gemm", "attention", "einsum", "group_conv"):
        return _product_and_body(g, name)
    x = g.feed("x", "N", 7, 37)
    if name == "layer_norm":
        scale, bias = (
            g.weight("scale", 37, make=values.positive),
            g.weight("bias", 37, make=grid),
        )
        written = layer_norm(g, x, scale=False, bias=False)
        return g("LayerNormalization", x, scale, bias), g("Add", g("Mul", written, scale), bias)
    if name in ("softmax", "log_softmax"):
        e = g("Exp", x)
        y = g("Div", e, g.reduce("ReduceSum", e, -1))
        log = name == "log_softmax"
        op = "LogSoftmax" if log else "Softmax"
        return g(op, x, axis=-1), g("Log", y) if log else y
    if name in ("gelu", "gelu_tanh"):
        approximate = "tanh" if name == "gelu_tanh" else "none"
        written = gelu(g, x, "tanh" if name == "gelu_tanh" else "erf")
        return g("Gelu", x, approximate=approximate), written
    if name == "clip":
        low, high = g.const(-0.5), g.const(0.75)
        return g("Clip", x, low, high), g("Min", g("Max", x, low), high)
    if name == "average_pool":
        mean = g.reduce("ReduceMean", g.reshape(x, 0, 7, 37), -1)
        return g("GlobalAveragePool", x), mean
    total = {"mean": x, "l2": g("Mul", x, x), "log_sum_exp": g("Exp", x)}[name]
    summed = g.reduce("ReduceSum", total, -1)
    if name == "mean":
        return g.reduce("ReduceMean", x, -1), g("Div", summed, g.const(37.0))
    op = "ReduceL2" if name == "l2" else "ReduceLogSumExp"
    return g.reduce(op, x, -1), g("Sqrt" if name == "l2" else "Log", summed)


def _product_and_body(g: Graph, name: str) -> Written:
    if name == "gemm":
        a, b, c = g.feed("a", 12, "M"), g.weight("b", 9, 12), g.weight("c", 9, make=grid)
        left = g("Gemm", a, b, c, transA=1, transB=1, alpha=0.5, beta=2.0)
        product = g("MatMul", g.transpose(a, 1, 0), g.transpose(b, 1, 0))
        halved = g("Mul", product, g.const(0.5))
        return left, g("Add", halved, g("Mul", c, g.const(2.0)))
    if name == "einsum":
        a, b = g.feed("a", "N", 7, 12), g.feed("b", "N", 9, 12)
        return g("Einsum", a, b, equation="bij,bkj->bik"), g(
            "MatMul", a, g.transpose(b, 0, 2, 1)
        )
    if name == "group_conv":
        x, w = g.feed("x", "N", 6, 5, 7), g.weight("w", 8, 3, 3, 3)
        parts = zip(g.split(x, 3, 3, axis=1), g.split(w, 4, 4, axis=0), strict=True)
        done = [g("Conv", a, b) for a, b in parts]
        return g("Conv", x, w, group=2), g("Concat", *done, axis=1)
    q, k, v = (g.feed(word, "N", 2, 5, 8) for word in "qkv")
    p = g("Softmax", scores(g, q, k, "after"), axis=-1)
    return g("Attention", q, k, v), g("MatMul", p, v)
