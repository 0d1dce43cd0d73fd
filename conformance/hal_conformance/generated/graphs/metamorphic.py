"""Pairs of computations in one model that owe each other something, whatever the reference is.

"same" is only said where every legal implementation gives the same bits: movement, exact
arithmetic, powers of two, what works element by element on the same elements. Where another
order of summation or another kernel is legal, the relation is "near". Both sides read different
inputs or shapes, so that a compiler cannot take one for the other, except in the patterns of
`MERGED`, where the relation may hold because the compiler did.
"""

from __future__ import annotations

from collections.abc import Callable

from hal_conformance.generated import values
from hal_conformance.generated.graphs.attention import scores
from hal_conformance.generated.graphs.pairs import Pairs, Written
from hal_conformance.generated.graphs.writing import Graph, around, grid

PAIRS = Pairs()
MERGED = frozenset({"commuted", "nothing_between", "concat_slice"})
"""Patterns whose two sides a compiler may compute once."""


_FLOATS = ("float32", "float16", "bfloat16", "float64")
_UNARY = ("Exp", "Tanh", "Sigmoid", "Erf", "Sqrt", "Relu", "Softplus", "Floor", "Abs", "Log")
_EXACT = ("Relu", "Floor", "Abs", "Neg", "Ceil", "Round", "Sign")


def _positive(g: Graph, name: str = "x", *dims: int | str) -> str:
    return g.feed(name, *(dims or ("N", "L", 37)), make=values.between(0.25, 4))


@PAIRS.add("same", {op.lower(): {"op": op} for op in _EXACT}, ("float32", "float16"))
def split_batch_exact(g: Graph, op: str) -> Written:
    """The parts of a batch, and the batch."""
    x = g.feed("x", 6, "L", 37)
    parts = [g(op, part) for part in g.split(x, 1, 3, 2, axis=0)]
    return g(op, x), g("Concat", *parts, axis=0)


@PAIRS.add("near", {op.lower(): {"op": op} for op in _UNARY}, ("float32", "float16"))
def split_batch(g: Graph, op: str) -> Written:
    """A tail of a vector may be computed by another loop: near."""
    x = _positive(g, "x", 6, "L", 37)
    parts = [g(op, part) for part in g.split(x, 1, 3, 2, axis=0)]
    return g(op, x), g("Concat", *parts, axis=0)


@PAIRS.add(
    "near",
    {
        name: {"kind": name}
        for name in ("matmul", "conv", "softmax", "layer_norm", "mean", "pool", "attention")
    },
    ("float32", "float16"),
)
def split_batch_sums(g: Graph, kind: str) -> Written:
    x = g.feed("x", 5, 6, 8, 9)
    compute = _sums(g, kind)
    parts = [compute(part) for part in g.split(x, 2, 3, axis=0)]
    return compute(x), g("Concat", *parts, axis=0)


def _sums(g: Graph, kind: str) -> Callable[[str], str]:
    if kind == "matmul":
        w = g.weight("w", 9, 21)
        return lambda x: g("MatMul", x, w)
    if kind == "conv":
        w = g.weight("w", 11, 6, 3, 3)
        return lambda x: g("Conv", x, w, pads=[1, 1, 1, 1])
    if kind == "attention":
        return lambda x: g("MatMul", g("Softmax", scores(g, x, x, "after"), axis=-1), x)
    if kind == "layer_norm":
        w = g.weight("w", 9)
        return lambda x: g("LayerNormalization", x, w)
    if kind == "mean":
        return lambda x: g.reduce("ReduceMean", x, 2, 3)
    if kind == "pool":
        return lambda x: g("AveragePool", x, kernel_shape=[3, 2])
    return lambda x: g("Softmax", x, axis=-1)


@PAIRS.add(
    "same",
    {
        "matmul": {"kind": "matmul"},
        "conv": {"kind": "conv"},
        "sum": {"kind": "sum"},
        "relu": {"kind": "relu"},
        "mean": {"kind": "mean"},
        "leaky": {"kind": "leaky"},
        "max_pool": {"kind": "max_pool"},
    },
    ("float32",),
)
def power_of_two(g: Graph, kind: str, power: float = 4.0) -> Written:
    """Four times the input is four times the output, bit for bit: the same shapes, twice.

    Inputs are whole eighths, so that sums are exact in every order.
    """
    x = g.feed("x", 3, 6, 8, 9, make=grid)
    scaled = g.feed("scale", make=values.fixed(power))
    compute = _linear(g, kind)
    return g("Mul", compute(x), scaled), compute(g("Mul", x, scaled))


def _linear(g: Graph, kind: str) -> Callable[[str], str]:
    if kind == "matmul":
        w = g.weight("w", 9, 21, make=grid)
        return lambda x: g("MatMul", x, w)
    if kind == "conv":
        w = g.weight("w", 11, 6, 1, 1, make=grid)
        return lambda x: g("Conv", x, w)
    if kind == "sum":
        return lambda x: g.reduce("ReduceSum", x, -1)
    if kind == "mean":
        return lambda x: g("AveragePool", x, kernel_shape=[2, 2])
    if kind == "leaky":
        return lambda x: g("LeakyRelu", x, alpha=0.25)
    if kind == "max_pool":
        return lambda x: g("MaxPool", x, kernel_shape=[2, 3])
    return lambda x: g("Relu", x)


@PAIRS.add("same", {op.lower(): {"op": op} for op in ("Mul", "Add", "Sub")}, _FLOATS)
def power_of_two_elementwise(g: Graph, op: str) -> Written:
    """Correctly rounded operators commute with powers of two while nothing overflows."""
    a, b = _positive(g, "a"), _positive(g, "b")
    two = g.feed("two", make=values.fixed(2.0))
    other = b if op == "Mul" else g("Mul", b, two)
    return g("Mul", g(op, a, b), two), g(op, g("Mul", a, two), other)


@PAIRS.add(
    "same",
    {"add": {"op": "Add"}, "mul": {"op": "Mul"}, "max": {"op": "Max"}, "min": {"op": "Min"}},
    _FLOATS,
)
def commuted(g: Graph, op: str) -> Written:
    a, b = g.feed("a", "N", "L", 37), g.feed("b", "L", 1)
    return g(op, a, b), g(op, b, a)


@PAIRS.add("same", types=("float32", "float16", "int64", "uint8"))
def concat_slice(g: Graph) -> Written:
    """What was joined and is taken out again is what it was."""
    a, b = g.feed("a", "N", "L", 13), g.feed("b", "N", "L", 24)
    y = g("Concat", a, b, axis=-1)
    return g("Max", g.slice(y, 13, 37, 2), b), g("Min", b, b)


@PAIRS.add(
    "same",
    {
        "slice": {"how": "slice"},
        "reverse_sequence": {"how": "reverse_sequence"},
        "transpose": {"how": "transpose"},
        "gather": {"how": "gather"},
        "space": {"how": "space"},
        "scatter": {"how": "scatter"},
        "pad": {"how": "pad"},
        "reshape": {"how": "reshape"},
        "sequence": {"how": "sequence"},
    },
    ("float32", "int32"),
)
def there_and_back(g: Graph, how: str) -> Written:
    """A movement and its inverse."""
    x = g.feed("x", 4, 6, 8, 10)
    y = g("Abs", x)
    least = -(2**31)
    if how == "slice":
        y = g.slice(g.slice(y, -1, least, 3, -1), -1, least, 3, -1)
    elif how == "reverse_sequence":
        lengths = g.feed("lengths", 6, dtype="int64", make=values.whole(1, 5))
        for _ in range(2):
            y = g("ReverseSequence", y, lengths, time_axis=0, batch_axis=1)
    elif how == "transpose":
        y = g.transpose(g.transpose(y, 3, 1, 0, 2), 2, 1, 3, 0)
    elif how == "gather":
        order = g.feed("order", 10, dtype="int64", make=values.shuffled)
        back = g.many(2, "TopK", order, g.ints(10), largest=0)[1]
        y = g("Gather", g("Gather", y, order, axis=3), back, axis=3)
    elif how == "space":
        y = g("DepthToSpace", g("SpaceToDepth", y, blocksize=2), blocksize=2)
    elif how == "scatter":
        order = g.unsqueeze(g.feed("order", 4, dtype="int64", make=values.shuffled), 1)
        y = g("ScatterND", g("Neg", y), order, g("GatherND", y, order))
    elif how == "pad":
        y = g("Pad", y, g.ints(0, 1, 2, 0, 0, 0, 3, 1))
        y = g("Pad", y, g.ints(0, -1, -2, 0, 0, 0, -3, -1))
    elif how == "sequence":
        y = g("ConcatFromSequence", g("SplitToSequence", y, g.integer(3), axis=3), axis=3)
    else:
        y = g.reshape(g.reshape(y, 10, -1), 4, 6, 8, 10)
    return g("Neg", y), g("Neg", g("Abs", x))


@PAIRS.add(
    "near", {op.lower(): {"op": op} for op in ("MatMul", "Add", "Max")}, ("float32", "float16")
)
def transposed(g: Graph, op: str) -> Written:
    """(A B)^T = B^T A^T, and what works by element commutes with turning."""
    a = g.feed("a", 7, 12)
    b = g.feed("b", *((12, 9) if op == "MatMul" else (7, 12)))
    y = g.transpose(g(op, a, b), 1, 0)
    a, b = g.transpose(a, 1, 0), g.transpose(b, 1, 0)
    return y, g(op, b, a) if op == "MatMul" else g(op, a, b)


@PAIRS.add(
    "near",
    {name: {"kind": name} for name in ("conv", "max_pool", "average_pool", "batch", "softmax")},
    ("float32", "float16"),
)
def channels_last(g: Graph, kind: str) -> Written:
    """Height and width exchanged before and after."""
    x = g.feed("x", "N", 6, 8, 9)
    turned = g.transpose(x, 0, 1, 3, 2)
    if kind == "conv":
        w = g.weight("w", 11, 6, 3, 2)
        y, z = g("Conv", x, w), g("Conv", turned, g.transpose(w, 0, 1, 3, 2))
    elif kind == "batch":
        ws = [g.weight(f"w{k}", 6, make=values.positive) for k in range(4)]
        y, z = (g("BatchNormalization", each, *ws) for each in (x, turned))
    elif kind == "softmax":
        y, z = g("Softmax", x, axis=2), g("Softmax", turned, axis=3)
    else:
        op = "MaxPool" if kind == "max_pool" else "AveragePool"
        y, z = g(op, x, kernel_shape=[3, 2]), g(op, turned, kernel_shape=[2, 3])
    return y, g.transpose(z, 0, 1, 3, 2)


@PAIRS.add(
    "near",
    {name: {"kind": name} for name in ("matmul", "conv", "softmax", "layer_norm", "mean")},
    ("float32", "float16"),
)
def permuted(g: Graph, kind: str) -> Written:
    """Samples in another order: outputs in that order."""
    x = g.feed("x", 5, 6, 8, 9)
    order = g.feed("order", 5, dtype="int64", make=values.shuffled)
    compute = _sums(g, kind)
    return g("Gather", compute(x), order), compute(g("Gather", x, order))


@PAIRS.add("near", {"sum": {}, "with_product": {"product": True}}, ("float32", "float64"))
def permuted_sum(g: Graph, product: bool = False) -> Written:
    """Terms in another order."""
    x = g.feed("x", "N", 37)
    order = g.feed("order", 37, dtype="int64", make=values.shuffled)
    y = g("Gather", x, order, axis=1)
    if product:
        w = g.weight("w", 37, 13)
        return g("MatMul", x, w), g("MatMul", y, g("Gather", w, order, axis=0))
    return g.reduce("ReduceSum", x, 1), g.reduce("ReduceSum", y, 1)


@PAIRS.add(
    "near", {"plain": {}, "exclusive": {"exclusive": 1}}, ("float32", "float64", "int32")
)
def cumulative_sums(g: Graph, exclusive: int = 0) -> Written:
    """From the back, and from the front of what was turned round."""
    x = g.feed("x", "N", 37)
    axis = g.const(1, "int32")
    turned = g.slice(x, -1, -(2**31), 1, -1)
    y = g("CumSum", turned, axis, exclusive=exclusive)
    return (
        g("CumSum", x, axis, reverse=1, exclusive=exclusive),
        g.slice(y, -1, -(2**31), 1, -1),
    )


@PAIRS.add("same", types=("float32", "int32", "uint8", "float16"))
def sorted_twice(g: Graph) -> Written:
    """The k largest of a shuffled row are those of the row."""
    x = g.feed("x", "N", 37)
    order = g.feed("order", 37, dtype="int64", make=values.shuffled)
    first = g.many(2, "TopK", x, g.ints(9), axis=1)[0]
    return first, g.many(2, "TopK", g("Gather", x, order, axis=1), g.ints(9), axis=1)[0]


@PAIRS.add("near", {"im2col": {}, "strided": {"stride": 2}}, ("float32",))
def conv_as_matmul(g: Graph, stride: int = 1) -> Written:
    """A pointwise convolution is a product of matrices."""
    x, w = g.feed("x", "N", 13, 8, 6), g.weight("w", 11, 13, 1, 1)
    y = g("Conv", x, w, strides=[stride, stride])
    cut = g.slice(g.slice(x, 0, 99, 2, stride), 0, 99, 3, stride)
    turned = g("MatMul", g.transpose(cut, 0, 2, 3, 1), g("Transpose", g.reshape(w, 11, 13)))
    return y, g.transpose(turned, 0, 3, 1, 2)


@PAIRS.add("near", {"plain": {}, "with_bias": {"bias": True}}, ("float32", "float16"))
def blocks(g: Graph, bias: bool = False) -> Written:
    """A product by blocks of its inner dimension."""
    x, w = g.feed("x", "M", 48), g.weight("w", 48, 19, make=around((48, 19)))
    first = g("MatMul", g.slice(x, 0, 20, 1), g.slice(w, 0, 20, 0))
    second = g("MatMul", g.slice(x, 20, 48, 1), g.slice(w, 20, 48, 0))
    y, z = g("MatMul", x, w), g("Add", first, second)
    if bias:
        b = g.weight("b", 19, make=grid)
        y, z = g("Add", y, b), g("Add", z, b)
    return y, z


@PAIRS.add(
    "same", {"identity": {}, "dropout": {"op": "Dropout"}}, ("float32", "float16", "float64")
)
def nothing_between(g: Graph, op: str = "Identity") -> Written:
    """Operators that hand on what they get; what follows sees another shape."""
    x = g.feed("x", "N", "L", 37)
    y = g("Neg", g(op, g("Abs", x)))
    return g("Mul", y, g.const(2.0)), g.reshape(g("Add", y, y), 0, 0, 37)
