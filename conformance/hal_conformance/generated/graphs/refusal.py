"""Models that must be refused: each breaks one sentence of the standard, and says which.

A case is a model that would be right but for one thing. Where the model itself is well-formed,
its feeds must fail: sizes that do not fit are known only when it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from hal import dtypes
from hal.tensor import Tensor, Value
from hal_conformance.generated import values
from hal_conformance.generated.draw import Draw
from hal_conformance.generated.source import Source

Dims = tuple[int | str, ...]
Graph = tuple[Sequence[onnx.NodeProto], Mapping[str, tuple[str, Dims]], Mapping[str, Any]]


@dataclass(frozen=True)
class Wrong:
    """A model that is wrong: nodes, inputs, weights, and what its output is said to be."""

    label: str
    nodes: Sequence[onnx.NodeProto]
    inputs: Mapping[str, tuple[str, Dims]]
    weights: Mapping[str, Any] = field(default_factory=dict[str, Any])
    output: tuple[str, Dims | None] = ("float32", None)  # None: of the first input's rank
    opset: int = 21
    sizes: Mapping[str, Sequence[int]] = field(default_factory=dict[str, Sequence[int]])
    edit: Callable[[onnx.ModelProto], None] | None = None
    fed: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def source(self, group: str) -> Source:
        """The case."""
        case = f"graphs/refusal/{group}/{self.output[0]}/{self.label}"
        inputs = [
            helper.make_tensor_value_info(name, dtypes.of_name(t).number, dims)
            for name, (t, dims) in self.inputs.items()
        ]
        t, dims = self.output
        if dims is None:
            rank = len(next(iter(self.inputs.values()), ("", (0, 0)))[1])
            dims = tuple("pqrs"[:rank])
        out = helper.make_tensor_value_info("y", dtypes.of_name(t).number, dims)
        weights = [
            each if isinstance(each, TensorProto) else numpy_helper.from_array(each, name)
            for name, each in self.weights.items()
        ]
        graph = helper.make_graph(self.nodes, "case", inputs, [out], weights)
        imports = [helper.make_opsetid("", self.opset)]
        ir = helper.find_min_ir_version_for(imports, ignore_unknown=True)
        model = helper.make_model(graph, opset_imports=imports, ir_version=max(ir, 8))
        model.producer_name = "onnx-hal"
        if self.edit:
            self.edit(model)
        feeds = {name: self._value(case, name) for name in self.inputs}
        elements = max((v.array.size for v in feeds.values()), default=0)
        data: Mapping[str, Value] = dict(feeds)
        return Source(
            case,
            model.SerializeToString(deterministic=True),
            [data],
            f"sampled {elements}",
            "refusal",
            self.label,
            {},
        )

    def _value(self, case: str, name: str) -> Tensor:
        t, dims = self.inputs[name]
        dtype = dtypes.of_name(t)
        if name in self.fed:
            array = np.array(self.fed[name], dtype.numpy)
        else:
            sizes = self.sizes.get(name, [2 if isinstance(d, str) else d for d in dims])
            array = np.array(values.any_(Draw(case, name), tuple(sizes), dtype))
        array.setflags(write=False)
        return Tensor(array, dtype)


def _n(op: str, inputs: str, output: str = "y", domain: str = "", **how: Any) -> onnx.NodeProto:
    return helper.make_node(op, inputs.split(), output.split(), domain=domain or None, **how)


_F: dict[str, tuple[str, Dims]] = {"x": ("float32", (3, 4))}
_IMAGE: dict[str, tuple[str, Dims]] = {"x": ("float32", (1, 4, 6, 6))}
_TWICE = {"m": np.array(2)}
_W = {"w": np.full((2, 4, 3, 3), 0.5, np.float32)}


def _two(a: Dims, b: Dims, t: str = "float32", u: str = "") -> dict[str, tuple[str, Dims]]:
    return {"a": (t, a), "b": (u or t, b)}


def _operators() -> Iterator[Wrong]:
    """What is no operator of the opset."""
    yield Wrong("unknown", [_n("Relux", "x")], _F)
    yield Wrong("wrong_case", [_n("relu", "x")], _F)
    yield Wrong("unknown_domain", [_n("Relu", "x", domain="org.nowhere")], _F)
    yield Wrong(
        "unknown_domain_imported",
        [_n("Relu", "x", domain="org.nowhere")],
        _F,
        edit=lambda m: m.opset_import.append(helper.make_opsetid("org.nowhere", 1)),
    )
    for op, opset in (
        ("Gelu", 19),
        ("Mish", 17),
        ("HardSwish", 13),
        ("Celu", 11),
        ("Swish", 23),
    ):
        yield Wrong(f"{op.lower()}_before_its_opset", [_n(op, "x")], _F, opset=opset)
    yield Wrong(
        "upsample_after_its_opset",
        [_n("Upsample", "x s", mode="nearest")],
        _IMAGE,
        {"s": np.array([1, 1, 2, 2], np.float32)},
        opset=13,
    )
    yield Wrong(
        "layer_norm_before",
        [_n("LayerNormalization", "x s")],
        _F,
        {"s": np.ones(4, np.float32)},
        opset=16,
    )
    yield Wrong("unknown_in_branch", [_branch("Relux")], _F, {"c": np.array(True)})
    yield Wrong("opset_far_ahead", [_n("Relu", "x")], _F, opset=9999)
    yield Wrong(
        "no_opset_for_domain",
        [_n("Scaler", "x", domain="ai.onnx.ml", offset=[0.0], scale=[1.0])],
        _F,
    )


def _branch(op: str) -> onnx.NodeProto:
    graphs: dict[str, Any] = {
        f"{word}_branch": helper.make_graph(
            [_n(name, "x", f"{word}_y")], word, [], [_told(f"{word}_y")]
        )
        for word, name in (("then", op), ("else", "Relu"))
    }
    return _n("If", "c", **graphs)


def _told(name: str, dims: Dims | None = None, t: str = "float32") -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, dtypes.of_name(t).number, dims)


def _attributes() -> Iterator[Wrong]:
    """What operators may not be told."""
    yield Wrong("missing_axis", [_n("Concat", "x x")], _F)
    yield Wrong("missing_to", [_n("Cast", "x")], _F)
    yield Wrong("missing_kernel_shape", [_n("MaxPool", "x")], _IMAGE)
    yield Wrong("missing_equation", [_n("Einsum", "x")], _F)
    yield Wrong("missing_blocksize", [_n("DepthToSpace", "x")], _IMAGE)
    yield Wrong("missing_value", [_n("Constant", "", "y")], {})
    yield Wrong("two_values", [_n("Constant", "", "y", value_float=1.0, value_int=2)], {})
    yield Wrong("unknown_attribute", [_n("Relu", "x", alpha=0.5)], _F)
    yield Wrong("float_for_int", [_n("Concat", "x x", axis=1.0)], _F)
    yield Wrong("string_for_int", [_n("Softmax", "x", axis="last")], _F)
    yield Wrong("int_for_ints", [_n("Transpose", "x", perm=1)], _F)
    yield Wrong("int_for_float", [_n("LeakyRelu", "x", alpha=1)], _F)
    yield Wrong("axis_out_of_range", [_n("Concat", "x x", axis=2)], _F)
    yield Wrong("softmax_axis_out_of_range", [_n("Softmax", "x", axis=2)], _F)
    yield Wrong("flatten_axis_out_of_range", [_n("Flatten", "x", axis=3)], _F)
    yield Wrong(
        "argmax_axis_out_of_range", [_n("ArgMax", "x", axis=-3)], _F, output=("int64", None)
    )
    yield Wrong(
        "gather_axis_out_of_range", [_n("Gather", "x i", axis=2)], _F, {"i": np.array([0])}
    )
    yield Wrong("perm_repeated", [_n("Transpose", "x", perm=[0, 0])], _F)
    yield Wrong("perm_too_short", [_n("Transpose", "x", perm=[0])], _F)
    yield Wrong("perm_out_of_range", [_n("Transpose", "x", perm=[0, 2])], _F)
    yield Wrong("cast_to_unknown", [_n("Cast", "x", to=99)], _F)
    yield Wrong("cast_to_undefined", [_n("Cast", "x", to=0)], _F)
    yield Wrong(
        "pad_mode", [_n("Pad", "x p", mode="mirror")], _F, {"p": np.array([0, 1, 0, 0])}
    )
    yield Wrong(
        "resize_mode",
        [_n("Resize", "x r s", mode="bilinear")],
        _IMAGE,
        {"r": np.zeros(0, np.float32), "s": np.array([1, 1, 2, 2], np.float32)},
    )
    yield Wrong("gelu_approximate", [_n("Gelu", "x", approximate="fast")], _F)
    yield Wrong(
        "depth_to_space_mode", [_n("DepthToSpace", "x", blocksize=2, mode="CDR")], _IMAGE
    )
    yield Wrong("einsum_equation", [_n("Einsum", "x", equation="ij->ik")], _F)
    yield Wrong("einsum_rank", [_n("Einsum", "x", equation="ijk->ik")], _F)
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
        yield Wrong(f"conv_{label}", [_n("Conv", "x w", **how)], _IMAGE, _W)
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
            yield Wrong(f"{op.lower()}_{label}", [_n(op, "x", **given)], _IMAGE)


def _inputs() -> Iterator[Wrong]:
    """How many inputs, and of what type."""
    yield Wrong("too_few", [_n("Add", "x")], _F)
    yield Wrong("none", [_n("Relu", "")], _F)
    yield Wrong("too_many", [_n("Relu", "x x")], _F)
    yield Wrong("too_many_outputs", [_n("Relu", "x", "y z")], _F)
    yield Wrong("required_left_out", [helper.make_node("Add", ["x", ""], ["y"])], _F)
    yield Wrong("types_differ", [_n("Add", "a b")], _two((3, 4), (3, 4), "float32", "int32"))
    yield Wrong("widths_differ", [_n("Mul", "a b")], _two((3, 4), (3, 4), "float32", "float64"))
    yield Wrong(
        "halves_differ",
        [_n("MatMul", "a b")],
        _two((3, 4), (4, 3), "float16", "bfloat16"),
        output=("float16", None),
    )
    yield Wrong(
        "concat_types_differ",
        [_n("Concat", "a b", axis=0)],
        _two((3, 4), (3, 4), "float32", "float16"),
    )
    yield Wrong(
        "where_types_differ",
        [_n("Where", "c a b")],
        {"c": ("bool", (3, 4)), **_two((3, 4), (3, 4), "float32", "int64")},
    )
    yield Wrong("condition_no_bool", [_n("Where", "a b b")], _two((3, 4), (3, 4)))
    yield Wrong(
        "weight_type_differs",
        [_n("Conv", "x w")],
        _IMAGE,
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
        yield Wrong(f"{op.lower()}_of_{t}", [_n(op, "x")], {"x": (t, (3, 4))}, output=(t, None))
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
            [_n(op, "a b", **how)],
            _two((4, 4), (4, 4), t),
            output=(t, None),
        )
    yield Wrong(
        "reshape_to_floats", [_n("Reshape", "x s")], _F, {"s": np.array([4.0, 3.0], np.float32)}
    )
    yield Wrong(
        "gather_by_floats", [_n("Gather", "x i")], _F, {"i": np.array([0.0], np.float32)}
    )
    yield Wrong("output_type_wrong", [_n("Relu", "x")], _F, output=("float64", (3, 4)))
    yield Wrong("cast_output_wrong", [_n("Cast", "x", to=7)], _F, output=("int32", (3, 4)))


def _graphs() -> Iterator[Wrong]:
    """What is no graph."""
    yield Wrong("undefined_input", [_n("Add", "x q")], _F)
    yield Wrong("undefined_output", [_n("Relu", "x", "z")], _F)
    yield Wrong("unsorted", [_n("Relu", "z"), _n("Neg", "x", "z")], _F)
    yield Wrong("cycle", [_n("Add", "x z", "y"), _n("Neg", "y", "z")], _F)
    yield Wrong("self_cycle", [_n("Add", "x y", "y")], _F)
    yield Wrong("output_is_an_input_name", [_n("Relu", "x", "x"), _n("Neg", "x", "y")], _F)
    yield Wrong(
        "output_is_a_weight_name",
        [_n("Relu", "x", "w"), _n("Neg", "w", "y")],
        _F,
        {"w": np.ones((3, 4), np.float32)},
    )
    yield Wrong("undefined_in_branch", [_branch_of("q")], _F, {"c": np.array(True)})
    yield Wrong(
        "inner_name_read_outside",
        [_branch_of("x", "z"), _n("Neg", "then_y", "y")],
        _F,
        {"c": np.array(True)},
    )
    yield Wrong("branches_of_other_counts", [_uneven()], _F, {"c": np.array(True)})
    yield Wrong("loop_body_inputs", [_loop(inputs=2)], _F, _TWICE)
    yield Wrong("loop_body_outputs", [_loop(outputs=1)], _F, _TWICE)
    yield Wrong("loop_condition_no_bool", [_loop(condition="float32")], _F, _TWICE)
    yield Wrong("condition_of_floats", [_branch_of("x")], _F, {"c": np.array(1.0, np.float32)})
    yield Wrong(
        "function_undefined_name",
        [_n("F", "x", domain="local")],
        _F,
        edit=lambda m: _function(m, "q"),
    )
    yield Wrong(
        "function_calls_itself",
        [_n("F", "x", domain="local")],
        _F,
        edit=lambda m: _function(m, "x", op="F", domain="local"),
    )
    yield Wrong(
        "function_too_many_inputs",
        [_n("F", "x x", domain="local")],
        _F,
        edit=lambda m: _function(m, "x"),
    )


def _branch_of(name: str, output: str = "y") -> onnx.NodeProto:
    graphs: dict[str, Any] = {
        f"{word}_branch": helper.make_graph(
            [_n(op, name, f"{word}_y")], word, [], [_told(f"{word}_y")]
        )
        for word, op in (("then", "Neg"), ("else", "Relu"))
    }
    return _n("If", "c", output, **graphs)


def _uneven() -> onnx.NodeProto:
    then = helper.make_graph([_n("Neg", "x", "a")], "then", [], [_told("a")])
    nodes = [_n("Neg", "x", "b"), _n("Relu", "x", "d")]
    other = helper.make_graph(nodes, "else", [], [_told("b"), _told("d")])
    return _n("If", "c", "y", then_branch=then, else_branch=other)


def _loop(inputs: int = 3, outputs: int = 2, condition: str = "bool") -> onnx.NodeProto:
    told = [_told("i", (), "int64"), _told("go", (), condition), _told("v", (3, 4))][:inputs]
    nodes = [_n("Identity", "go", "on")]
    nodes.append(_n("Neg", "v" if inputs > 2 else "x", "w_out"))
    results = [_told("on", (), condition), _told("w_out", (3, 4))][:outputs]
    body = helper.make_graph(nodes, "body", told, results)
    return helper.make_node("Loop", ["m", "", "x"], ["y"], body=body)


def _function(model: onnx.ModelProto, name: str, op: str = "Neg", domain: str = "") -> None:
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("local", 1)]
    model.functions.append(
        helper.make_function("local", "F", ["x"], ["z"], [_n(op, name, "z", domain)], opsets)
    )
    model.opset_import.append(helper.make_opsetid("local", 1))


def _shapes() -> Iterator[Wrong]:
    """Shapes that contradict each other, as they stand in the model."""
    yield Wrong("add", [_n("Add", "a b")], _two((3, 4), (3, 5)))
    yield Wrong(
        "where", [_n("Where", "c a b")], {"c": ("bool", (2, 4)), **_two((3, 4), (3, 4))}
    )
    yield Wrong("matmul_inner", [_n("MatMul", "a b")], _two((3, 4), (5, 3)))
    yield Wrong("matmul_batch", [_n("MatMul", "a b")], _two((2, 3, 4), (3, 4, 3)))
    yield Wrong("matmul_scalar", [_n("MatMul", "a b")], _two((3, 4), ()))
    yield Wrong("gemm_inner", [_n("Gemm", "a b")], _two((3, 4), (5, 3)))
    yield Wrong("gemm_rank", [_n("Gemm", "a b")], _two((2, 3, 4), (4, 3)))
    yield Wrong(
        "gemm_bias", [_n("Gemm", "a b c")], _two((3, 4), (4, 5)), {"c": np.ones(4, np.float32)}
    )
    yield Wrong("concat", [_n("Concat", "a b", axis=0)], _two((3, 4), (3, 5)))
    yield Wrong("concat_rank", [_n("Concat", "a b", axis=0)], _two((3, 4), (3, 4, 1)))
    yield Wrong(
        "conv_channels", [_n("Conv", "x w")], _IMAGE, {"w": np.ones((2, 3, 3, 3), np.float32)}
    )
    yield Wrong("conv_rank", [_n("Conv", "x w")], _IMAGE, {"w": np.ones((2, 4, 3), np.float32)})
    yield Wrong("conv_bias", [_n("Conv", "x w b")], _IMAGE, {**_W, "b": np.ones(3, np.float32)})
    yield Wrong("conv_vector", [_n("Conv", "x w")], {"x": ("float32", (4,))}, _W)
    yield Wrong(
        "batch_norm",
        [_n("BatchNormalization", "x s s s s")],
        _IMAGE,
        {"s": np.ones(5, np.float32)},
    )
    for label, shape in (
        ("size", [5, 3]),
        ("size_left", [5, -1]),
        ("two_left", [-1, -1]),
        ("negative", [-2, 6]),
        ("zero_beyond", [3, 4, 0]),
    ):
        yield Wrong(f"reshape_{label}", [_n("Reshape", "x s")], _F, {"s": np.array(shape)})
    yield Wrong("expand", [_n("Expand", "x s")], _F, {"s": np.array([3, 5])})
    yield Wrong("squeeze_not_one", [_n("Squeeze", "x s")], _F, {"s": np.array([0])})
    yield Wrong("squeeze_out_of_range", [_n("Squeeze", "x s")], _F, {"s": np.array([2])})
    yield Wrong("unsqueeze_twice", [_n("Unsqueeze", "x s")], _F, {"s": np.array([0, 0])})
    yield Wrong("unsqueeze_out_of_range", [_n("Unsqueeze", "x s")], _F, {"s": np.array([4])})
    yield Wrong("split_sum", [_n("Split", "x s", "y z", axis=1)], _F, {"s": np.array([1, 2])})
    yield Wrong(
        "split_negative", [_n("Split", "x s", "y z", axis=1)], _F, {"s": np.array([5, -1])}
    )
    yield Wrong("tile_count", [_n("Tile", "x s")], _F, {"s": np.array([2])})
    yield Wrong("pad_count", [_n("Pad", "x s")], _F, {"s": np.array([1, 1])})
    yield Wrong(
        "slice_step_zero",
        [_n("Slice", "x a b c d")],
        _F,
        {k: np.array([v]) for k, v in zip("abcd", (0, 2, 0, 0), strict=True)},
    )
    yield Wrong("topk_beyond", [_n("TopK", "x k", "y z")], _F, {"k": np.array([5])})
    yield Wrong("depth_to_space", [_n("DepthToSpace", "x", blocksize=3)], _IMAGE)
    yield Wrong("space_to_depth", [_n("SpaceToDepth", "x", blocksize=4)], _IMAGE)
    yield Wrong(
        "layer_norm_scale", [_n("LayerNormalization", "x s")], _F, {"s": np.ones(5, np.float32)}
    )
    yield Wrong("reduce_axis", [_n("ReduceSum", "x s")], _F, {"s": np.array([2])})
    yield Wrong("output_shape_wrong", [_n("Relu", "x")], _F, output=("float32", (4, 3)))
    yield Wrong("output_rank_wrong", [_n("Relu", "x")], _F, output=("float32", (12,)))
    yield Wrong("gather_elements_rank", [_n("GatherElements", "x i")], _F, {"i": np.array([0])})
    yield Wrong(
        "scatter_elements",
        [_n("ScatterElements", "x i u")],
        _F,
        {"i": np.zeros((2, 2), np.int64), "u": np.ones((2, 3), np.float32)},
    )
    yield Wrong("range_of_vectors", [_n("Range", "x x x")], {"x": ("float32", (2,))})


def _weights() -> Iterator[Wrong]:
    """Initializers that are broken."""

    def add(tensor: TensorProto) -> Mapping[str, Any]:
        tensor.name = "w"
        return {"w": tensor}

    def raw(dims: list[int], size: int, kind: int = TensorProto.FLOAT) -> Mapping[str, Any]:
        return add(TensorProto(dims=dims, data_type=kind, raw_data=bytes(size)))

    nodes = [_n("Add", "x w")]
    yield Wrong("raw_too_short", nodes, _F, raw([3, 4], 44))
    yield Wrong("raw_too_long", nodes, _F, raw([3, 4], 52))
    yield Wrong("raw_empty", nodes, _F, raw([3, 4], 0))
    yield Wrong(
        "typed_too_short",
        nodes,
        _F,
        add(TensorProto(dims=[3, 4], data_type=1, float_data=[1.0] * 11)),
    )
    yield Wrong(
        "typed_too_long",
        nodes,
        _F,
        add(TensorProto(dims=[3, 4], data_type=1, float_data=[1.0] * 13)),
    )
    yield Wrong(
        "wrong_field",
        nodes,
        _F,
        add(TensorProto(dims=[3, 4], data_type=1, int64_data=[1] * 12)),
    )
    yield Wrong("negative_dimension", nodes, _F, raw([-3, 4], 48))
    yield Wrong("undefined_type", nodes, _F, raw([3, 4], 48, 0))
    yield Wrong("unknown_type", nodes, _F, raw([3, 4], 48, 99))


def _runs() -> Iterator[Wrong]:
    """What is only seen when it runs: sizes of symbolic dimensions, indices."""

    def sized(
        label: str, nodes: Sequence[onnx.NodeProto], a: Dims, b: Dims, sa: Any, sb: Any
    ) -> Wrong:
        return Wrong(label, nodes, _two(a, b), sizes={"a": sa, "b": sb})

    yield sized("matmul_inner", [_n("MatMul", "a b")], (3, "k"), ("m", 3), (3, 4), (5, 3))
    yield sized("gemm_inner", [_n("Gemm", "a b")], (3, "k"), ("m", 3), (3, 4), (5, 3))
    yield sized("add", [_n("Add", "a b")], ("n", 4), ("m", 4), (3, 4), (5, 4))
    yield sized("concat", [_n("Concat", "a b", axis=1)], ("n", 4), ("m", 4), (3, 4), (5, 4))
    yield sized(
        "einsum",
        [_n("Einsum", "a b", equation="ij,jk->ik")],
        (3, "k"),
        ("m", 3),
        (3, 4),
        (5, 3),
    )
    yield Wrong(
        "same_symbol",
        [_n("Concat", "a b", axis=0)],
        _two(("n", 4), ("n", 4)),
        sizes={"a": (3, 4), "b": (5, 4)},
    )
    long: dict[str, tuple[str, Dims]] = {"x": ("float32", ("n", 4))}
    yield Wrong(
        "reshape", [_n("Reshape", "x s")], long, {"s": np.array([5, 4])}, sizes={"x": (3, 4)}
    )
    yield Wrong(
        "reshape_left",
        [_n("Reshape", "x s")],
        long,
        {"s": np.array([-1, 5])},
        sizes={"x": (3, 4)},
    )
    yield Wrong(
        "squeeze",
        [_n("Squeeze", "x s")],
        long,
        {"s": np.array([0])},
        output=("float32", ("p",)),
        sizes={"x": (3, 4)},
    )
    yield Wrong(
        "split",
        [_n("Split", "x s", "y z", axis=0)],
        long,
        {"s": np.array([2, 2])},
        sizes={"x": (3, 4)},
    )
    yield Wrong(
        "conv_channels",
        [_n("Conv", "x w")],
        {"x": ("float32", (1, "c", 6, 6))},
        _W,
        sizes={"x": (1, 3, 6, 6)},
    )
    fed: dict[str, tuple[str, Dims]] = {**_F, "i": ("int64", (2,))}
    yield Wrong("gather_beyond", [_n("Gather", "x i", axis=0)], fed, fed={"i": [0, 3]})
    yield Wrong("gather_below", [_n("Gather", "x i", axis=0)], fed, fed={"i": [0, -4]})
    yield Wrong("reshape_fed", [_n("Reshape", "x i")], fed, fed={"i": [5, 4]})
    yield Wrong("expand_fed", [_n("Expand", "x i")], fed, fed={"i": [3, 7]})


GROUPS: Mapping[str, Callable[[], Iterator[Wrong]]] = {
    "operators": _operators,
    "attributes": _attributes,
    "inputs": _inputs,
    "graphs": _graphs,
    "shapes": _shapes,
    "weights": _weights,
    "runs": _runs,
}
"""What is wrong, by kind."""


def cases() -> Iterator[Source]:
    """Every model that must be refused."""
    for group, made in GROUPS.items():
        for wrong in made():
            yield wrong.source(group)
