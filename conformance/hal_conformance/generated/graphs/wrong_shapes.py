"""Shapes that contradict each other, broken initializers, and what is only seen at run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto

from hal_conformance.generated.graphs.wrong import (
    IMAGE,
    KERNEL,
    MATRIX,
    Dims,
    Wrong,
    node_of,
    two,
)


def shapes() -> Iterator[Wrong]:
    """Shapes that contradict each other, as they stand in the model."""
    yield Wrong("add", [node_of("Add", "a b")], two((3, 4), (3, 5)))
    yield Wrong(
        "where", [node_of("Where", "c a b")], {"c": ("bool", (2, 4)), **two((3, 4), (3, 4))}
    )
    yield Wrong("matmul_inner", [node_of("MatMul", "a b")], two((3, 4), (5, 3)))
    yield Wrong("matmul_batch", [node_of("MatMul", "a b")], two((2, 3, 4), (3, 4, 3)))
    yield Wrong("matmul_scalar", [node_of("MatMul", "a b")], two((3, 4), ()))
    yield Wrong("gemm_inner", [node_of("Gemm", "a b")], two((3, 4), (5, 3)))
    yield Wrong("gemm_rank", [node_of("Gemm", "a b")], two((2, 3, 4), (4, 3)))
    yield Wrong(
        "gemm_bias",
        [node_of("Gemm", "a b c")],
        two((3, 4), (4, 5)),
        {"c": np.ones(4, np.float32)},
    )
    yield Wrong("concat", [node_of("Concat", "a b", axis=0)], two((3, 4), (3, 5)))
    yield Wrong("concat_rank", [node_of("Concat", "a b", axis=0)], two((3, 4), (3, 4, 1)))
    yield Wrong(
        "conv_channels",
        [node_of("Conv", "x w")],
        IMAGE,
        {"w": np.ones((2, 3, 3, 3), np.float32)},
    )
    yield Wrong(
        "conv_rank", [node_of("Conv", "x w")], IMAGE, {"w": np.ones((2, 4, 3), np.float32)}
    )
    yield Wrong(
        "conv_bias", [node_of("Conv", "x w b")], IMAGE, {**KERNEL, "b": np.ones(3, np.float32)}
    )
    yield Wrong("conv_vector", [node_of("Conv", "x w")], {"x": ("float32", (4,))}, KERNEL)
    yield Wrong(
        "batch_norm",
        [node_of("BatchNormalization", "x s s s s")],
        IMAGE,
        {"s": np.ones(5, np.float32)},
    )
    for label, shape in (
        ("size", [5, 3]),
        ("size_left", [5, -1]),
        ("two_left", [-1, -1]),
        ("negative", [-2, 6]),
        ("zero_beyond", [3, 4, 0]),
    ):
        yield Wrong(
            f"reshape_{label}", [node_of("Reshape", "x s")], MATRIX, {"s": np.array(shape)}
        )
    yield Wrong("expand", [node_of("Expand", "x s")], MATRIX, {"s": np.array([3, 5])})
    yield Wrong("squeeze_not_one", [node_of("Squeeze", "x s")], MATRIX, {"s": np.array([0])})
    yield Wrong(
        "squeeze_out_of_range", [node_of("Squeeze", "x s")], MATRIX, {"s": np.array([2])}
    )
    yield Wrong(
        "unsqueeze_twice", [node_of("Unsqueeze", "x s")], MATRIX, {"s": np.array([0, 0])}
    )
    yield Wrong(
        "unsqueeze_out_of_range", [node_of("Unsqueeze", "x s")], MATRIX, {"s": np.array([4])}
    )
    yield Wrong(
        "split_sum", [node_of("Split", "x s", "y z", axis=1)], MATRIX, {"s": np.array([1, 2])}
    )
    yield Wrong(
        "split_negative",
        [node_of("Split", "x s", "y z", axis=1)],
        MATRIX,
        {"s": np.array([5, -1])},
    )
    yield Wrong("tile_count", [node_of("Tile", "x s")], MATRIX, {"s": np.array([2])})
    yield Wrong("pad_count", [node_of("Pad", "x s")], MATRIX, {"s": np.array([1, 1])})
    yield Wrong(
        "slice_step_zero",
        [node_of("Slice", "x a b c d")],
        MATRIX,
        {k: np.array([v]) for k, v in zip("abcd", (0, 2, 0, 0), strict=True)},
    )
    yield Wrong("topk_beyond", [node_of("TopK", "x k", "y z")], MATRIX, {"k": np.array([5])})
    yield Wrong("depth_to_space", [node_of("DepthToSpace", "x", blocksize=3)], IMAGE)
    yield Wrong("space_to_depth", [node_of("SpaceToDepth", "x", blocksize=4)], IMAGE)
    yield Wrong(
        "layer_norm_scale",
        [node_of("LayerNormalization", "x s")],
        MATRIX,
        {"s": np.ones(5, np.float32)},
    )
    yield Wrong("reduce_axis", [node_of("ReduceSum", "x s")], MATRIX, {"s": np.array([2])})
    yield Wrong(
        "output_shape_wrong", [node_of("Relu", "x")], MATRIX, output=("float32", (4, 3))
    )
    yield Wrong("output_rank_wrong", [node_of("Relu", "x")], MATRIX, output=("float32", (12,)))
    yield Wrong(
        "gather_elements_rank", [node_of("GatherElements", "x i")], MATRIX, {"i": np.array([0])}
    )
    yield Wrong(
        "scatter_elements",
        [node_of("ScatterElements", "x i u")],
        MATRIX,
        {"i": np.zeros((2, 2), np.int64), "u": np.ones((2, 3), np.float32)},
    )
    yield Wrong("range_of_vectors", [node_of("Range", "x x x")], {"x": ("float32", (2,))})


def weights() -> Iterator[Wrong]:
    """Initializers that are broken."""

    def add(tensor: TensorProto) -> Mapping[str, Any]:
        tensor.name = "w"
        return {"w": tensor}

    def raw(dims: list[int], size: int, kind: int = TensorProto.FLOAT) -> Mapping[str, Any]:
        return add(TensorProto(dims=dims, data_type=kind, raw_data=bytes(size)))

    nodes = [node_of("Add", "x w")]
    yield Wrong("raw_too_short", nodes, MATRIX, raw([3, 4], 44))
    yield Wrong("raw_too_long", nodes, MATRIX, raw([3, 4], 52))
    yield Wrong("raw_empty", nodes, MATRIX, raw([3, 4], 0))
    yield Wrong(
        "typed_too_short",
        nodes,
        MATRIX,
        add(TensorProto(dims=[3, 4], data_type=1, float_data=[1.0] * 11)),
    )
    yield Wrong(
        "typed_too_long",
        nodes,
        MATRIX,
        add(TensorProto(dims=[3, 4], data_type=1, float_data=[1.0] * 13)),
    )
    yield Wrong(
        "wrong_field",
        nodes,
        MATRIX,
        add(TensorProto(dims=[3, 4], data_type=1, int64_data=[1] * 12)),
    )
    yield Wrong("negative_dimension", nodes, MATRIX, raw([-3, 4], 48))
    yield Wrong("undefined_type", nodes, MATRIX, raw([3, 4], 48, 0))
    yield Wrong("unknown_type", nodes, MATRIX, raw([3, 4], 48, 99))


def runs() -> Iterator[Wrong]:
    """What is only seen when it runs: sizes of symbolic dimensions, indices."""

    def sized(
        label: str, nodes: Sequence[onnx.NodeProto], a: Dims, b: Dims, sa: Any, sb: Any
    ) -> Wrong:
        return Wrong(label, nodes, two(a, b), sizes={"a": sa, "b": sb})

    yield sized("matmul_inner", [node_of("MatMul", "a b")], (3, "k"), ("m", 3), (3, 4), (5, 3))
    yield sized("gemm_inner", [node_of("Gemm", "a b")], (3, "k"), ("m", 3), (3, 4), (5, 3))
    yield sized("add", [node_of("Add", "a b")], ("n", 4), ("m", 4), (3, 4), (5, 4))
    yield sized(
        "concat", [node_of("Concat", "a b", axis=1)], ("n", 4), ("m", 4), (3, 4), (5, 4)
    )
    yield sized(
        "einsum",
        [node_of("Einsum", "a b", equation="ij,jk->ik")],
        (3, "k"),
        ("m", 3),
        (3, 4),
        (5, 3),
    )
    yield Wrong(
        "same_symbol",
        [node_of("Concat", "a b", axis=0)],
        two(("n", 4), ("n", 4)),
        sizes={"a": (3, 4), "b": (5, 4)},
    )
    long: dict[str, tuple[str, Dims]] = {"x": ("float32", ("n", 4))}
    yield Wrong(
        "reshape",
        [node_of("Reshape", "x s")],
        long,
        {"s": np.array([5, 4])},
        sizes={"x": (3, 4)},
    )
    yield Wrong(
        "reshape_left",
        [node_of("Reshape", "x s")],
        long,
        {"s": np.array([-1, 5])},
        sizes={"x": (3, 4)},
    )
    yield Wrong(
        "squeeze",
        [node_of("Squeeze", "x s")],
        long,
        {"s": np.array([0])},
        output=("float32", ("p",)),
        sizes={"x": (3, 4)},
    )
    yield Wrong(
        "split",
        [node_of("Split", "x s", "y z", axis=0)],
        long,
        {"s": np.array([2, 2])},
        sizes={"x": (3, 4)},
    )
    yield Wrong(
        "conv_channels",
        [node_of("Conv", "x w")],
        {"x": ("float32", (1, "c", 6, 6))},
        KERNEL,
        sizes={"x": (1, 3, 6, 6)},
    )
    fed: dict[str, tuple[str, Dims]] = {**MATRIX, "i": ("int64", (2,))}
    yield Wrong("gather_beyond", [node_of("Gather", "x i", axis=0)], fed, fed={"i": [0, 3]})
    yield Wrong("gather_below", [node_of("Gather", "x i", axis=0)], fed, fed={"i": [0, -4]})
    yield Wrong("reshape_fed", [node_of("Reshape", "x i")], fed, fed={"i": [5, 4]})
    yield Wrong("expand_fed", [node_of("Expand", "x i")], fed, fed={"i": [3, 7]})
