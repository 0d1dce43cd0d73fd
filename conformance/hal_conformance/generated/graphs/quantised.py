"""QuantizeLinear and DequantizeLinear around everything, with every type and granularity.

Sources: ONNX Runtime's QDQ selectors and actions (Conv, MatMul, Gemm, unary, binary, variadic,
split, where, softmax, drop-QDQ), QDQPropagation, DoubleQDQPairs, ClipQuantFusion,
ReluQuantFusion, WeightS8ToU8, DQMatMulNBits, MatMulIntegerToFloat; OpenVINO's low-precision
transformations and FakeQuantize fusions; TensorRT's Q/DQ placement rules.

Scales are powers of two and inputs lie off the ties, so that what is rounded is rounded alike
by every device; products of quantised numbers are whole, and exact in float32.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from hal import dtypes
from hal_conformance.generated import values
from hal_conformance.generated.draw import Draw
from hal_conformance.generated.graphs.patterns import Patterns
from hal_conformance.generated.graphs.writing import Graph, grid

PATTERNS = Patterns()
_Q = 2.0**-4
_TWISTS = ("swapped", "dynamic", "exposed_first", "exposed_last", "reused", "fed_weights")
_KINDS: dict[str, dict[str, Any]] = {
    "int8": {"kind": "int8", "zero": 0},
    "int8_zero": {"kind": "int8", "zero": -7},
    "uint8_zero_0": {"zero": 0},
    "uint16": {"kind": "uint16", "zero": 32768},
    "int16": {"kind": "int16", "zero": 0},
}


def off_ties(draw: Draw, shape: values.Shape, dtype: dtypes.DType) -> Any:
    """Multiples of a scale's eighth that are no ties of it: every device rounds them alike."""
    whole = draw.integers(-60, 61, prod(shape))
    part = np.asarray((-3, -2, -1, 0, 1, 2, 3))[draw.integers(0, 7, prod(shape))]
    return values.as_type((whole + part * 0.125) * _Q, dtype).reshape(shape)


def quantized(g: Graph, x: str, kind: str = "uint8", zero: int = 128, scale: float = _Q) -> str:
    """QuantizeLinear with one scale; no zero point where `kind` is uint8 and it is 0."""
    inputs = [x, g.const(scale)]
    if zero or kind != "uint8":
        inputs.append(g.const(zero, kind))
    return g("QuantizeLinear", *inputs)


def dequantized(
    g: Graph, x: str, kind: str = "uint8", zero: int = 128, scale: float = _Q
) -> str:
    """DequantizeLinear with one scale."""
    return g("DequantizeLinear", x, g.const(scale), g.const(zero, kind))


def through(g: Graph, x: str, kind: str = "uint8", zero: int = 128, scale: float = _Q) -> str:
    """Quantized and dequantized."""
    return dequantized(g, quantized(g, x, kind, zero, scale), kind, zero, scale)


def weight(
    g: Graph,
    name: str,
    *dims: int,
    kind: str = "int8",
    axis: int | None = None,
    block: int = 0,
    zeros: bool = False,
) -> str:
    """A quantized weight, dequantized: by tensor, by channel, or by block."""
    low, high = values.limits(dtypes.of_name(kind))
    q = g.weight(name, *dims, dtype=kind, make=values.whole(max(low, -90), min(high, 90) + 1))
    scales: tuple[int, ...] = ()
    if axis is not None:
        scales = (dims[axis],)
    if block:
        scales = tuple(d // block if k == (axis or 0) else d for k, d in enumerate(dims))
    steps = np.ldexp(1.0, -(3 if high < 16 else 7) - np.arange(prod(scales)) % 3)
    inputs = [q, g.const(steps.reshape(scales))]
    if zeros:
        middle = 0 if low else (high + 1) // 2
        inputs.append(g.const(np.full(scales, middle + 1), kind))
    more: dict[str, Any] = {"axis": axis} if axis is not None else {}
    more |= {"block_size": block} if block else {}
    return g("DequantizeLinear", *inputs, **more)


def bias(g: Graph, name: str, size: int) -> str:
    """A bias of int32, as quantizers export it."""
    q = g.weight(name, size, dtype="int32", make=values.whole(-3000, 3000))
    return g("DequantizeLinear", q, g.const(2.0**-11), g.const(0, "int32"))


@PATTERNS.add(
    twists=(*_TWISTS, "constant_nodes", "branches"),
    variants={
        "by_channel": {"axis": 0},
        "bias": {"biased": True},
        "float_bias": {"float_bias": True},
        "relu": {"relu": True},
        "relu_by_channel": {"relu": True, "axis": 0, "biased": True},
        "uint8_weight": {"weights": "uint8", "zeros": True},
        "int4_weight": {"weights": "int4", "axis": 0},
        "float_output": {"last": False},
        "float_weight": {"weights": ""},
        "grouped": {"group": 2},
        "no_input_quantization": {"first": False},
        "odd_scale": {"scale": 0.0421},
        "other_type_out": {"out": "int8"},
        **_KINDS,
    },
)
def qdq_conv(
    g: Graph,
    kind: str = "uint8",
    zero: int = 128,
    axis: int | None = None,
    weights: str = "int8",
    zeros: bool = False,
    biased: bool = False,
    float_bias: bool = False,
    relu: bool = False,
    first: bool = True,
    last: bool = True,
    group: int = 1,
    scale: float = 0.25,
    out: str = "",
) -> None:
    x = g.feed("x", "N", 6, "H", "W", make=off_ties)
    y = through(g, x, kind, zero) if first else x
    dims = (8, 6 // group, 3, 3)
    if weights:
        w = weight(g, "w", *dims, kind=weights, axis=axis, zeros=zeros)
    else:
        w = g.weight("w", *dims, make=grid)
    inputs = [y, w]
    inputs += [bias(g, "b", 8)] if biased else [g.weight("b", 8)] if float_bias else []
    y = g("Conv", *inputs, group=group, pads=[1, 1, 1, 1])
    y = g("Relu", y) if relu else y
    if last:
        y = through(g, y, out or kind, 0 if out else zero, scale)
    g.out(y)


@PATTERNS.add(
    twists=(*_TWISTS, "constant_nodes", "function"),
    variants={
        "by_channel": {"axis": 1},
        "by_row": {"axis": 0},
        "blocked": {"axis": 0, "block": 16},
        "blocked_int4": {"axis": 0, "block": 16, "weights": "int4"},
        "blocked_uint4": {"axis": 0, "block": 16, "weights": "uint4", "zeros": True},
        "blocked_float_input": {"axis": 0, "block": 16, "weights": "int4", "first": False},
        "int4": {"weights": "int4", "axis": 1},
        "float_input_int8": {"first": False, "axis": 1, "last": False},
        "both_activations": {"both": True},
        "gemm": {"op": "Gemm"},
        "bias": {"biased": True},
        "gelu": {"then": "Gelu"},
        "relu": {"then": "Relu"},
        "float_output": {"last": False},
        "three_dimensions": {"dims": ("N", "L", 32)},
        **_KINDS,
    },
)
def qdq_matmul(
    g: Graph,
    kind: str = "uint8",
    zero: int = 128,
    axis: int | None = None,
    weights: str = "int8",
    block: int = 0,
    zeros: bool = False,
    both: bool = False,
    op: str = "MatMul",
    biased: bool = False,
    then: str = "",
    first: bool = True,
    last: bool = True,
    dims: tuple[int | str, ...] = ("M", 32),
) -> None:
    x = g.feed("x", *dims, make=off_ties)
    x = through(g, x, kind, zero) if first else x
    if both:
        w = through(g, g.feed("w", 32, 21, make=off_ties), "int8", 0)
    else:
        w = weight(g, "w", 32, 21, kind=weights, axis=axis, block=block, zeros=zeros)
    y = g(op, x, w)
    y = g("Add", y, g.weight("b", 21, make=grid)) if biased else y
    y = g(then, y) if then else y
    g.out(through(g, y, kind, zero, 0.25) if last else y)


_UNARY: dict[str, dict[str, Any]] = {
    "MaxPool": {"kernel_shape": [2, 2], "strides": [2, 1]},
    "AveragePool": {"kernel_shape": [2, 2]},
    "GlobalAveragePool": {},
    "Sigmoid": {},
    "HardSwish": {},
    "LeakyRelu": {"alpha": 0.25},
    "Softmax": {"axis": 1},
    "Transpose": {"perm": [0, 2, 3, 1]},
    "Tanh": {},
    "Clip": {},
    "Sqrt": {},
    "Gelu": {},
}


@PATTERNS.add(
    twists=("dynamic", "exposed_first", "exposed_last", "reused"),
    variants={
        op.lower() + suffix: {"op": op, **how}
        for op in _UNARY
        for suffix, how in (("", {}), ("_int8", _KINDS["int8_zero"]))
    }
    | {
        "other_scale": {"after": 0.125},
        "same_scale": {"after": _Q},
        "uint16": _KINDS["uint16"],
    },
)
def qdq_unary(
    g: Graph, op: str = "Relu", kind: str = "uint8", zero: int = 128, after: float = 2.0**-5
) -> None:
    x = g.feed("x", "N", 6, "H", "W", make=off_ties)
    y = through(g, x, kind, zero)
    y = g("Abs", y) if op == "Sqrt" else y
    if op == "Clip":
        y = g("Clip", y, g.const(-0.5), g.const(1.25))
    else:
        y = g(op, y, **_UNARY.get(op, {}))
    g.out(through(g, y, kind, zero, 2.0**-7 if op == "Softmax" else after))


@PATTERNS.add(
    twists=("swapped", "dynamic", "exposed_first", "exposed_last", "reused"),
    variants={
        "mul": {"op": "Mul"},
        "sub": {"op": "Sub"},
        "div": {"op": "Div"},
        "max": {"op": "Max"},
        "concat": {"op": "Concat"},
        "where": {"op": "Where"},
        "same": {"same": True},
        "float_side": {"float_side": True},
        "other_types": {"other": ("int8", 3)},
        "scales_differ": {"scales": (_Q, 2.0**-5)},
        "broadcast": {"dims": (6, 1, 1)},
        "int8": {**_KINDS["int8_zero"], "other": ("int8", 5)},
        "uint16": {**_KINDS["uint16"], "other": ("uint16", 32768)},
    },
)
def qdq_binary(
    g: Graph,
    op: str = "Add",
    kind: str = "uint8",
    zero: int = 128,
    other: tuple[str, int] = ("uint8", 120),
    scales: tuple[float, float] = (_Q, _Q),
    same: bool = False,
    float_side: bool = False,
    dims: tuple[int | str, ...] = ("N", 6, "H", "W"),
) -> None:
    a = through(g, g.feed("a", "N", 6, "H", "W", make=off_ties), kind, zero, scales[0])
    if same:
        b = a
    else:
        b = g.feed("b", *dims, make=off_ties)
        b = b if float_side else through(g, b, *other, scales[1])
    if op == "Concat":
        y = g("Concat", a, b, axis=1)
    elif op == "Where":
        y = g("Where", g("Less", a, b), a, b)
    elif op == "Div":
        y = g("Div", a, g("Max", g("Abs", b), g.const(0.5)))
    else:
        y = g(op, a, b)
    g.out(through(g, y, kind, zero, 0.125))


@PATTERNS.add(
    twists=("exposed_first", "exposed_last", "reused", "dynamic"),
    variants={
        "other_scale": {"second": ("uint8", 128, 2.0**-3)},
        "other_zero": {"second": ("uint8", 100, _Q)},
        "other_type": {"second": ("int8", 0, _Q)},
        "three": {"third": True},
        "relu_between": {"between": "Relu"},
        "reshape_between": {"between": "Reshape"},
        "transpose_between": {"between": "Transpose"},
        "maxpool_between": {"between": "MaxPool"},
        "wide_first": {"first": ("uint16", 32768, _Q)},
        "narrow_first": {"first": ("int4", 0, 1.0), "second": ("int8", 0, _Q)},
        "float8": {"first": ("float8e4m3fn", 0, 0.25)},
    },
)
def double_qdq(
    g: Graph,
    first: tuple[str, int, float] = ("uint8", 128, _Q),
    second: tuple[str, int, float] = ("uint8", 128, _Q),
    third: bool = False,
    between: str = "",
) -> None:
    """Two pairs in a row: they are one only where both are alike."""
    y = through(g, g.feed("x", "N", 6, "H", "W", make=off_ties), *first)
    if between == "Reshape":
        y = g.reshape(y, 0, -1)
    elif between:
        y = g(between, y, **_UNARY.get(between, {}))
    y = through(g, y, *second)
    g.out(through(g, y, "uint8", 128, 0.25) if third else y)


@PATTERNS.add(
    twists=("exposed_first", "exposed_last", "reused", "dynamic"),
    variants={
        "clip": {"kind": "clip"},
        "clip_int8": {"kind": "clip", "types": ("int8", -128)},
        "clip_narrow": {"kind": "clip", "high": 1.0},
        "relu_int8": {"types": ("int8", -128)},
        "relu_zero_0": {"types": ("uint8", 0)},
        "relu_zero_inside": {"types": ("int8", -100)},
        "relu_signed": {"types": ("int8", 0)},
    },
)
def relu_before_quantize(
    g: Graph, kind: str = "relu", types: tuple[str, int] = ("uint8", 128), high: float = 20.0
) -> None:
    """Quantisation that clips at 0 makes Relu needless, but only then."""
    x = g.feed("x", "N", 6, 37, make=off_ties)
    y = g("Clip", x, g.const(0.0), g.const(high)) if kind == "clip" else g("Relu", x)
    g.out(through(g, y, *types))


@PATTERNS.add(
    twists=("dynamic", "exposed_last", "reused"),
    variants={
        "uint8": {"kind": "uint8"},
        "int8_to_int8": {"out": "int8"},
        "by_channel": {"channels": True},
    },
)
def quantized_operators(
    g: Graph, kind: str = "int8", out: str = "uint8", channels: bool = False
) -> None:
    """QLinearConv and QLinearMatMul in a row."""
    zero = 128 if kind == "uint8" else 3
    x = g.feed("x", "N", 4, 5, 6, dtype=kind, make=values.whole(0, 120))
    w = g.weight("w", 7, 4, 1, 1, dtype="int8", make=values.whole(-60, 61))
    steps = np.ldexp(1.0, -6 - np.arange(7) % 3) if channels else 2.0**-6
    y = g(
        "QLinearConv",
        *(x, g.const(_Q), g.const(zero, kind)),
        *(w, g.const(steps), g.const(np.zeros(np.shape(steps)), "int8")),
        *(g.const(0.25), g.const(4 if out == "int8" else 130, out)),
    )
    m = g.weight("m", 6, 9, dtype="int8", make=values.whole(-60, 61))
    z = g(
        "QLinearMatMul",
        *(y, g.const(0.25), g.const(4 if out == "int8" else 130, out)),
        *(m, g.const(2.0**-7), g.const(0, "int8")),
        *(g.const(0.5), g.const(0, out)),
    )
    g.out(g("DequantizeLinear", z, g.const(0.5), g.const(0, out)))


@PATTERNS.add(
    twists=("swapped", "dynamic", "exposed_last", "reused"),
    variants={"scale_by_column": {"columns": True}, "bias": {"biased": True}},
)
def integer_to_float(g: Graph, columns: bool = False, biased: bool = False) -> None:
    """MatMulInteger, Cast, Mul."""
    a = g.feed("a", "M", 24, dtype="uint8", make=values.whole(0, 256))
    b = g.weight("b", 24, 19, dtype="int8", make=values.whole(-90, 91))
    y = g("MatMulInteger", a, b, g.const(121, "uint8"))
    y = g("Cast", y, to=1)
    dims = (19,) if columns else (1,)
    y = g("Mul", y, g.weight("scale", *dims, make=g.factors))
    g.out(g("Add", y, g.weight("bias", 19, make=grid)) if biased else y)


@PATTERNS.add(
    twists=("dynamic", "swapped", "exposed_last", "reused"), variants={"int8": {"kind": "int8"}}
)
def residual_quantized(g: Graph, kind: str = "uint8") -> None:
    """A quantized residual block, as exported: pairs at every edge."""
    zero = 128 if kind == "uint8" else 0
    x = through(g, g.feed("x", "N", 4, "H", "W", make=off_ties), kind, zero)
    y = g("Conv", x, weight(g, "w1", 4, 4, 3, 3, axis=0), bias(g, "b1", 4), pads=[1, 1, 1, 1])
    y = through(g, g("Relu", y), kind, zero, 0.125)
    y = g("Conv", y, weight(g, "w2", 4, 4, 1, 1, axis=0), bias(g, "b2", 4))
    y = g("Add", through(g, y, kind, zero, 0.125), x)
    g.out(through(g, g("Relu", y), kind, zero, 0.125))
