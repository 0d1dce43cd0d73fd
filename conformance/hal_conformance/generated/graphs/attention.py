"""Attention in its written-out forms, and rotary embedding.

Sources: ONNX Runtime's AttentionFusion, GroupQueryAttentionFusion, MatMulScaleFusion,
BiasSoftmaxFusion; OpenVINO's SDPAFusion, SDPAScaleFusion, SDPAReshapeFusion, RoPEFusion,
ScaledDotProductAttentionDecomposition; TensorRT's multi-head attention fusion.
"""

from __future__ import annotations

from typing import Any

from hal_conformance.generated import values
from hal_conformance.generated.draw import Draw
from hal_conformance.generated.graphs.matmul import linear, tokens
from hal_conformance.generated.graphs.patterns import OPSET, Patterns
from hal_conformance.generated.graphs.writing import Graph, grid

PATTERNS = Patterns()
_H, _D = 3, 8


def lower(_draw: Draw, shape: values.Shape, dtype: Any) -> Any:
    """True on and below the diagonal."""
    import numpy as np

    return values.as_type(np.tril(np.ones(shape)), dtype)


def heads(g: Graph, x: str, count: int = _H) -> str:
    """From (batch, length, width) to (batch, heads, length, width)."""
    return g.transpose(g.reshape(x, 0, 0, count, _D), 0, 2, 1, 3)


def scores(g: Graph, q: str, k: str, scale: str) -> str:
    """Products of queries and keys, scaled in one of the usual places."""
    number = g.const(_D**-0.5 if scale != "divided" else _D**0.5)
    if scale == "before":
        q = g("Mul", q, number)
    elif scale == "both":
        root = g.const(_D**-0.25)
        q, k = g("Mul", q, root), g("Mul", k, root)
    y = g("MatMul", q, g.transpose(k, 0, 1, 3, 2))
    if scale == "after":
        return g("Mul", y, number)
    return g("Div", y, number) if scale == "divided" else y


def masked(g: Graph, y: str, mask: str, queries: int | str, keys: int | str) -> str:
    """A mask on the scores."""
    if mask == "added":
        return g("Add", y, g.feed("mask", "N", 1, 1, keys))
    if mask == "added_full":
        return g("Add", y, g.feed("mask", "N", _H, queries, keys))
    keep = g.feed("keep", "N", 1, 1, keys, dtype="bool", make=values.cycle((1, 1, 0)))
    low = g.const(-1e4)
    if mask == "where":
        return g("Where", keep, y, low)
    if mask == "where_not":
        return g("Where", g("Not", keep), low, y)
    if mask == "infinite":
        return g("Where", keep, y, g.const(float("-inf")))
    one_less = g("Sub", g.const(1.0), g("Cast", keep, to=_number(g.t)))
    return g("Add", y, g("Mul", one_less, low))


def _number(t: str) -> int:
    from hal import dtypes

    return dtypes.of_name(t).number


@PATTERNS.add(
    types=("float32", "float16", "bfloat16", "float64"),
    opsets=(OPSET, 12, 14, 18),
    variants={
        "scaled_before": {"scale": "before"},
        "divided": {"scale": "divided"},
        "scaled_both": {"scale": "both"},
        "unscaled": {"scale": "none"},
        "mask_added": {"mask": "added"},
        "mask_full": {"mask": "added_full"},
        "mask_where": {"mask": "where"},
        "mask_where_not": {"mask": "where_not"},
        "mask_infinite": {"mask": "infinite"},
        "mask_of_ones": {"mask": "ones"},
        "mask_before_scale": {"mask": "added", "late": True},
        "softmax_axis_2": {"axis": 2},
        "probabilities_shown": {"shown": True},
        "one_query": {"queries": 1},
        "operator": {"op": True},
    },
)
def attention_written(
    g: Graph,
    scale: str = "after",
    mask: str = "",
    axis: int = -1,
    shown: bool = False,
    late: bool = False,
    queries: int | str = "L",
    op: bool = False,
) -> None:
    q = g.feed("q", "N", _H, queries, _D)
    k, v = (g.feed(name, "N", _H, "S", _D) for name in "kv")
    if op:
        g.opset = 24
        g.out(g("Relu", g("Attention", q, k, v)))
        return
    y = scores(g, q, k, "none" if late else scale)
    y = masked(g, y, mask, queries, "S") if mask else y
    y = g("Mul", y, g.const(_D**-0.5)) if late else y
    axis = 3 if g.opset < 13 and axis < 0 else axis
    p = g("Softmax", y, axis=axis)
    g.out(g("MatMul", p, v))
    if shown:
        g.out(p)


@PATTERNS.add(
    types=("float32", "float16"),
    variants={
        "mask_added": {"mask": "added"},
        "mask_where": {"mask": "where"},
        "one_projection": {"packed": True},
        "no_bias": {"bias": False},
        "residual": {"residual": True},
    },
    opsets=(OPSET, 13),
)
def self_attention(
    g: Graph, mask: str = "", packed: bool = False, bias: bool = True, residual: bool = False
) -> None:
    """The block of BERT: projections, heads, attention, projection back."""
    x, width = tokens(g), _H * _D
    if packed:
        parts = g.split(linear(g, x, out=3 * width, bias=bias), width, width, width, axis=-1)
    else:
        parts = [linear(g, x, out=width, name=f"_{name}", bias=bias) for name in "qkv"]
    q, k, v = (heads(g, part) for part in parts)
    y = scores(g, q, k, "divided")
    y = masked(g, y, mask, "L", "L") if mask else y
    y = g("MatMul", g("Softmax", y, axis=-1), v)
    y = g.reshape(g.transpose(y, 0, 2, 1, 3), 0, 0, width)
    y = linear(g, y, out=width, name="_out", bias=bias)
    g.out(g("Add", x, y) if residual else y)


@PATTERNS.add(variants={"expanded": {"how": "expand"}, "tiled": {"how": "tile"}})
def grouped_queries(g: Graph, how: str = "repeat") -> None:
    """Fewer keys than queries: each head of keys is repeated, in one order or the other."""
    q = g.feed("q", "N", 4, "L", _D)
    k, v = (_repeated(g, g.feed(name, "N", 2, "S", _D), how) for name in "kv")
    g.out(g("MatMul", g("Softmax", scores(g, q, k, "after"), axis=-1), v))


def _repeated(g: Graph, x: str, how: str) -> str:
    if how == "tile":
        return g("Tile", x, g.ints(1, 2, 1, 1))
    wide = g.unsqueeze(x, 2)
    if how == "expand":
        wide = g("Expand", wide, g.ints(1, 1, 2, 1, 1))
    else:
        wide = g("Concat", wide, wide, axis=2)
    shape = g("Shape", x)
    n, length = (g("Gather", shape, g.ints(k)) for k in (0, 2))
    return g("Reshape", wide, g("Concat", n, g.ints(4), length, g.ints(_D), axis=0))


@PATTERNS.add(variants={"shared": {"shared": True}})
def cached_attention(g: Graph, shared: bool = False) -> None:
    """Keys and values of earlier steps before the new ones; both go on as outputs."""
    q = g.feed("q", "N", _H, 1, _D)
    both: list[str] = []
    for name in "kv":
        past = g.feed(f"past_{name}", "N", _H, "S", _D)
        both.append(g("Concat", past, g.feed(name, "N", _H, 1, _D), axis=2))
    k, v = both[0], both[0 if shared else 1]
    g.out(
        g("MatMul", g("Softmax", scores(g, q, k, "after"), axis=-1), v), *dict.fromkeys((k, v))
    )


@PATTERNS.add(variants={"by_trilu": {"trilu": True}})
def causal_attention(g: Graph, trilu: bool = False) -> None:
    q, k, v = (g.feed(name, "N", _H, 7, _D) for name in "qkv")
    y = scores(g, q, k, "after")
    if trilu:
        ones = g("ConstantOfShape", g.ints(7, 7), value=_bools())
        mask = g("Cast", g("Trilu", g("Cast", ones, to=1), upper=0), to=9)
    else:
        mask = g.weight("mask", 7, 7, dtype="bool", make=lower)
    p = g("Softmax", g("Where", mask, y, g.const(-1e4)), axis=-1)
    g.out(g("MatMul", p, v))


def _bools() -> Any:
    from onnx import TensorProto, helper

    return helper.make_tensor("value", TensorProto.BOOL, [1], [True])


@PATTERNS.add(
    types=("float32", "float16"),
    variants={
        "interleaved": {"how": "interleaved"},
        "by_slices": {"how": "slices"},
        "partly": {"part": 4},
        "operator": {"how": "operator"},
        "sign_elsewhere": {"how": "sign"},
        "by_position": {"gathered": True},
    },
    opsets=(OPSET, 23),
)
def rotary_written(
    g: Graph, how: str = "split", part: int = _D, gathered: bool = False
) -> None:
    x = g.feed("x", "N", _H, 7, _D)
    half = part // 2
    if how == "operator":
        g.opset = 23
        caches = [g.feed(name, 2, 7, half) for name in ("cos", "sin")]
        g.out(g("Relu", g("RotaryEmbedding", x, *caches)))
        return
    cos, sin = (_cache(g, name, part, gathered=gathered) for name in ("cos", "sin"))
    rest = ""
    if part < _D:
        x, rest = g.split(x, part, _D - part, axis=-1)
    turned = _turned(g, x, half, how)
    y = g("Add", g("Mul", x, cos), g("Mul", turned, sin))
    g.out(g("Concat", y, rest, axis=-1) if rest else y)


def _cache(g: Graph, name: str, width: int, *, gathered: bool) -> str:
    if not gathered:
        return g.feed(name, 7, width)
    at = (
        "at" if name == "sin" else g.feed("at", "N", 7, dtype="int64", make=values.whole(0, 11))
    )
    return g.unsqueeze(g("Gather", g.weight(name, 11, width, make=grid), at), 1)


def _turned(g: Graph, x: str, half: int, how: str) -> str:
    """Half of the vector negated and exchanged with the other half."""
    if how == "interleaved":
        pairs = g.reshape(x, 0, 0, 0, half, 2)
        even, odd = g.split(pairs, 1, 1, axis=-1)
        return g("Reshape", g("Concat", g("Neg", odd), even, axis=-1), g("Shape", x))
    if how == "slices":
        first = g.slice(x, 0, half, 3)
        second = g.slice(x, half, 2**31 - 1, 3)
    else:
        first, second = g.split(x, half, half, axis=-1)
    if how == "sign":
        return g("Concat", second, g("Neg", first), axis=-1)
    return g("Concat", g("Neg", second), first, axis=-1)
