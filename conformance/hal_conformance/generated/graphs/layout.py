"""Movement that compilers move, merge and drop: transposes, reshapes, slices, concatenations.

Sources: ONNX Runtime's transpose optimizer, ReshapeFusion, GatherToSliceFusion,
GatherSliceToSplitFusion, SliceConcatToSpaceToDepthFusion, UnsqueezeElimination,
ExpandElimination, SliceElimination, NoopElimination, IdentityElimination; OpenVINO's
TransposeSinking, ReshapeSequenceFusion, ShuffleChannelsFusion, DepthToSpaceFusion,
SpaceToBatchFusion, BatchToSpaceFusion, SplitSqueezeConcatFusion, StridedSliceOptimization,
GroupedSliceToVSplitOptimization, ConcatReduceFusion, GatherNopElimination; TensorRT's Shuffle
fusions.
"""

from __future__ import annotations

from typing import Any

from hal_conformance.generated import values
from hal_conformance.generated.graphs.convolution import conv
from hal_conformance.generated.graphs.patterns import OPSET, Patterns
from hal_conformance.generated.graphs.writing import Graph, grid

PATTERNS = Patterns()
_ALL = ("float32", "float16", "bfloat16", "float64", "int64", "int32", "uint8")
_FEW = ("swapped", "dynamic", "exposed_first", "exposed_last", "reused", "branches")


def whole_too(g: Graph, x: str) -> str:
    """Something to compute, in any type."""
    return g("Add", x, g.const(2.0))


@PATTERNS.add(
    types=_ALL,
    twists=(*_FEW, "function"),
    variants={
        "inverse": {"second": (1, 2, 0)},
        "same_twice": {"first": (1, 0, 2), "second": (1, 0, 2)},
        "default": {"first": None, "second": None},
        "three": {"third": (0, 2, 1)},
        "between_relu": {"between": "Relu"},
        "between_softmax": {"between": "Softmax"},
        "between_mean": {"between": "ReduceMean"},
        "between_bias": {"between": "Add"},
    },
)
def transpose_transpose(
    g: Graph,
    first: tuple[int, ...] | None = (2, 0, 1),
    second: tuple[int, ...] | None = (2, 0, 1),
    third: tuple[int, ...] | None = None,
    between: str = "",
) -> None:
    y = g("Transpose", g.feed("x", "N", "L", 13), perm=first)
    if between == "Add":
        y = g("Add", y, g.weight("b", 7, make=grid))
    elif between == "ReduceMean":
        y = g.reduce("ReduceMean", y, 1)
    elif between:
        y = g(between, y)
    y = g("Transpose", y, perm=second)
    y = g("Transpose", y, perm=third) if third else y
    g.out(y if between else whole_too(g, y))


@PATTERNS.add(
    types=("float32", "float16"),
    variants={
        "relu": {"between": "Relu"},
        "bias_last": {"between": "bias"},
        "bias_scalar": {"between": "scalar"},
        "mean": {"between": "mean"},
        "softmax": {"between": "Softmax"},
        "concat": {"between": "concat"},
        "slice": {"between": "slice"},
        "pad": {"between": "pad"},
        "split": {"between": "split"},
        "conv_after": {"between": "Relu", "after": True},
    },
)
def channels_last(g: Graph, between: str = "Sigmoid", after: bool = False) -> None:
    """To channels last and back: what stands between has to be turned with it."""
    x = g.feed("x", "N", 7, "H", "W")
    y = g.transpose(conv(g, x), 0, 2, 3, 1)
    y = _on_channels_last(g, y, between)
    y = g.transpose(y, 0, 3, 1, 2)
    g.out(conv(g, y, 5, 19, name="2") if after else y)


def _on_channels_last(g: Graph, y: str, between: str) -> str:
    if between == "bias":
        return g("Add", y, g.weight("bias", 19, make=grid))
    if between == "scalar":
        return g("Mul", y, g.const(0.75))
    if between == "mean":
        return g.reduce("ReduceMean", y, 1, 2)
    if between == "concat":
        return g("Concat", y, g("Neg", y), axis=-1)
    if between == "slice":
        return g.slice(y, 2, 17, 3, 3)
    if between == "pad":
        return g("Pad", y, g.ints(0, 0, 0, 1, 0, 0, 1, 2))
    if between == "split":
        a, b = g.split(y, 8, 11, axis=-1)
        return g("Concat", b, a, axis=-1)
    return g(between, y)


@PATTERNS.add(
    types=_ALL,
    twists=_FEW,
    variants={
        "zeros": {"shapes": ((0, -1), (0, 7, 13))},
        "minus_one": {"shapes": ((-1,), (-1, 13))},
        "flatten": {"flatten": 2},
        "flatten_0": {"flatten": 0},
        "flatten_negative": {"flatten": -1},
        "back": {"shapes": ((-1, 91), (-1, 7, 13))},
        "through_transpose": {"turned": True},
        "squeezed": {"squeezed": True},
    },
)
def reshape_reshape(
    g: Graph,
    shapes: tuple[tuple[int, ...], ...] = ((-1, 13, 7), (13, -1)),
    flatten: int | None = None,
    turned: bool = False,
    squeezed: bool = False,
) -> None:
    y = g.feed("x", "N", 7, 13)
    if squeezed:
        y = g.squeeze(g.unsqueeze(g.unsqueeze(y, 0, -1), 2), 0, 2)
    elif flatten is not None:
        y = g("Flatten", g.reshape(y, 0, 13, 7, 1), axis=flatten)
    else:
        for shape in shapes:
            y = g.reshape(y, *shape)
            y = g("Transpose", y) if turned else y
    g.out(whole_too(g, y))


@PATTERNS.add(
    types=("float32", "int64"),
    twists=_FEW,
    variants={
        "steps": {"cuts": ((1, 30, 2), (1, 9, 3))},
        "negative": {"cuts": ((-2, 3, -1), (-5, -30, -2))},
        "empty_middle": {"cuts": ((3, 20, 1), (0, 1, 1))},
        "beyond": {"cuts": ((-100, 100, 1), (5, 2**31 - 1, 1))},
        "two_axes": {"axes": (1, 0)},
        "no_op": {"cuts": ((0, 2**31 - 1, 1), (0, 37, 1))},
        "reversed_twice": {"cuts": ((-1, -(2**31), -1), (-1, -(2**31), -1))},
    },
)
def slice_slice(
    g: Graph,
    cuts: tuple[tuple[int, int, int], ...] = ((3, 30, 1), (4, 20, 1)),
    axes: tuple[int, int] = (1, 1),
) -> None:
    y = g.feed("x", "L", 37)
    for (start, end, step), axis in zip(cuts, axes, strict=True):
        y = g.slice(y, start, end, axis, step)
    g.out(whole_too(g, y))


@PATTERNS.add(
    types=("float32", "float16", "int32", "uint8"),
    twists=_FEW,
    variants={
        "other_order": {"order": (2, 0, 1)},
        "one_left_out": {"order": (0, 1)},
        "one_twice": {"order": (0, 1, 2, 0)},
        "by_slices": {"how": "slice"},
        "by_gathers": {"how": "gather"},
        "other_axis": {"axis": 0},
        "changed_between": {"changed": True},
    },
)
def split_concat(
    g: Graph,
    order: tuple[int, ...] = (0, 1, 2),
    how: str = "split",
    axis: int = 1,
    changed: bool = False,
) -> None:
    x = g.feed("x", 6, 37)
    sizes = (10, 20, 7)
    if how == "split":
        parts = g.split(x, *sizes, axis=1)
    elif how == "slice":
        parts = [g.slice(x, a, b, 1) for a, b in ((0, 10), (10, 30), (30, 2**31 - 1))]
    else:
        ranges = (range(10), range(10, 30), range(30, 37))
        parts = [g("Gather", x, g.ints(*each), axis=1) for each in ranges]
    if axis == 0:
        parts = [g.slice(part, 0, 7, 1) for part in parts]
    parts[1] = g("Neg", parts[1]) if changed else parts[1]
    g.out(whole_too(g, g("Concat", *(parts[k] for k in order), axis=axis)))


@PATTERNS.add(
    types=("float32", "int64"),
    twists=_FEW,
    variants={
        "nested": {"nested": True},
        "same_input": {"same": True},
        "one_input": {"one": True},
        "with_empty": {"empty": True},
        "reduced": {"reduced": True},
        "other_axes": {"axes": (0, 1)},
    },
)
def concat_concat(
    g: Graph,
    nested: bool = False,
    same: bool = False,
    one: bool = False,
    empty: bool = False,
    reduced: bool = False,
    axes: tuple[int, int] = (1, 1),
) -> None:
    a, b = g.feed("a", "N", 5), g.feed("b", "N", 5)
    c = g.feed("c", "N", 10) if axes == (0, 1) else g.feed("c", "N", 3)
    if one:
        g.out(whole_too(g, g("Concat", g("Concat", a, axis=1), axis=-1)))
        return
    y = g("Concat", a, a if same else b, *([g.const([[]] * 2)] if empty else []), axis=axes[0])
    if reduced:
        stacked = g("Concat", g.unsqueeze(a, 0), g.unsqueeze(b, 0), axis=0)
        g.out(g.reduce("ReduceMax", stacked, 0, keepdims=0), g("Neg", c))
        return
    if axes == (0, 1):
        y = g("Concat", g.reshape(y, -1, 10), c, axis=axes[1])
    else:
        y = g("Concat", y, g("Concat", c, a, axis=1) if nested else c, axis=axes[1])
    g.out(whole_too(g, y))


@PATTERNS.add(
    types=("float32", "float16", "uint8"),
    variants={
        "crd": {"mode": "crd"},
        "written": {"mode": "written"},
        "written_crd": {"mode": "written_crd"},
        "shuffle": {"mode": "shuffle"},
        "shuffle_inverse": {"mode": "unshuffle"},
    },
    twists=_FEW,
)
def depth_to_space(g: Graph, mode: str = "dcr") -> None:
    """Reshape, transpose, reshape: one operator in disguise, or another."""
    x = g.feed("x", 2, 12, 5, 3)
    shapes: dict[str, tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]] = {
        "written": ((2, 2, 2, 3, 5, 3), (0, 3, 4, 1, 5, 2), (2, 3, 10, 6)),
        "written_crd": ((2, 3, 2, 2, 5, 3), (0, 1, 4, 2, 5, 3), (2, 3, 10, 6)),
        "shuffle": ((2, 4, 3, 5, 3), (0, 2, 1, 3, 4), (2, 12, 5, 3)),
        "unshuffle": ((2, 3, 4, 5, 3), (0, 2, 1, 3, 4), (2, 12, 5, 3)),
    }
    if mode in shapes:
        split, perm, joined = shapes[mode]
        y = g.reshape(g.transpose(g.reshape(x, *split), *perm), *joined)
    else:
        y = g("DepthToSpace", x, blocksize=2, mode=mode.upper())
    g.out(whole_too(g, y))


@PATTERNS.add(
    types=("float32", "uint8"),
    twists=_FEW,
    variants={"other_order": {"order": (0, 2, 1, 3)}, "three": {"order": (0, 1, 2)}},
)
def focus(g: Graph, order: tuple[int, ...] = (0, 1, 2, 3)) -> None:
    """Four strided slices and a concatenation: YOLO's first layer, nearly SpaceToDepth."""
    x = g.feed("x", "N", 3, 8, 10)
    ends = 2**31 - 1
    parts: list[str] = []
    for row, column in ((0, 0), (1, 0), (0, 1), (1, 1)):
        cuts = [g.ints(row, column), g.ints(ends, ends), g.ints(2, 3), g.ints(2, 2)]
        parts.append(g("Slice", x, *cuts))
    g.out(whole_too(g, g("Concat", *(parts[k] for k in order), axis=1)))


@PATTERNS.add(
    types=("float32", "int64"),
    twists=_FEW,
    variants={
        "negative": {"index": -2},
        "list": {"index": [3]},
        "list_of_three": {"index": [3, 4, 5]},
        "with_gap": {"index": [3, 5, 7]},
        "falling": {"index": [5, 4, 3]},
        "all": {"index": list(range(37))},
        "matrix": {"index": [[1, 2], [3, 4]]},
        "other_axis": {"index": 1, "axis": 0},
        "int32": {"index": 4, "kind": "int32"},
        "of_gather": {"index": [9, 3, 7, 1], "again": [2, 0]},
    },
)
def gather_of_constants(
    g: Graph,
    index: Any = 3,
    axis: int = 1,
    kind: str = "int64",
    again: Any = None,
) -> None:
    y = g("Gather", g.feed("x", "L", 37), g.const(index, kind), axis=axis)
    y = g("Gather", y, g.const(again, kind), axis=axis) if again else y
    g.out(whole_too(g, y))


@PATTERNS.add(
    types=("float32", "int32"),
    twists=_FEW,
    variants={
        "rows": {"pattern": (("L", 1), (1, 37))},
        "outer": {"pattern": (("L", 1, 1), (3, 1), (37,)), "shape": (1, 3, 1)},
        "expand_to_same": {"shape": (1, 37)},
        "expand_lower_rank": {"shape": (37,)},
        "tile_ones": {"tile": (1, 1)},
        "tile_then_slice": {"tile": (2, 3)},
        "unsqueezed": {"unsqueezed": True},
    },
)
def expand_binary(
    g: Graph,
    pattern: tuple[tuple[int | str, ...], ...] = ((1, 37), ("L", 37)),
    shape: tuple[int, ...] = (3, 1, 1),
    tile: tuple[int, ...] = (),
    unsqueezed: bool = False,
) -> None:
    """Expand and Tile before an operator that broadcasts anyway."""
    first, *others = (
        g.feed(f"x{k}", *dims, make=values.nonzero) for k, dims in enumerate(pattern)
    )
    if tile:
        first = g("Tile", first, g.ints(*tile))
        first = g.slice(g.slice(first, 0, 1, 0), 0, 37, 1)
    elif unsqueezed:
        first = g.unsqueeze(g.squeeze(first, 0), 0, 1)
    else:
        first = g("Expand", first, g.ints(*shape))
    for other in others:
        first = g("Add", first, other)
    g.out(first)


@PATTERNS.add(
    types=("float32",),
    variants={
        "max": {"op": "ReduceMax"},
        "sum": {"op": "ReduceSum"},
        "dropped": {"keepdims": 0},
        "same_axis": {"axes": (2, 2)},
        "then_squeeze": {"squeezed": True},
        "then_reshape": {"reshaped": True},
        "mean_of_pool": {"pool": True},
    },
    opsets=(OPSET, 13, 18),
)
def reduce_reduce(
    g: Graph,
    op: str = "ReduceMean",
    keepdims: int = 1,
    axes: tuple[int, int] = (3, 2),
    squeezed: bool = False,
    reshaped: bool = False,
    pool: bool = False,
) -> None:
    x = g.feed("x", "N", 5, "H", "W", make=values.between(0, 3))
    y = g("AveragePool", x, kernel_shape=[2, 2]) if pool else x
    for axis in axes:
        y = g.reduce(op, y, axis, keepdims=keepdims)
    y = g.squeeze(y, 2, 3) if squeezed else y
    y = g.reshape(y, -1, 5) if reshaped else y
    g.out(whole_too(g, y))


@PATTERNS.add(
    types=("float32", "float16"),
    variants={"other_sizes": {"sizes": (7, 12)}, "reshaped": {"reshaped": True}},
)
def split_heads_and_back(
    g: Graph, sizes: tuple[int, int] = (4, 6), reshaped: bool = False
) -> None:
    """To (batch, heads, length, size), something by head, and back."""
    count, size = sizes
    x = g.feed("x", "N", "L", count * size)
    y = g.transpose(g.reshape(x, 0, 0, count, size), 0, 2, 1, 3)
    y = g("Mul", y, g.weight("by_head", count, 1, 1, make=values.positive))
    y = g("Tanh", y)
    if reshaped:
        y = g.transpose(y, 2, 0, 1, 3)
        g.out(g.reshape(y, -1, count * size))
    else:
        g.out(g.reshape(g.transpose(y, 0, 2, 1, 3), 0, 0, count * size))
