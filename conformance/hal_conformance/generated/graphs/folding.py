"""What compilers compute beforehand: constants, shapes, casts, identities, common parts.

Sources: ONNX Runtime's ConstantFolding, CommonSubexpressionElimination, CastElimination,
CastChainElimination, NoopElimination, NotWhereFusion, DivMulFusion, PreShapeNodeElimination,
RemoveDuplicateCast, InsertCast, EliminateDropout and data propagation; OpenVINO's
ConstantFolding, ShapeOfConstFolding, LinOpSequenceFusion (AddAdd, MultiplyMultiply,
AddMultiply), SharedOpOptimization, DivideFusion, SubtractFusion, NopElimination, FoldSubgraph;
TensorRT's shape tensors.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto, helper

from hal_conformance.generated import values
from hal_conformance.generated.graphs.patterns import OPSET, Patterns
from hal_conformance.generated.graphs.writing import Graph, around, grid, twos

PATTERNS = Patterns()
_FEW = ("swapped", "dynamic", "exposed_first", "exposed_last", "reused")


@PATTERNS.add(
    types=("float32", "float16", "int64"),
    twists=_FEW,
    variants={
        "by_shape_start": {"how": "start"},
        "by_arithmetic": {"how": "arithmetic"},
        "by_product": {"how": "product"},
        "by_where": {"how": "where"},
        "by_cast": {"how": "cast"},
        "by_float": {"how": "float"},
        "by_slice": {"how": "slice"},
        "by_size": {"how": "size"},
    },
)
def shape_reshape(g: Graph, how: str = "gather") -> None:
    """Shape, Gather, Concat, Reshape, as frameworks export it."""
    x = g.feed("x", "N", "L", 4, 6)
    shape = g("Shape", x)
    n, length, a, b = (g("Gather", shape, g.ints(k)) for k in range(4))
    if how == "start":
        wanted = g("Concat", g("Shape", x, start=0, end=-2), g.ints(-1), axis=0)
    elif how == "arithmetic":
        wanted = g("Concat", n, length, g("Mul", a, b), axis=0)
    elif how == "product":
        rows = g("ReduceProd", g("Slice", shape, g.ints(0), g.ints(2)), keepdims=1)
        wanted = g("Concat", rows, g("Div", g("Mul", a, b), g.ints(2)), g.ints(-1), axis=0)
    elif how == "where":
        raw = g("Concat", n, g.ints(-1), b, axis=0)
        ones = g("ConstantOfShape", g.ints(3), value=_tensor([1], "int64"))
        wanted = g("Where", g("Equal", raw, g.ints(-1, -1, -1)), g("Neg", ones), raw)
    elif how == "cast":
        narrow = g("Cast", g("Concat", n, g.ints(-1), axis=0), to=TensorProto.INT32)
        wanted = g("Cast", narrow, to=TensorProto.INT64)
    elif how == "float":
        half = g("Floor", g("Mul", g("Cast", a, to=TensorProto.FLOAT), _floats(g, 0.5)))
        wanted = g("Concat", n, g("Cast", half, to=TensorProto.INT64), g.ints(-1), axis=0)
    elif how == "slice":
        wanted = g(
            "Concat", g.slice(shape, 0, 1, 0), g.ints(-1), g.slice(shape, 3, 4, 0), axis=0
        )
    elif how == "size":
        wanted = g("Concat", g("Div", g.reshape(g("Size", x), 1), g.ints(8)), g.ints(8), axis=0)
    else:
        scalar = g("Gather", shape, g.integer(0))
        wanted = g("Concat", g.unsqueeze(scalar, 0), length, g.ints(-1), axis=0)
    g.out(g("Add", g("Reshape", x, wanted), g.const(1.0)))


def _floats(g: Graph, *given: float) -> str:
    return g.const(list(given), "float32")


def _tensor(given: list[Any], dtype: str) -> Any:
    from hal import dtypes

    return helper.make_tensor("value", dtypes.of_name(dtype).number, [len(given)], given)


@PATTERNS.add(
    types=("float32", "float16"),
    twists=("dynamic", "exposed_first", "exposed_last", "branches"),
    variants={
        "expand": {"how": "expand"},
        "range": {"how": "range"},
        "slice": {"how": "slice"},
        "tile": {"how": "tile"},
        "resize": {"how": "resize"},
        "one_hot": {"how": "one_hot"},
    },
)
def shape_driven(g: Graph, how: str = "constant_of_shape") -> None:
    """Shapes that drive other operators than Reshape."""
    x = g.feed("x", "N", 3, "H", "W")
    shape = g("Shape", x)
    width = g("Gather", shape, g.integer(3))
    if how == "expand":
        y = g("Expand", g.weight("w", 3, 1, 1), shape)
    elif how == "range":
        steps = g("Range", g.integer(0), width, g.integer(1))
        y = g("Cast", steps, to=_number(g.t))
    elif how == "slice":
        half = g("Div", g.unsqueeze(width, 0), g.ints(2))
        y = g.reduce("ReduceSum", g("Slice", x, g.ints(0), half, g.ints(3)), 3)
    elif how == "tile":
        y = g(
            "Tile",
            g.weight("w", 3, 1, 1),
            g("Concat", g.ints(1, 1), g.unsqueeze(width, 0), axis=0),
        )
    elif how == "resize":
        doubled = g("Mul", g.slice(shape, 2, 4, 0), g.ints(2, 2))
        sizes = g("Concat", g.slice(shape, 0, 2, 0), doubled, axis=0)
        y = g("Resize", x, "", "", sizes, mode="nearest", nearest_mode="floor", **_ASYMMETRIC)
        g.out(g("Relu", y))
        return
    elif how == "one_hot":
        steps = g("Range", g.integer(0), width, g.integer(1))
        y = g("OneHot", steps, width, g.const([0.5, 2.0]), axis=-1)
        x = g.slice(x, 0, 1, 2)
    else:
        y = g("ConstantOfShape", shape, value=_tensor([1.5], g.t))
    g.out(g("Mul", x, y))


_ASYMMETRIC = {"coordinate_transformation_mode": "asymmetric"}


def _number(t: str) -> int:
    from hal import dtypes

    return dtypes.of_name(t).number


_CHAINS: dict[str, tuple[str, ...]] = {
    "narrow_and_back": ("float16", "float32"),
    "bfloat16_and_back": ("bfloat16", "float32"),
    "wide_and_back": ("float64", "float32"),
    "through_int32": ("int32", "float32"),
    "through_int8": ("int8", "float32"),
    "through_uint8": ("int32", "uint8", "float32"),
    "through_bool": ("bool", "float32"),
    "narrowing_twice": ("float16", "bfloat16", "float32"),
    "narrowing_to_int": ("float16", "int32", "float32"),
    "same": ("float32", "float32"),
    "int64_int32": ("int64", "int32", "float32"),
}


@PATTERNS.add(
    twists=_FEW,
    variants={name: {"chain": chain} for name, chain in _CHAINS.items()},
    opsets=(OPSET, 13),
)
def cast_chain(g: Graph, chain: tuple[str, ...] = ("float64", "float16")) -> None:
    """Casts in a row: what the middle one loses is lost."""
    y = g.feed("x", "N", "L", 37, make=values.between(-99, 100))
    if chain[0].startswith(("int", "uint")):
        y = g("Abs", y)
    for dtype in chain:
        y = g("Cast", y, to=_number(dtype))
    g.out(y if chain[-1] != "float32" else g("Mul", y, g.const(0.5, "float32")))


@PATTERNS.add(
    types=("float32", "float16", "float64", "int32"),
    twists=(*_FEW, "fed_weights"),
    variants={
        "mul_mul": {"ops": ("Mul", "Mul")},
        "add_mul": {"ops": ("Add", "Mul")},
        "mul_add": {"ops": ("Mul", "Add")},
        "sub_sub": {"ops": ("Sub", "Sub")},
        "add_sub_mul": {"ops": ("Add", "Sub", "Mul")},
        "other_side": {"ops": ("Sub", "Sub"), "turned": True},
        "neg_add": {"ops": ("Neg", "Add")},
        "mul_div": {"ops": ("Mul", "Div")},
        "rows": {"dims": (7, 1)},
        "vectors": {"dims": (37,)},
        "growing": {"dims": (3, 1, 1, 1)},
        "max_min": {"ops": ("Max", "Min")},
        "max_max": {"ops": ("Max", "Max")},
    },
)
def linear_chain(
    g: Graph,
    ops: tuple[str, ...] = ("Add", "Add"),
    dims: tuple[int, ...] = (),
    turned: bool = False,
) -> None:
    """Constants that may be merged: exactly, since they are of few bits and powers of two."""
    y = g.feed("x", "N", 7, 37, make=grid)
    for number, op in enumerate(ops):
        if op == "Neg":
            y = g("Neg", y)
            continue
        scales = op in ("Mul", "Div")
        make = values.whole(1, 3) if g.t == "int32" else twos if scales else grid
        c = g.weight(f"c{number}", *dims, make=make)
        y = g(op, c, y) if turned else g(op, y, c)
    g.out(y)


@PATTERNS.add(
    types=("float32", "float16", "int64"),
    twists=("dynamic", "exposed_first", "reused"),
    variants={
        name: {"kind": name}
        for name in (
            *("mul_1", "div_1", "sub_0", "pow_1", "pad_0", "concat_1", "slice_all"),
            *(
                "expand_same",
                "tile_1",
                "transpose_same",
                "reshape_same",
                "cast_same",
                "identity",
            ),
            *("sum_1", "max_1", "clip_nothing", "where_true", "gather_all", "neg_neg"),
            *("not_not", "add_0_grows", "mul_1_grows", "reduce_nothing", "squeeze_nothing"),
        )
    },
)
def no_operation(g: Graph, kind: str = "add_0") -> None:
    """Something that changes nothing, or only seems to."""
    x = g.feed("x", 7, 37, make=values.nonzero)
    g.out(g("Abs", _nothing(g, x, kind)))


def _nothing(g: Graph, x: str, kind: str) -> str:
    zero, one = g.const(0.0), g.const(1.0)
    op, _, rest = kind.partition("_")
    if kind in ("add_0", "sub_0", "mul_1", "div_1", "pow_1"):
        return g(op.capitalize(), x, one if rest == "1" else zero)
    if kind == "add_0_grows":
        return g("Add", x, g.const([[[0.0]], [[0.0]]]))
    if kind == "mul_1_grows":
        return g("Mul", x, g.const([[[1.0]], [[1.0]], [[1.0]]]))
    if kind in ("neg_neg", "identity"):
        return g("Neg", g("Neg", x)) if op == "neg" else g("Identity", g("Identity", x))
    if kind == "not_not":
        less = g("Less", x, zero)
        return g("Where", g("Not", g("Not", less)), x, g("Add", x, one))
    if kind == "where_true":
        return g("Where", g.const(1.0, "bool"), x, g("Add", x, one))
    if kind in ("sum_1", "max_1"):
        return g("Max", x, x) if op == "max" or g.t == "int64" else g("Sum", x)
    return _not_moved(g, x, kind)


def _not_moved(g: Graph, x: str, kind: str) -> str:
    if kind == "cast_same":
        return g("Cast", x, to=_number(g.t))
    if kind == "clip_nothing":
        return g("Clip", x)
    if kind == "reduce_nothing":
        return g("ReduceSum", x, g.ints(), noop_with_empty_axes=1)
    if kind == "squeeze_nothing":
        return g("Squeeze", x)
    if kind == "concat_1":
        return g("Concat", x, axis=0)
    if kind == "slice_all":
        return g.slice(x, 0, 2**31 - 1, 0)
    if kind == "transpose_same":
        return g.transpose(x, 0, 1)
    if kind == "gather_all":
        return g("Gather", x, g.ints(*range(37)), axis=1)
    shapes = {
        "expand_same": ("Expand", (7, 37)),
        "tile_1": ("Tile", (1, 1)),
        "reshape_same": ("Reshape", (7, 37)),
        "pad_0": ("Pad", (0, 0, 0, 0)),
    }
    op, shape = shapes[kind]
    return g(op, x, g.ints(*shape))


@PATTERNS.add(
    types=("float32", "float64"),
    twists=("dynamic", "exposed_first", "exposed_last", "constant_nodes", "fed_weights"),
    variants={
        name: {"kind": name}
        for name in (
            *("transposed_weight", "scaled_weight", "cast_weight", "gathered_weight"),
            *("padded_weight", "range", "shape_of_weight", "computed_in_if", "one_hot"),
            *("concat_weight", "reduced_weight", "sequence", "nonzero", "dequantized_weight"),
        )
    },
)
def constant_part(g: Graph, kind: str = "matmul_of_weights") -> None:
    """A part of the graph that depends on weights alone."""
    x = g.feed("x", "N", 24)
    g.out(g("MatMul", x, _weight_part(g, kind)))


def _weight_part(g: Graph, kind: str) -> str:
    w = g.weight("w", 24, 24, make=around((24, 24)))
    if kind == "transposed_weight":
        return g.transpose(w, 1, 0)
    if kind == "scaled_weight":
        return g("Mul", w, g.weight("s", 24, 1, make=twos))
    if kind == "cast_weight":
        small = g.weight("small", 24, 24, dtype="float16")
        return g("Add", g("Cast", small, to=_number(g.t)), w)
    if kind == "gathered_weight":
        return g("Gather", w, g.ints(*reversed(range(24))), axis=0)
    if kind == "padded_weight":
        return g("Pad", g.slice(w, 0, 20, 1), g.ints(0, 0, 0, 4))
    if kind == "concat_weight":
        return g("Concat", w, g("Neg", w), axis=1)
    if kind == "reduced_weight":
        return g("Sub", w, g.reduce("ReduceMax", w, 1))
    if kind == "sequence":
        parts = g("SplitToSequence", w, g.integer(6), axis=1)
        return g("ConcatFromSequence", parts, axis=1)
    if kind == "nonzero":
        rows = g.reshape(g("NonZero", g.const(np.arange(24) % 3)), -1)
        return g("GatherElements", w, g("Expand", g.unsqueeze(rows, 0), g.ints(24, 16)), axis=1)
    return _computed_weight(g, kind, w)


def _computed_weight(g: Graph, kind: str, w: str) -> str:
    if kind == "range":
        steps = g(
            "Cast", g("Range", g.integer(0), g.integer(24), g.integer(1)), to=_number(g.t)
        )
        return g("Mul", w, g("Add", g("Mod", steps, g.const(2.0), fmod=1), g.const(1.0)))
    if kind == "shape_of_weight":
        size = g("Cast", g("Shape", w, end=1), to=_number(g.t))
        return g("Mul", w, g("Div", size, g.const(16.0)))
    if kind == "one_hot":
        hot = g(
            "OneHot", g.ints(*(k * 5 % 24 for k in range(24))), g.integer(24), g.const([0, 1])
        )
        return g("Add", w, hot)
    if kind == "computed_in_if":
        then, other = g.within(), g.within()
        graphs = [
            inner.subgraph(word, [], [inner(op, w)])
            for inner, word, op in ((then, "then", "Abs"), (other, "else", "Neg"))
        ]
        flag = g("Greater", g("Size", w), g.integer(5))
        return g("If", flag, then_branch=graphs[0], else_branch=graphs[1])
    if kind == "dequantized_weight":
        q = g.weight("q", 24, 24, dtype="int8", make=values.whole(-127, 128))
        low = g("DequantizeLinear", q, g.const(2.0**-9, "float32"))
        return g("Add", w, g("Cast", low, to=_number(g.t)))
    return g("MatMul", w, g.weight("v", 24, 24, make=around((24, 24))))


@PATTERNS.add(
    types=("float32", "float16"),
    twists=_FEW,
    variants={
        "other_attribute": {"kind": "attribute"},
        "other_constant": {"kind": "constant"},
        "random": {"kind": "shapes"},
        "operands": {"kind": "operands"},
        "not_commutative": {"kind": "turned"},
        "outputs": {"kind": "outputs"},
    },
)
def common_part(g: Graph, kind: str = "same") -> None:
    """The same computed twice, or nearly the same."""
    x, y = g.feed("x", "N", "L", 21), g.feed("y", "N", "L", 21)
    if kind == "attribute":
        a, b = g("Softmax", x, axis=-1), g("Softmax", x, axis=1)
    elif kind == "constant":
        a, b = g("Mul", x, g.const(1.5)), g("Mul", x, g.const(1.25))
    elif kind == "shapes":
        a, b = g.reduce("ReduceMax", x, 1), g.reduce("ReduceMax", x, 2)
    elif kind == "operands":
        a, b = g("Add", x, y), g("Add", y, x)
    elif kind == "turned":
        a, b = g("Sub", x, y), g("Sub", y, x)
    elif kind == "outputs":
        values_, indices = g.many(2, "TopK", x, g.ints(5), axis=-1)
        again = g.many(2, "TopK", x, g.ints(5), axis=-1, largest=0)
        g.out(g("Sub", values_, again[0]), g("Add", indices, again[1]))
        return
    else:
        a, b = (g("Tanh", g("Mul", x, y)) for _ in range(2))
    g.out(g("Max", a, g("Abs", b)), g("Neg", b))


@PATTERNS.add(
    types=("float32", "float16", "int64"),
    twists=(*_FEW, "branches"),
    variants={
        "negated": {"kind": "not"},
        "nested": {"kind": "nested"},
        "nan": {"kind": "zero"},
        "by_mul": {"kind": "mul"},
        "equal": {"kind": "equal"},
        "and_or": {"kind": "and_or"},
    },
)
def where_and_masks(g: Graph, kind: str = "plain") -> None:
    x, y = g.feed("x", "N", "L", 21), g.feed("y", "N", 1, 21)
    zero = g.const(0.0)
    less = g("Less", x, y)
    if kind == "not":
        z = g("Where", g("Not", less), x, y)
    elif kind == "nested":
        z = g("Where", less, g("Where", g("Greater", x, zero), x, g("Neg", x)), y)
    elif kind == "zero":
        z = g("Where", less, zero, g("Where", less, x, y))
    elif kind == "mul":
        z = g("Mul", x, g("Cast", less, to=_number(g.t)))
    elif kind == "equal":
        z = g("Where", g("Equal", g("Max", x, y), x), x, g.const(3.0))
    elif kind == "and_or":
        both = g("And", less, g("Greater", x, zero))
        z = g("Where", g("Or", both, g("Xor", less, both)), x, g.const(-2.0))
    else:
        z = g("Where", less, x, y)
    g.out(z)
