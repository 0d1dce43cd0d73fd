"""Models that must be refused: each breaks one sentence of the standard, and says which.

A case is a model that would be right but for one thing. Where the model itself is well-formed,
its feeds must fail: sizes that do not fit are known only when it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from onnx import helper

from hal_conformance.generated.graphs.wrong import (
    IMAGE,
    KERNEL,
    MATRIX,
    Wrong,
    node_of,
    two,
)
from hal_conformance.generated.graphs.wrong_graphs import branch, graphs
from hal_conformance.generated.graphs.wrong_shapes import runs, shapes, weights
from hal_conformance.generated.source import Source


def _operators() -> Iterator[Wrong]:
    """What is no operator of the opset."""
    yield Wrong("unknown", [node_of("Relux", "x")], MATRIX)
    yield Wrong("wrong_case", [node_of("relu", "x")], MATRIX)
    yield Wrong("unknown_domain", [node_of("Relu", "x", domain="org.nowhere")], MATRIX)
    yield Wrong(
        "unknown_domain_imported",
        [node_of("Relu", "x", domain="org.nowhere")],
        MATRIX,
        edit=lambda m: m.opset_import.append(helper.make_opsetid("org.nowhere", 1)),
    )
    for op, opset in (
        ("Gelu", 19),
        ("Mish", 17),
        ("HardSwish", 13),
        ("Celu", 11),
        ("Swish", 23),
    ):
        yield Wrong(f"{op.lower()}_before_its_opset", [node_of(op, "x")], MATRIX, opset=opset)
    yield Wrong(
        "upsample_after_its_opset",
        [node_of("Upsample", "x s", mode="nearest")],
        IMAGE,
        {"s": np.array([1, 1, 2, 2], np.float32)},
        opset=13,
    )
    yield Wrong(
        "layer_norm_before",
        [node_of("LayerNormalization", "x s")],
        MATRIX,
        {"s": np.ones(4, np.float32)},
        opset=16,
    )
    yield Wrong("unknown_in_branch", [branch("Relux")], MATRIX, {"c": np.array(True)})
    yield Wrong("opset_far_ahead", [node_of("Relu", "x")], MATRIX, opset=9999)
    yield Wrong(
        "no_opset_for_domain",
        [node_of("Scaler", "x", domain="ai.onnx.ml", offset=[0.0], scale=[1.0])],
        MATRIX,
    )


def _attributes() -> Iterator[Wrong]:
    """What operators may not be told."""
    yield Wrong("missing_axis", [node_of("Concat", "x x")], MATRIX)
    yield Wrong("missing_to", [node_of("Cast", "x")], MATRIX)
    yield Wrong("missing_kernel_shape", [node_of("MaxPool", "x")], IMAGE)
    yield Wrong("missing_equation", [node_of("Einsum", "x")], MATRIX)
    yield Wrong("missing_blocksize", [node_of("DepthToSpace", "x")], IMAGE)
    yield Wrong("missing_value", [node_of("Constant", "", "y")], {})
    yield Wrong("two_values", [node_of("Constant", "", "y", value_float=1.0, value_int=2)], {})
    yield Wrong("unknown_attribute", [node_of("Relu", "x", alpha=0.5)], MATRIX)
    yield Wrong("float_for_int", [node_of("Concat", "x x", axis=1.0)], MATRIX)
    yield Wrong("string_for_int", [node_of("Softmax", "x", axis="last")], MATRIX)
    yield Wrong("int_for_ints", [node_of("Transpose", "x", perm=1)], MATRIX)
    yield Wrong("int_for_float", [node_of("LeakyRelu", "x", alpha=1)], MATRIX)
    yield Wrong("axis_out_of_range", [node_of("Concat", "x x", axis=2)], MATRIX)
    yield Wrong("softmax_axis_out_of_range", [node_of("Softmax", "x", axis=2)], MATRIX)
    yield Wrong("flatten_axis_out_of_range", [node_of("Flatten", "x", axis=3)], MATRIX)
    yield Wrong(
        "argmax_axis_out_of_range",
        [node_of("ArgMax", "x", axis=-3)],
        MATRIX,
        output=("int64", None),
    )
    yield Wrong(
        "gather_axis_out_of_range",
        [node_of("Gather", "x i", axis=2)],
        MATRIX,
        {"i": np.array([0])},
    )
    yield Wrong("perm_repeated", [node_of("Transpose", "x", perm=[0, 0])], MATRIX)
    yield Wrong("perm_too_short", [node_of("Transpose", "x", perm=[0])], MATRIX)
    yield Wrong("perm_out_of_range", [node_of("Transpose", "x", perm=[0, 2])], MATRIX)
    yield Wrong("cast_to_unknown", [node_of("Cast", "x", to=99)], MATRIX)
    yield Wrong("cast_to_undefined", [node_of("Cast", "x", to=0)], MATRIX)
    yield Wrong(
        "pad_mode",
        [node_of("Pad", "x p", mode="mirror")],
        MATRIX,
        {"p": np.array([0, 1, 0, 0])},
    )
    yield Wrong(
        "resize_mode",
        [node_of("Resize", "x r s", mode="bilinear")],
        IMAGE,
        {"r": np.zeros(0, np.float32), "s": np.array([1, 1, 2, 2], np.float32)},
    )
    yield Wrong("gelu_approximate", [node_of("Gelu", "x", approximate="fast")], MATRIX)
    yield Wrong(
        "depth_to_space_mode", [node_of("DepthToSpace", "x", blocksize=2, mode="CDR")], IMAGE
    )
    yield Wrong("einsum_equation", [node_of("Einsum", "x", equation="ij->ik")], MATRIX)
    yield Wrong("einsum_rank", [node_of("Einsum", "x", equation="ijk->ik")], MATRIX)
    yield from _of_windows()


def _of_windows() -> Iterator[Wrong]:
    conv: dict[str, dict[str, Any]] = {
        "stride_zero": {"strides": [0, 1]},
        "stride_negative": {"strides": [-1, 1]},
        "dilation_zero": {"dilations": [0, 1]},
        "strides_too_many": {"strides": [1, 1, 1]},
        "pads_too_few": {"pads": [1, 1]},
        "auto_pad_unknown": {"auto_pad": "SAME"},
        "group_zero": {"group": 0},
        "group_not_dividing": {"group": 3},
        "kernel_shape_other": {"kernel_shape": [2, 2]},
        "window_larger_than_image": {"dilations": [4, 4]},
    }
    for label, how in conv.items():
        yield Wrong(f"conv_{label}", [node_of("Conv", "x w", **how)], IMAGE, KERNEL)
    pool: dict[str, dict[str, Any]] = {
        "stride_zero": {"strides": [0, 1]},
        "kernel_zero": {"kernel_shape": [0, 2]},
        "kernel_negative": {"kernel_shape": [-2, 2]},
        "kernel_rank": {"kernel_shape": [2, 2, 2]},
        "auto_pad_unknown": {"auto_pad": "FULL"},
    }
    for label, how in pool.items():
        given: dict[str, Any] = {"kernel_shape": [2, 2], **how}
        for op in ("MaxPool", "AveragePool"):
            yield Wrong(f"{op.lower()}_{label}", [node_of(op, "x", **given)], IMAGE)


def _inputs() -> Iterator[Wrong]:
    """How many inputs, and of what type."""
    yield Wrong("too_few", [node_of("Add", "x")], MATRIX)
    yield Wrong("none", [node_of("Relu", "")], MATRIX)
    yield Wrong("too_many", [node_of("Relu", "x x")], MATRIX)
    yield Wrong("too_many_outputs", [node_of("Relu", "x", "y z")], MATRIX)
    yield Wrong("required_left_out", [helper.make_node("Add", ["x", ""], ["y"])], MATRIX)
    yield Wrong(
        "types_differ", [node_of("Add", "a b")], two((3, 4), (3, 4), "float32", "int32")
    )
    yield Wrong(
        "widths_differ", [node_of("Mul", "a b")], two((3, 4), (3, 4), "float32", "float64")
    )
    yield Wrong(
        "halves_differ",
        [node_of("MatMul", "a b")],
        two((3, 4), (4, 3), "float16", "bfloat16"),
        output=("float16", None),
    )
    yield Wrong(
        "concat_types_differ",
        [node_of("Concat", "a b", axis=0)],
        two((3, 4), (3, 4), "float32", "float16"),
    )
    yield Wrong(
        "where_types_differ",
        [node_of("Where", "c a b")],
        {"c": ("bool", (3, 4)), **two((3, 4), (3, 4), "float32", "int64")},
    )
    yield Wrong("condition_no_bool", [node_of("Where", "a b b")], two((3, 4), (3, 4)))
    yield Wrong(
        "weight_type_differs",
        [node_of("Conv", "x w")],
        IMAGE,
        {"w": np.full((2, 4, 3, 3), 0.5, np.float64)},
    )
    unsupported = (
        ("Relu", "bool"),
        ("Sqrt", "int32"),
        ("Exp", "int64"),
        ("Sigmoid", "int8"),
        ("Softmax", "int32"),
        ("Neg", "uint8"),
        ("Not", "float32"),
        ("Tanh", "bool"),
        ("Floor", "int32"),
        ("Erf", "string"),
        ("Abs", "string"),
        ("BitwiseNot", "float32"),
    )
    for op, t in unsupported:
        yield Wrong(
            f"{op.lower()}_of_{t}", [node_of(op, "x")], {"x": (t, (3, 4))}, output=(t, None)
        )
    pairs = (
        ("Add", "bool"),
        ("And", "int32"),
        ("BitShift", "int32"),
        ("Mod", "bool"),
        ("MatMul", "int8"),
        ("BitwiseAnd", "bool"),
        ("Add", "string"),
    )
    for op, t in pairs:
        how = {"direction": "LEFT"} if op == "BitShift" else {}
        yield Wrong(
            f"{op.lower()}_of_{t}",
            [node_of(op, "a b", **how)],
            two((4, 4), (4, 4), t),
            output=(t, None),
        )
    yield Wrong(
        "reshape_to_floats",
        [node_of("Reshape", "x s")],
        MATRIX,
        {"s": np.array([4.0, 3.0], np.float32)},
    )
    yield Wrong(
        "gather_by_floats",
        [node_of("Gather", "x i")],
        MATRIX,
        {"i": np.array([0.0], np.float32)},
    )
    yield Wrong("output_type_wrong", [node_of("Relu", "x")], MATRIX, output=("float64", (3, 4)))
    yield Wrong(
        "cast_output_wrong", [node_of("Cast", "x", to=7)], MATRIX, output=("int32", (3, 4))
    )


GROUPS: Mapping[str, Callable[[], Iterator[Wrong]]] = {
    "operators": _operators,
    "attributes": _attributes,
    "inputs": _inputs,
    "graphs": graphs,
    "shapes": shapes,
    "weights": weights,
    "runs": runs,
}
"""What is wrong, by kind."""


def cases() -> Iterator[Source]:
    """Every model that must be refused."""
    for group, made in GROUPS.items():
        for wrong in made():
            yield wrong.source(group)
