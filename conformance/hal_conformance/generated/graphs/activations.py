"""Activations in their written-out forms, which compilers take for one operator.

Sources: ONNX Runtime's GeluFusion, FastGeluFusion, QuickGeluFusion, BiasGeluFusion; OpenVINO's
GeluFusion, SwishFusion, HSwishFusion, HSigmoidFusion, MishFusion (SoftPlusToMishFusion),
SoftPlusFusion, LeakyReluFusion, PReluFusion, ClampFusion; TensorRT's GELU and swish patterns.
"""

from __future__ import annotations

from collections.abc import Callable

from hal_conformance.generated import values
from hal_conformance.generated.graphs.patterns import OPSET, Patterns
from hal_conformance.generated.graphs.writing import Graph

PATTERNS = Patterns()
_TYPES = ("float32", "float16", "bfloat16", "float64")


def gelu(g: Graph, x: str, kind: str = "erf") -> str:
    """GELU written out, in one of the ways that frameworks export it."""
    if kind in ("tanh", "fast"):
        return _tanh_gelu(g, x, fast=kind == "fast")
    if kind == "quick":
        return g("Mul", x, g("Sigmoid", g("Mul", x, g.const(1.702))))
    if kind == "erf_divided":
        inside = g("Div", x, g.const(2**0.5))
    else:
        inside = g("Mul", x, g.const(0.5**0.5))
    one = g("Add", g("Erf", inside), g.const(1.0))
    if kind == "erf_halved_last":
        return g("Mul", g("Mul", x, one), g.const(0.5))
    if kind == "erf_wide":
        return g("Mul", x, g("Mul", one, g.const([0.5])))
    return g("Mul", g("Mul", x, g.const(0.5)), one)


def _tanh_gelu(g: Graph, x: str, *, fast: bool) -> str:
    if fast:  # x * (0.79788 + 0.035677 x x)
        cubic = g("Mul", g("Mul", x, x), g.const(0.044715 * 0.7978845608))
        inside = g("Mul", x, g("Add", cubic, g.const(0.7978845608)))
    else:
        cubic = g("Mul", g("Pow", x, g.const(3.0)), g.const(0.044715))
        inside = g("Mul", g("Add", x, cubic), g.const(0.7978845608))
    one = g("Add", g("Tanh", inside), g.const(1.0))
    return g("Mul", g("Mul", x, g.const(0.5)), one)


def _silu(g: Graph, x: str) -> str:
    return g("Mul", x, g("Sigmoid", x))


def _silu_exp(g: Graph, x: str) -> str:
    return g("Div", x, g("Add", g("Exp", g("Neg", x)), g.const(1.0)))


def _swish_beta(g: Graph, x: str) -> str:
    return g("Mul", x, g("Sigmoid", g("Mul", x, g.const(1.5))))


def _sigmoid(g: Graph, x: str) -> str:
    return g("Reciprocal", g("Add", g("Exp", g("Neg", x)), g.const(1.0)))


def _mish(g: Graph, x: str) -> str:
    return g("Mul", x, g("Tanh", g("Softplus", x)))


def _mish_written(g: Graph, x: str) -> str:
    return g("Mul", x, g("Tanh", _softplus(g, x)))


def _softplus(g: Graph, x: str) -> str:
    return g("Log", g("Add", g("Exp", x), g.const(1.0)))


def _softplus_not_one(g: Graph, x: str) -> str:
    return g("Log", g("Add", g("Exp", x), g.const(1.25)))


def _hardswish(g: Graph, x: str) -> str:
    gate = g("Clip", g("Add", x, g.const(3.0)), g.const(0.0), g.const(6.0))
    return g("Div", g("Mul", x, gate), g.const(6.0))


def _hardswish_relu6_mul(g: Graph, x: str) -> str:
    gate = g("Min", g("Relu", g("Add", x, g.const(3.0))), g.const(6.0))
    return g("Mul", x, g("Mul", gate, g.const(1 / 6)))


def _hardswish_sigmoid(g: Graph, x: str) -> str:
    return g("Mul", x, g("HardSigmoid", x, alpha=1 / 6, beta=0.5))


def _hardswish_other_bound(g: Graph, x: str) -> str:
    gate = g("Clip", g("Add", x, g.const(3.0)), g.const(0.0), g.const(5.0))
    return g("Div", g("Mul", x, gate), g.const(6.0))


def _hardsigmoid(g: Graph, x: str) -> str:
    gate = g("Clip", g("Add", x, g.const(3.0)), g.const(0.0), g.const(6.0))
    return g("Mul", gate, g.const(0.125))


def _relu(g: Graph, x: str) -> str:
    return g("Max", x, g.const(0.0))


def _relu6(g: Graph, x: str) -> str:
    return g("Min", g("Max", x, g.const(0.0)), g.const(1.5))


def _relu_of_clip(g: Graph, x: str) -> str:
    return g("Clip", g("Relu", x), g.const(-0.5), g.const(1.0))


def _clip_of_relu(g: Graph, x: str) -> str:
    return g("Relu", g("Clip", x, g.const(-0.5), g.const(1.0)))


def _clip_chain(g: Graph, x: str) -> str:
    y = g("Clip", x, g.const(-1.0), g.const(0.5))
    return g("Clip", y, g.const(0.25), g.const(2.0))


def _clip_bounds_crossed(g: Graph, x: str) -> str:
    return g("Min", g("Max", x, g.const(0.75)), g.const(0.5))


def _leaky(g: Graph, x: str) -> str:
    return g("Max", x, g("Mul", x, g.const(0.125)))


def _leaky_steep(g: Graph, x: str) -> str:
    """With a slope above 1 the larger of both is no LeakyRelu."""
    return g("Max", x, g("Mul", x, g.const(2.0)))


def _leaky_negative(g: Graph, x: str) -> str:
    return g("Max", x, g("Mul", x, g.const(-0.5)))


def _prelu(g: Graph, x: str) -> str:
    negative = g("Neg", g("Relu", g("Neg", x)))
    slope = g.weight("slope", 37, make=values.between(-1, 1))
    return g("Add", g("Relu", x), g("Mul", negative, slope))


def _elu(g: Graph, x: str) -> str:
    below = g("Sub", g("Exp", g("Min", x, g.const(0.0))), g.const(1.0))
    return g("Add", g("Relu", x), g("Mul", below, g.const(1.5)))


def _elu_where(g: Graph, x: str) -> str:
    below = g("Sub", g("Exp", x), g.const(1.0))
    return g("Where", g("Greater", x, g.const(0.0)), x, below)


def _softsign(g: Graph, x: str) -> str:
    return g("Div", x, g("Add", g("Abs", x), g.const(1.0)))


def _celu(g: Graph, x: str) -> str:
    below = g("Sub", g("Exp", g("Min", x, g.const(0.0))), g.const(1.0))
    return g("Max", below, x)


def _tanh_by_sigmoid(g: Graph, x: str) -> str:
    y = g("Sigmoid", g("Mul", x, g.const(2.0)))
    return g("Sub", g("Mul", y, g.const(2.0)), g.const(1.0))


def _square(g: Graph, x: str) -> str:
    return g("Pow", x, g.const(2.0))


def _cube(g: Graph, x: str) -> str:
    return g("Pow", x, g.const(3.0))


def _root(g: Graph, x: str) -> str:
    return g("Pow", g("Abs", x), g.const(0.5))


def _rsqrt(g: Graph, x: str) -> str:
    return g("Div", g.const(1.0), g("Sqrt", g("Add", g("Mul", x, x), g.const(0.01))))


FORMS: dict[str, Callable[[Graph, str], str]] = {
    write.__name__.strip("_"): write
    for write in (
        *(_silu, _silu_exp, _swish_beta, _sigmoid, _mish, _mish_written, _softplus),
        *(_softplus_not_one, _hardswish, _hardswish_relu6_mul, _hardswish_sigmoid),
        *(_hardswish_other_bound, _hardsigmoid, _relu, _relu6, _relu_of_clip, _clip_of_relu),
        *(_clip_chain, _clip_bounds_crossed, _leaky, _leaky_steep, _leaky_negative, _prelu),
        *(_elu, _elu_where, _softsign, _celu, _tanh_by_sigmoid, _square, _cube, _root, _rsqrt),
    )
}
"""By name: each writes an activation of a value."""


def _register(name: str, write: Callable[[Graph, str], str]) -> None:
    def pattern(g: Graph) -> None:
        g.out(write(g, g.feed("x", "N", "L", 37, make=values.between(-4, 4))))

    pattern.__name__ = name
    PATTERNS.add(
        types=_TYPES,
        twists=("swapped", "dynamic", "exposed_first", "exposed_last", "reused", "fed_weights"),
    )(pattern)


@PATTERNS.add(
    types=_TYPES,
    variants={
        kind: {"kind": kind}
        for kind in ("tanh", "fast", "quick", "erf_divided", "erf_halved_last", "erf_wide")
    },
    opsets=(OPSET, 9, 13),
)
def gelu_written(g: Graph, kind: str = "erf") -> None:
    g.out(gelu(g, g.feed("x", "N", "L", 37, make=values.between(-4, 4)), kind))


@PATTERNS.add(
    variants={
        "other_half": {"half": 0.25},
        "other_one": {"one": 1.5},
        "other_root": {"root": 0.75},
        "tanh_for_erf": {"function": "Tanh"},
        "other_x": {"twice": True},
    },
    twists=("swapped", "dynamic"),
)
def nearly_gelu(
    g: Graph,
    half: float = 0.5,
    one: float = 1.0,
    root: float = 0.7065,
    function: str = "Erf",
    twice: bool = False,
) -> None:
    """One constant or operator away from GELU: to take it for one is wrong."""
    x = g.feed("x", "N", "L", 37, make=values.between(-4, 4))
    inside = g(function, g("Mul", x, g.const(root)))
    other = g.feed("other", "N", "L", 37) if twice else x
    g.out(g("Mul", g("Mul", other, g.const(half)), g("Add", inside, g.const(one))))


for _name, _write in FORMS.items():
    _register(_name, _write)
