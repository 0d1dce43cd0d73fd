"""What compilers fold into matrix products: bias, activation, transposes, scale.

Sources: ONNX Runtime's MatMulAddFusion, GemmActivationFusion, GemmSumFusion,
GemmTransposeFusion, MatmulTransposeFusion, MatMulScaleFusion, MatmulBNFusion, BiasGeluFusion,
FastGeluFusion, QuickGeluFusion, SwiGluFusion, DynamicQuantizeMatMulFusion; OpenVINO's
MatMulMultiplyFusion, BroadcastMatMulFusion, GLUFusion, LoraSubgraphFusion,
EinsumDecomposition; TensorRT's MatrixMultiply and bias, Shuffle and MatrixMultiply.
"""

from __future__ import annotations

from typing import Any

from hal_conformance.generated import values
from hal_conformance.generated.graphs.activations import gelu
from hal_conformance.generated.graphs.convolution import activated, norm
from hal_conformance.generated.graphs.patterns import NARROW, OPSET, Patterns
from hal_conformance.generated.graphs.writing import Graph, around, grid

PATTERNS = Patterns()


def tokens(g: Graph, width: int = 24, name: str = "x") -> str:
    """A batch of sequences."""
    return g.feed(name, "N", "L", width)


def linear(
    g: Graph, x: str, width: int = 24, out: int = 37, *, name: str = "", bias: bool = True
) -> str:
    """A matrix product and a bias, as two nodes."""
    y = g("MatMul", x, g.weight(f"w{name}", width, out))
    return g("Add", y, g.weight(f"b{name}", out, make=grid)) if bias else y


@PATTERNS.add(
    types=("float32", *NARROW),
    opsets=(OPSET, 8, 13, 14, 24),
    variants={
        "two_dimensions": {"dims": ("M", 24)},
        "four_dimensions": {"dims": ("N", 3, "L", 24)},
        "vector": {"dims": (24,)},
        "bias_2d": {"bias": (1, 37)},
        "bias_3d": {"bias": (1, 1, 37)},
        "bias_4d": {"bias": (1, 1, 1, 37)},
        "bias_scalar": {"bias": ()},
        "bias_one": {"bias": (1,)},
        "bias_column": {"bias": (7, 1)},
        "bias_full": {"bias": (7, 37)},
        "bias_matrix_2d": {"dims": (7, 24), "bias": (7, 37)},
        "bias_column_2d": {"dims": (7, 24), "bias": (7, 1)},
        "bias_batch": {"bias": (2, 1, 37)},
        "bias_grows": {"dims": ("M", 24), "bias": (3, 1, 37)},
        "subtracted": {"op": "Sub"},
        "one_row": {"dims": (1, 24)},
        "long_sum": {"dims": (3, 300), "width": 300},
    },
)
def matmul_add(
    g: Graph,
    dims: tuple[int | str, ...] = ("N", "L", 24),
    bias: tuple[int, ...] = (37,),
    op: str = "Add",
    width: int = 24,
) -> None:
    y = g("MatMul", g.feed("x", *dims), g.weight("w", width, 37))
    g.out(g(op, y, g.weight("b", *bias, make=grid)))


@PATTERNS.add(
    types=("float32", "float16", "bfloat16"),
    variants={
        kind: {"kind": kind}
        for kind in ("tanh", "fast", "quick", "erf_divided", "erf_halved_last", "erf_wide")
    }
    | {"bias_3d": {"bias": (1, 1, 37)}},
    opsets=(OPSET, 9, 13, 14),
)
def matmul_add_gelu(g: Graph, kind: str = "erf", bias: tuple[int, ...] = (37,)) -> None:
    y = g("MatMul", tokens(g), g.weight("w", 24, 37))
    g.out(gelu(g, g("Add", y, g.weight("b", *bias, make=grid)), kind))


@PATTERNS.add(
    types=("float32", "float16", "float64"),
    variants={
        kind.lower(): {"kind": kind}
        for kind in ("Sigmoid", "Tanh", "LeakyRelu", "Elu", "Softplus", "Clip", "HardSigmoid")
    }
    | {
        "alpha_beta": {"alpha": 0.5, "beta": 2.0},
        "transposed": {"transB": 1},
        "both_transposed": {"transA": 1, "transB": 1},
        "no_bias": {"bias": None},
        "bias_scalar": {"bias": ()},
        "bias_column": {"bias": (5, 1)},
        "bias_full": {"bias": (5, 37)},
    },
    opsets=(OPSET, 7, 11, 13),
)
def gemm_activation(
    g: Graph, kind: str = "Relu", bias: tuple[int, ...] | None = (37,), **how: Any
) -> None:
    x = g.feed("x", 24, "M") if how.get("transA") else g.feed("x", "M", 24)
    w = g.weight("w", *((37, 24) if how.get("transB") else (24, 37)), make=around((24, 37)))
    inputs = [x, w] + ([g.weight("b", *bias, make=grid)] if bias is not None else [])
    g.out(activated(g, g("Gemm", *inputs, **how), kind))


@PATTERNS.add(
    variants={
        "beta": {"beta": 0.5},
        "with_bias": {"biased": True},
        "row": {"dims": (37,)},
        "column": {"dims": ("M", 1)},
        "alpha": {"alpha": 0.5},
    }
)
def gemm_sum(
    g: Graph, dims: tuple[int | str, ...] = ("M", 37), biased: bool = False, **how: Any
) -> None:
    inputs = [g.feed("x", "M", 24), g.weight("w", 24, 37)]
    inputs += [g.weight("b", 37, make=grid)] if biased else []
    g.out(g("Sum", g("Gemm", *inputs, **how), g.feed("addend", *dims)))


@PATTERNS.add(
    variants={
        "right": {"left": False},
        "already_transposed": {"transA": 1},
        "output": {"left": False, "last": True},
        "both": {"both": True},
    }
)
def transpose_gemm(
    g: Graph, left: bool = True, last: bool = False, both: bool = False, **how: Any
) -> None:
    turned = left != bool(how.get("transA"))
    x = g.feed("x", *((24, "M") if turned else ("M", 24)))
    x = g.transpose(x, 1, 0) if left else x
    w = g.weight("w", *((37, 24) if both else (24, 37)), make=around((24, 37)))
    w = g.transpose(w, 1, 0) if both else w
    y = g("Gemm", x, w, g.weight("b", 37, make=grid), **how)
    g.out(g.transpose(y, 1, 0) if last else y)


@PATTERNS.add(
    types=("float32", "float16", "float64"),
    variants={
        "left": {"left": (0, 1, 3, 2)},
        "both": {"left": (0, 1, 3, 2), "right": (0, 1, 3, 2)},
        "heads": {"right": (0, 2, 3, 1)},
        "batch_only": {"right": (1, 0, 2, 3)},
        "cast_between": {"cast": True},
    },
)
def transpose_matmul(
    g: Graph,
    left: tuple[int, ...] = (),
    right: tuple[int, ...] = (0, 1, 3, 2),
    cast: bool = False,
) -> None:
    wanted = ((2, 2, 7, 12), (2, 2, 12, 9))
    sides: list[str] = []
    for name, shape, perm in zip("ab", wanted, (left, right), strict=True):
        dims = [0, 0, 0, 0]
        for place, axis in enumerate(perm or range(4)):
            dims[axis] = shape[place]
        value = g.feed(name, *dims, dtype="float16" if cast else None)
        value = g.transpose(value, *perm) if perm else value
        sides.append(g("Cast", value, to=1) if cast else value)
    g.out(g("MatMul", *sides))


@PATTERNS.add(
    types=("float32", "float16"),
    variants={
        "before": {"place": "before"},
        "both": {"place": "both"},
        "divided": {"op": "Div"},
        "not_scalar": {"dims": (9,)},
        "not_constant": {"fed": True},
        "one_element": {"dims": (1,)},
        "more_dimensions": {"dims": (1, 1, 1, 1)},
    },
)
def matmul_scale(
    g: Graph,
    place: str = "after",
    op: str = "Mul",
    dims: tuple[int, ...] = (),
    fed: bool = False,
) -> None:
    a, b = g.feed("a", "N", 7, 12), g.feed("b", "N", 12, 9)
    given = g.feed if fed else g.weight
    scale = given("scale", *dims, make=g.factors)
    if place in ("before", "both"):
        a = g(op, a, scale)
    if place == "both":
        b = g(op, b, scale)
    y = g("MatMul", a, b)
    g.out(g(op, y, scale) if place == "after" else y)


@PATTERNS.add(
    variants={"transposed": {"perm": True}, "reshaped": {"shape": True}, "gemm": {"gemm": True}}
)
def matmul_bn(g: Graph, perm: bool = False, shape: bool = False, gemm: bool = False) -> None:
    if gemm or not perm:
        op = "Gemm" if gemm else "MatMul"
        y = g(op, g.feed("x", "M", 24), g.weight("w", 24, 19))
        y = g.reshape(y, -1, 19, 1, 1) if shape else y
    else:
        y = g("MatMul", tokens(g), g.weight("w", 24, 19))
        y = g.transpose(y, 0, 2, 1)
    g.out(norm(g, y, 19, epsilon=1e-3))


@PATTERNS.add(variants={"silu": {"kind": "Silu"}, "gelu": {"kind": "Gelu"}}, opsets=(22,))
def gated(g: Graph, kind: str = "Sigmoid") -> None:
    """GLU: one product split in two, one half the other's gate."""
    y = linear(g, tokens(g), out=38)
    a, b = g.split(y, 19, 19, axis=-1)
    g.out(g("Mul", a, activated(g, b, kind)))


@PATTERNS.add(types=("float32", "float16"), variants={"gelu": {"kind": "Gelu"}}, opsets=(22,))
def gated_two_products(g: Graph, kind: str = "Silu") -> None:
    """SwiGLU, and the product after it: a transformer's MLP."""
    x = tokens(g)
    gate = activated(g, linear(g, x, name="_gate", bias=False), kind)
    y = g("Mul", gate, linear(g, x, name="_up", bias=False))
    g.out(g("MatMul", y, g.weight("w_down", 37, 24)))


@PATTERNS.add(variants={"one_input": {"one": True}, "unequal": {"sizes": (8, 24, 5)}})
def parallel_products(
    g: Graph, sizes: tuple[int, ...] = (12, 12, 12), one: bool = False
) -> None:
    """Products of one input that may become one: query, key and value."""
    x = tokens(g)
    parts = [linear(g, x, out=size, name=str(k)) for k, size in enumerate(sizes)]
    g.out(g("Concat", *parts, axis=-1)) if one else g.out(*parts)


@PATTERNS.add(
    variants={
        "batched": {"equation": "bij,bjk->bik", "a": ("N", 7, 12), "b": ("N", 12, 9)},
        "heads": {"equation": "bihd,bjhd->bhij", "a": ("N", 7, 2, 8), "b": ("N", 5, 2, 8)},
        "outer": {"equation": "i,j->ij", "a": ("M",), "b": (9,)},
        "transposed": {"equation": "ij,jk->ki"},
    }
)
def einsum_add(
    g: Graph,
    equation: str = "ij,jk->ik",
    a: tuple[int | str, ...] = ("M", 12),
    b: tuple[int | str, ...] = (12, 9),
) -> None:
    y = g("Einsum", g.feed("a", *a), g.feed("b", *b), equation=equation)
    g.out(g("Relu", g("Add", y, g.weight("bias", 1, make=grid))))


@PATTERNS.add(variants={"scaled": {"scale": 0.5}, "wide": {"rank": 8}})
def lora(g: Graph, rank: int = 4, scale: float = 2.0) -> None:
    x = tokens(g)
    small = g("MatMul", g("MatMul", x, g.weight("a", 24, rank)), g.weight("b", rank, 37))
    small = g("Mul", small, g.const(scale))
    g.out(g("Add", linear(g, x, name="0", bias=False), small))


@PATTERNS.add(variants={"expanded_weight": {"on_weight": True}})
def broadcast_matmul(g: Graph, on_weight: bool = False) -> None:
    """A product with what was expanded: the copies need not be made."""
    x = tokens(g)
    w = g.weight("w", 1, 24, 9, make=around((24, 9)))
    if on_weight:
        n = g("Gather", g("Shape", x), g.ints(0))
        w = g("Expand", w, g("Concat", n, g.ints(1, 1), axis=0))
    else:
        x = g("Expand", g.unsqueeze(x, 1), g.ints(1, 3, 1, 1))
    g.out(g("MatMul", x, w))


@PATTERNS.add(types=("float32",), variants={"with_bias": {"bias": True}})
def dynamic_quantized_matmul(g: Graph, bias: bool = False) -> None:
    """DynamicQuantizeLinear, MatMulInteger, Cast, Mul: the form of dynamic quantisation."""
    q, scale, zero = g.many(3, "DynamicQuantizeLinear", g.feed("x", "M", 24))
    w = g.weight("w", 24, 37, dtype="int8", make=values.whole(-90, 91))
    y = g("Cast", g("MatMulInteger", q, w, zero), to=1)
    y = g("Mul", y, g("Mul", scale, g.weight("w_scale", 1, make=g.factors)))
    g.out(g("Add", y, g.weight("b", 37, make=grid)) if bias else y)
