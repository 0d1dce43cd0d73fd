"""Normalisations and softmax in their written-out forms.

Sources: ONNX Runtime's LayerNormFusion, SimplifiedLayerNormFusion, SkipLayerNormFusion,
BiasSkipLayerNormFusion, EmbedLayerNormFusion, BiasSoftmaxFusion; OpenVINO's MVNFusion,
RMSFusion, GroupNormalizationFusion, NormalizeL2Fusion, SoftmaxFusion, BatchNormDecomposition;
TensorRT's reduction and normalisation patterns.
"""

from __future__ import annotations

from typing import Any

from hal_conformance.generated import values
from hal_conformance.generated.graphs.matmul import linear, tokens
from hal_conformance.generated.graphs.patterns import OPSET, Patterns
from hal_conformance.generated.graphs.writing import Graph, around, grid, scaled

PATTERNS = Patterns()
_TYPES = ("float32", "float16", "bfloat16", "float64")


def layer_norm(
    g: Graph,
    x: str,
    width: int = 37,
    *,
    axes: tuple[int, ...] = (-1,),
    epsilon: float = 1e-5,
    square: str = "pow",
    scale: bool = True,
    bias: bool = True,
    root: str = "sqrt",
    dims: tuple[int, ...] | None = None,
) -> str:
    """(x - mean) / sqrt(mean((x - mean)^2) + epsilon) * scale + bias."""
    mean = g.reduce("ReduceMean", x, *axes)
    d = g("Sub", x, mean)
    if square == "pow":
        squared = g("Pow", d, g.const(2.0))
    elif square == "twice":
        again = g("Sub", x, mean)
        squared = g("Pow", again, g.const(2.0))
    else:
        squared = g("Mul", d, d)
    variance = g("Add", g.reduce("ReduceMean", squared, *axes), g.const(epsilon))
    if root == "sqrt":
        y = g("Div", d, g("Sqrt", variance))
    elif root == "reciprocal":
        y = g("Mul", d, g("Reciprocal", g("Sqrt", variance)))
    else:
        y = g("Mul", d, g("Pow", variance, g.const(-0.5)))
    dims = (width,) if dims is None else dims
    y = g("Mul", y, g.weight("scale", *dims, make=values.positive)) if scale else y
    return g("Add", y, g.weight("bias", *dims, make=grid)) if bias else y


@PATTERNS.add(
    types=_TYPES,
    opsets=(OPSET, 13, 17, 18),
    variants={
        "squared_by_mul": {"square": "mul"},
        "subtracted_twice": {"square": "twice"},
        "reciprocal": {"root": "reciprocal"},
        "power": {"root": "pow"},
        "no_bias": {"bias": False},
        "no_scale": {"scale": False, "bias": False},
        "bias_without_scale": {"scale": False},
        "epsilon_large": {"epsilon": 0.5},
        "epsilon_small": {"epsilon": 1e-12},
        "axis_1": {"axes": (1,), "dims": (7, 1)},
        "positive_axis": {"axes": (2,)},
        "two_axes": {"axes": (-2, -1), "dims": (7, 37)},
        "axes_apart": {"axes": (0, 2)},
        "scale_3d": {"dims": (1, 1, 37)},
        "scale_scalar": {"dims": ()},
        "scale_by_row": {"dims": (7, 37)},
        "scale_column": {"dims": (7, 1)},
    },
)
def layer_norm_written(g: Graph, **how: Any) -> None:
    g.out(layer_norm(g, g.feed("x", "N", 7, 37), **how))


@PATTERNS.add(twists=("exposed_last", "reused", "dynamic", "swapped", "branches"))
def layer_norm_epsilon_beside(g: Graph) -> None:
    """Epsilon is added to the root, not below it: no layer normalisation."""
    x = g.feed("x", "N", "L", 37)
    d = g("Sub", x, g.reduce("ReduceMean", x, -1))
    root = g("Sqrt", g.reduce("ReduceMean", g("Mul", d, d), -1))
    g.out(g("Div", d, g("Add", root, g.const(0.125))))


@PATTERNS.add(
    types=_TYPES,
    opsets=(OPSET, 14, 18),
    variants={
        "pow": {"square": "pow"},
        "reciprocal": {"root": "reciprocal"},
        "root_power": {"root": "pow"},
        "scale_first": {"first": True},
        "epsilon_large": {"epsilon": 0.5},
        "axis_1": {"axis": 1, "dims": (7, 1)},
        "two_axes": {"more": True, "dims": (7, 37)},
        "cast_inside": {"cast": True},
        "no_scale": {"dims": None},
    },
)
def rms_norm_written(
    g: Graph,
    square: str = "mul",
    root: str = "sqrt",
    first: bool = False,
    epsilon: float = 1e-5,
    axis: int = -1,
    dims: tuple[int, ...] | None = (37,),
    cast: bool = False,
    more: bool = False,
) -> None:
    x = g.feed("x", "N", 7, 37, dtype="float16" if cast else None)
    wide = g("Cast", x, to=1) if cast else x
    squared = g("Pow", wide, g.const(2.0)) if square == "pow" else g("Mul", wide, wide)
    axes = (1, 2) if more else (axis,)
    mean = g("Add", g.reduce("ReduceMean", squared, *axes), g.const(epsilon))
    if root == "sqrt":
        y = g("Div", wide, g("Sqrt", mean))
    elif root == "reciprocal":
        y = g("Mul", wide, g("Reciprocal", g("Sqrt", mean)))
    else:
        y = g("Mul", wide, g("Pow", mean, g.const(-0.5)))
    y = g("Cast", y, to=10) if cast else y
    if dims is not None:
        scale = g.weight(
            "scale", *dims, make=values.positive, dtype="float16" if cast else None
        )
        y = g("Mul", scale, y) if first else g("Mul", y, scale)
    g.out(y)


@PATTERNS.add(
    types=("float32", "float16"),
    variants={
        "same_twice": {"twice": True},
        "bias": {"biased": True},
        "sum_as_output": {"shown": True},
        "broadcast_row": {"dims": (37,)},
        "broadcast_batch": {"dims": (1, "L", 37)},
        "operator": {"op": True},
        "operator_sum_as_output": {"op": True, "shown": True},
        "rms_operator": {"op": True, "rms": True},
    },
    opsets=(24, 17),
)
def skip_layer_norm(
    g: Graph,
    twice: bool = False,
    biased: bool = False,
    shown: bool = False,
    dims: tuple[int | str, ...] = ("N", "L", 37),
    op: bool = False,
    rms: bool = False,
) -> None:
    x = tokens(g, 37)
    x = g("Add", x, g.weight("b", 37, make=grid)) if biased else x
    y = g("Add", x, x if twice else g.feed("skip", *dims))
    if op:
        weights = [g.weight("scale", 37, make=values.positive)]
        weights += [] if rms else [g.weight("bias", 37, make=grid)]
        name = "RMSNormalization" if rms else "LayerNormalization"
        g.out(g(name, y, *weights, axis=-1))
    else:
        g.out(layer_norm(g, y))
    if shown:
        g.out(y)


@PATTERNS.add(
    variants={
        "two_embeddings": {"segments": True},
        "by_position": {"positions": True},
        "int32": {"index": "int32"},
        "positions_fed": {"positions": True, "fed": True},
    }
)
def embedding_layer_norm(
    g: Graph,
    segments: bool = False,
    positions: bool = False,
    fed: bool = False,
    index: str = "int64",
) -> None:
    ids = g.feed("ids", "N", "L", dtype=index, make=values.whole(0, 29))
    y = g("Gather", g.weight("words", 29, 24, make=grid), ids, axis=0)
    table = g.weight("places", 16, 24, make=grid)
    if fed:
        y = g("Add", y, g("Gather", table, g.feed("at", "L", dtype="int64", make=_places)))
    elif positions:
        length = g("Gather", g("Shape", ids), g.ints(1))
        y = g("Add", y, g("Slice", table, g.ints(0), length, g.ints(0)))
    if segments:
        kinds = g.feed("kinds", "N", "L", dtype=index, make=values.whole(0, 2))
        y = g("Add", y, g("Gather", g.weight("kind_table", 2, 24, make=grid), kinds))
    g.out(layer_norm(g, y, 24))


_places = values.whole(0, 16)


@PATTERNS.add(
    types=("float32", "float16"),
    variants={
        "operator": {"op": "GroupNormalization"},
        "instance_operator": {"op": "InstanceNormalization"},
        "four_groups": {"groups": 4},
        "one_group": {"groups": 1},
        "every_channel": {"groups": 12},
        "epsilon_large": {"epsilon": 0.25},
        "silu": {"silu": True},
        "no_affine": {"affine": False},
    },
    opsets=(OPSET, 22),
)
def group_norm_written(
    g: Graph,
    groups: int = 3,
    op: str = "InstanceNormalization",
    epsilon: float = 1e-5,
    affine: bool = True,
    silu: bool = False,
) -> None:
    """Reshape, instance normalisation, reshape back, scale and shift: as it is exported."""
    x = g.feed("x", 2, 12, 9, 5)
    if op == "GroupNormalization":
        scale = g.weight("scale", 12, make=values.positive)
        y = g(op, x, scale, g.weight("bias", 12), num_groups=groups, epsilon=epsilon)
        g.out_as(y, 2, 12, 9, 5)
        return
    y = g.reshape(x, 0, groups, -1)
    ones, zeros = g.const([1.0] * groups), g.const([0.0] * groups)
    y = g(op, y, ones, zeros, epsilon=epsilon)
    y = g("Reshape", y, g("Shape", x))
    if affine:
        y = g("Mul", y, g.weight("scale", 12, 1, 1, make=values.positive))
        y = g("Add", y, g.weight("bias", 12, 1, 1, make=grid))
    g.out(g("Mul", y, g("Sigmoid", y)) if silu else y)


@PATTERNS.add(
    variants={
        "channels": {"axes": (0, 2, 3)},
        "unbiased_root": {"epsilon_inside": False},
        "mvn_operator": {"op": True},
    }
)
def mean_variance_written(
    g: Graph, axes: tuple[int, ...] = (2, 3), epsilon_inside: bool = True, op: bool = False
) -> None:
    x = g.feed("x", "N", 5, "H", "W")
    if op:
        g.out(
            g("Add", g("MeanVarianceNormalization", x, axes=[0, 2, 3]), g.weight("b", 5, 1, 1))
        )
        return
    d = g("Sub", x, g.reduce("ReduceMean", x, *axes))
    variance = g.reduce("ReduceMean", g("Mul", d, d), *axes)
    small = g.const(0.0625)
    root = g("Sqrt", g("Add", variance, small)) if epsilon_inside else None
    g.out(g("Div", d, root or g("Add", g("Sqrt", variance), small)))


@PATTERNS.add(
    types=_TYPES,
    variants={
        "axis_1": {"axis": 1},
        "no_maximum": {"shifted": False},
        "logarithm": {"log": True},
        "by_reciprocal": {"reciprocal": True},
        "biased": {"biased": True},
        "sum_of_other_axis": {"other": True},
    },
    opsets=(OPSET, 13),
)
def softmax_written(
    g: Graph,
    axis: int = -1,
    shifted: bool = True,
    log: bool = False,
    reciprocal: bool = False,
    biased: bool = False,
    other: bool = False,
) -> None:
    x = g.feed("x", "N", "L", 21)
    x = g("Add", x, g.feed("bias", "N", 1, 21)) if biased else x
    x = g("Sub", x, g.reduce("ReduceMax", x, axis)) if shifted else x
    e = g("Exp", x)
    total = g.reduce("ReduceSum", e, 1 if other else axis)
    if log:
        g.out(g("Sub", x, g("Log", total)))
    elif reciprocal:
        g.out(g("Mul", e, g("Reciprocal", total)))
    else:
        g.out(g("Div", e, total))


@PATTERNS.add(
    types=("float32", "float16", "bfloat16"),
    variants={
        "axis_1": {"axis": 1},
        "bias_row": {"dims": (21,)},
        "bias_full": {"dims": ("N", 3, "L", 21)},
        "log_of_softmax": {"log": True},
        "scaled": {"scale": 0.125},
    },
    opsets=(OPSET, 11, 12),
)
def bias_softmax(
    g: Graph,
    axis: int = -1,
    dims: tuple[int | str, ...] = ("N", 1, 1, 21),
    log: bool = False,
    scale: float = 1.0,
) -> None:
    x = g.feed("x", "N", 3, "L", 21, make=scaled(1.0 / scale))
    x = g("Mul", x, g.const(scale)) if scale != 1.0 else x
    axis = 3 if g.opset < 13 and axis < 0 else axis
    y = g("Softmax", g("Add", x, g.feed("bias", *dims)), axis=axis)
    g.out(g("Log", y) if log else y)


@PATTERNS.add(
    variants={
        "axis_1": {"axis": 1},
        "clipped": {"clip": True},
        "by_norm_operator": {"op": True},
        "root_of_maximum": {"maximum": True},
    }
)
def l2_norm_written(
    g: Graph, axis: int = -1, clip: bool = False, op: bool = False, maximum: bool = False
) -> None:
    x = g.feed("x", "N", "L", 37)
    if op:
        norm = g.reduce("ReduceL2", x, axis)
    else:
        squares = g.reduce("ReduceSum", g("Mul", x, x), axis)
        small = g.const(0.03125)
        squares = g("Max", squares, small) if maximum else g("Add", squares, small)
        norm = g("Sqrt", squares)
    norm = g("Clip", norm, g.const(6.0)) if clip else norm
    g.out(g("Div", x, norm))


@PATTERNS.add(types=("float32", "float16"), variants={"rms": {"rms": True}}, opsets=(24,))
def pre_norm_block(g: Graph, rms: bool = False) -> None:
    """A transformer's MLP: normalise, expand, activate, shrink, add."""
    x = tokens(g)
    scale = g.weight("scale", 24, make=values.positive)
    if rms:
        y = g("RMSNormalization", x, scale)
    else:
        y = g("LayerNormalization", x, scale, g.weight("shift", 24, make=grid))
    y = g("Gelu", linear(g, y, name="1"))
    y = g("MatMul", y, g.weight("w2", 37, 24, make=around((37, 24))))
    g.out(g("Add", x, g("Add", y, g.weight("b2", 24, make=grid))))
