"""Pairs of computations in one model that owe each other something, whatever the reference is.

"same" is only said where every legal implementation gives the same bits: movement, exact
arithmetic, powers of two, what works element by element on the same elements. Where another
order of summation or another kernel is legal, the relation is "near". Both sides read different
inputs or shapes, so that a compiler cannot take one for the other, except in the patterns of
`MERGED`, where the relation may hold because the compiler did.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from hal_conformance.generated import values
from hal_conformance.generated.graphs.activations import FORMS, gelu
from hal_conformance.generated.graphs.attention import scores
from hal_conformance.generated.graphs.modelling import Same, source_of
from hal_conformance.generated.graphs.normalisation import layer_norm
from hal_conformance.generated.graphs.twists import PLAIN, TWISTS
from hal_conformance.generated.graphs.writing import Graph, around, grid
from hal_conformance.generated.source import Relation, Source

OPSET = 21
MERGED = frozenset({"commuted", "nothing_between", "concat_slice"})
"""Patterns whose two sides a compiler may compute once."""

Kind = Literal["same", "near"]
Written = tuple[str, str]


@dataclass(frozen=True)
class Pair:
    """Two values of one graph, and what they owe each other."""

    name: str
    kind: Kind
    write: Callable[..., Written]
    variants: Mapping[str, Mapping[str, Any]]
    types: Sequence[str]
    opset: int

    def cases(self) -> Iterator[Source]:
        """A case a variant, in each type; and one of open sizes."""
        for label, arguments in self.variants.items():
            for t in self.types:
                yield self._case(label, t, dynamic=False, arguments=arguments)
        label, arguments = next(iter(self.variants.items()))
        try:
            yield self._case(
                f"{label}_dynamic", self.types[0], dynamic=True, arguments=arguments
            )
        except Same:  # its sizes are all fixed
            return

    def _case(
        self, label: str, t: str, *, dynamic: bool, arguments: Mapping[str, Any]
    ) -> Source:
        opset = max(self.opset, 24) if t == "bfloat16" else self.opset
        twist = TWISTS["dynamic"] if dynamic else PLAIN
        graph = Graph(f"graphs/metamorphic/{self.name}/{t}/{label}", t, opset, twist)
        left, right = self.write(graph, **arguments)
        graph.out(left, right)
        return source_of(graph, label, [Relation(self.kind, left, right)])


PAIRS: list[Pair] = []


def _pair(
    kind: Kind,
    variants: Mapping[str, Mapping[str, Any]] | None = None,
    types: Sequence[str] = ("float32",),
    opset: int = OPSET,
) -> Callable[[Callable[..., Written]], Callable[..., Written]]:
    def registered(write: Callable[..., Written]) -> Callable[..., Written]:
        name = write.__name__.strip("_")
        PAIRS.append(Pair(name, kind, write, variants or {"plain": {}}, types, opset))
        return write

    return registered


_FLOATS = ("float32", "float16", "bfloat16", "float64")
_UNARY = ("Exp", "Tanh", "Sigmoid", "Erf", "Sqrt", "Relu", "Softplus", "Floor", "Abs", "Log")
_EXACT = ("Relu", "Floor", "Abs", "Neg", "Ceil", "Round", "Sign")


def _positive(g: Graph, name: str = "x", *dims: int | str) -> str:
    return g.feed(name, *(dims or ("N", "L", 37)), make=values.between(0.25, 4))


@_pair("same", {op.lower(): {"op": op} for op in _EXACT}, ("float32", "float16"))
def split_batch_exact(g: Graph, op: str) -> Written:
    """The parts of a batch, and the batch."""
    x = g.feed("x", 6, "L", 37)
    parts = [g(op, part) for part in g.split(x, 1, 3, 2, axis=0)]
    return g(op, x), g("Concat", *parts, axis=0)


@_pair("near", {op.lower(): {"op": op} for op in _UNARY}, ("float32", "float16"))
def split_batch(g: Graph, op: str) -> Written:
    """A tail of a vector may be computed by another loop: near."""
    x = _positive(g, "x", 6, "L", 37)
    parts = [g(op, part) for part in g.split(x, 1, 3, 2, axis=0)]
    return g(op, x), g("Concat", *parts, axis=0)


@_pair(
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


@_pair(
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


@_pair("same", {op.lower(): {"op": op} for op in ("Mul", "Add", "Sub")}, _FLOATS)
def power_of_two_elementwise(g: Graph, op: str) -> Written:
    """Correctly rounded operators commute with powers of two while nothing overflows."""
    a, b = _positive(g, "a"), _positive(g, "b")
    two = g.feed("two", make=values.fixed(2.0))
    other = b if op == "Mul" else g("Mul", b, two)
    return g("Mul", g(op, a, b), two), g(op, g("Mul", a, two), other)


@_pair(
    "same",
    {"add": {"op": "Add"}, "mul": {"op": "Mul"}, "max": {"op": "Max"}, "min": {"op": "Min"}},
    _FLOATS,
)
def commuted(g: Graph, op: str) -> Written:
    a, b = g.feed("a", "N", "L", 37), g.feed("b", "L", 1)
    return g(op, a, b), g(op, b, a)


@_pair("same", types=("float32", "float16", "int64", "uint8"))
def concat_slice(g: Graph) -> Written:
    """What was joined and is taken out again is what it was."""
    a, b = g.feed("a", "N", "L", 13), g.feed("b", "N", "L", 24)
    y = g("Concat", a, b, axis=-1)
    return g("Max", g.slice(y, 13, 37, 2), b), g("Min", b, b)


@_pair(
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


@_pair(
    "near", {op.lower(): {"op": op} for op in ("MatMul", "Add", "Max")}, ("float32", "float16")
)
def transposed(g: Graph, op: str) -> Written:
    """(A B)^T = B^T A^T, and what works by element commutes with turning."""
    a = g.feed("a", 7, 12)
    b = g.feed("b", *((12, 9) if op == "MatMul" else (7, 12)))
    y = g.transpose(g(op, a, b), 1, 0)
    a, b = g.transpose(a, 1, 0), g.transpose(b, 1, 0)
    return y, g(op, b, a) if op == "MatMul" else g(op, a, b)


@_pair(
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


@_pair(
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


@_pair("near", {"sum": {}, "with_product": {"product": True}}, ("float32", "float64"))
def permuted_sum(g: Graph, product: bool = False) -> Written:
    """Terms in another order."""
    x = g.feed("x", "N", 37)
    order = g.feed("order", 37, dtype="int64", make=values.shuffled)
    y = g("Gather", x, order, axis=1)
    if product:
        w = g.weight("w", 37, 13)
        return g("MatMul", x, w), g("MatMul", y, g("Gather", w, order, axis=0))
    return g.reduce("ReduceSum", x, 1), g.reduce("ReduceSum", y, 1)


@_pair("near", {"plain": {}, "exclusive": {"exclusive": 1}}, ("float32", "float64", "int32"))
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


@_pair("same", types=("float32", "int32", "uint8", "float16"))
def sorted_twice(g: Graph) -> Written:
    """The k largest of a shuffled row are those of the row."""
    x = g.feed("x", "N", 37)
    order = g.feed("order", 37, dtype="int64", make=values.shuffled)
    first = g.many(2, "TopK", x, g.ints(9), axis=1)[0]
    return first, g.many(2, "TopK", g("Gather", x, order, axis=1), g.ints(9), axis=1)[0]


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


@_pair("near", {name: {"name": name} for name in _OPERATORS}, ("float32", "float16"), 24)
def activation_and_body(g: Graph, name: str) -> Written:
    """An operator, and what it stands for."""
    x = g.feed("x", "N", "L", 37, make=values.between(-3, 3))
    op, how = _OPERATORS[name]
    return g(op, x, **how), FORMS[name](g, x)


@_pair(
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


@_pair("near", {"im2col": {}, "strided": {"stride": 2}}, ("float32",))
def conv_as_matmul(g: Graph, stride: int = 1) -> Written:
    """A pointwise convolution is a product of matrices."""
    x, w = g.feed("x", "N", 13, 8, 6), g.weight("w", 11, 13, 1, 1)
    y = g("Conv", x, w, strides=[stride, stride])
    cut = g.slice(g.slice(x, 0, 99, 2, stride), 0, 99, 3, stride)
    turned = g("MatMul", g.transpose(cut, 0, 2, 3, 1), g("Transpose", g.reshape(w, 11, 13)))
    return y, g.transpose(turned, 0, 3, 1, 2)


@_pair("near", {"plain": {}, "with_bias": {"bias": True}}, ("float32", "float16"))
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


@_pair(
    "same", {"identity": {}, "dropout": {"op": "Dropout"}}, ("float32", "float16", "float64")
)
def nothing_between(g: Graph, op: str = "Identity") -> Written:
    """Operators that hand on what they get; what follows sees another shape."""
    x = g.feed("x", "N", "L", 37)
    y = g("Neg", g(op, g("Abs", x)))
    return g("Mul", y, g.const(2.0)), g.reshape(g("Add", y, y), 0, 0, 37)


def cases() -> Iterator[Source]:
    """Every pair."""
    for pair in PAIRS:
        yield from pair.cases()
