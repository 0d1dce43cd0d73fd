"""Models large enough that a device splits their work, for the soak suite alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np
import onnx
from onnx import helper, numpy_helper

from hal import dtypes
from hal.tensor import Tensor, Value
from hal_conformance.generated.draw import Draw
from hal_conformance.generated.source import Source
from hal_conformance.numerics.arithmetic import Array

OPSET = 17

Dims: TypeAlias = "tuple[int | str, ...]"
Feeds: TypeAlias = Mapping[str, Value]


def sources() -> dict[str, Source]:
    """The models and their feeds, by name."""
    return {name: make(f"large/{name}") for name, make in _MODELS.items()}


def _matmul(case: str) -> Source:
    return _source(
        case,
        [helper.make_node("MatMul", ["a", "b"], ["y"])],
        {"a": ("float32", (96, 1024)), "b": ("float32", (1024, 96))},
        [_normal(case, a=(96, 1024), b=(1024, 96))],
    )


def _matmul_dynamic(case: str) -> Source:
    sizes = ((7, 512), (96, 512))
    return _source(
        case,
        [helper.make_node("MatMul", ["a", "w"], ["y"])],
        {"a": ("float32", ("N", 512))},
        [_normal(f"{case}/{rows}", a=(rows, columns)) for rows, columns in sizes],
        {"w": _drawn(case, (512, 64))},
    )


def _perceptron(case: str) -> Source:
    nodes = [
        helper.make_node("MatMul", ["x", "w1"], ["p"]),
        helper.make_node("Add", ["p", "b1"], ["q"]),
        helper.make_node("Relu", ["q"], ["r"]),
        helper.make_node("MatMul", ["r", "w2"], ["s"]),
        helper.make_node("Softmax", ["s"], ["y"], axis=-1),
    ]
    weights = {
        "w1": _drawn(f"{case}/w1", (256, 128)) / 8,
        "b1": _drawn(f"{case}/b1", (128,)),
        "w2": _drawn(f"{case}/w2", (128, 32)) / 8,
    }
    feeds = [_normal(f"{case}/{rows}", x=(rows, 256)) for rows in (3, 64)]
    return _source(case, nodes, {"x": ("float32", ("N", 256))}, feeds, weights)


def _convolution(case: str) -> Source:
    node = helper.make_node("Conv", ["x", "w", "b"], ["y"], pads=[1, 1, 1, 1])
    weights = {"w": _drawn(f"{case}/w", (32, 16, 3, 3)), "b": _drawn(f"{case}/b", (32,))}
    feeds = [_normal(f"{case}/{side}", x=(1, 16, side, side)) for side in (13, 40)]
    return _source(case, [node], {"x": ("float32", (1, 16, "H", "W"))}, feeds, weights)


def _max_pool(case: str) -> Source:
    node = helper.make_node("MaxPool", ["x"], ["y"], kernel_shape=[3, 3], strides=[2, 2])
    shape = (2, 16, 65, 65)
    return _source(case, [node], {"x": ("float32", shape)}, [_normal(case, x=shape)])


def _sum(case: str) -> Source:
    node = helper.make_node("ReduceSum", ["x"], ["y"], keepdims=0)
    shape = (256, 1024)
    return _source(case, [node], {"x": ("float32", shape)}, [_normal(case, x=shape)])


def _running_sum(case: str) -> Source:
    node = helper.make_node("CumSum", ["x", "axis"], ["y"])
    weights = {"axis": np.array(0, np.int64)}
    shape = (65536,)
    return _source(case, [node], {"x": ("float32", shape)}, [_normal(case, x=shape)], weights)


def _softmax(case: str) -> Source:
    node = helper.make_node("Softmax", ["x"], ["y"], axis=-1)
    shape = (128, 1000)
    return _source(case, [node], {"x": ("float32", shape)}, [_normal(case, x=shape)])


def _layer_norm(case: str) -> Source:
    node = helper.make_node("LayerNormalization", ["x", "s", "b"], ["y"])
    weights = {"s": _drawn(f"{case}/s", (768,)), "b": _drawn(f"{case}/b", (768,))}
    shape = (64, 768)
    return _source(case, [node], {"x": ("float32", shape)}, [_normal(case, x=shape)], weights)


def _scatter(case: str) -> Source:
    node = helper.make_node("ScatterElements", ["x", "i", "u"], ["y"], reduction="add")
    indices = Draw(case, "i").integers(0, 64, 20_000)  # some three hundred for each place
    feeds = {"i": Tensor(_fixed(indices), dtypes.of_name("int64"))}
    return _source(
        case,
        [node],
        {"x": ("float32", (64,)), "i": ("int64", (20_000,)), "u": ("float32", (20_000,))},
        [{**_normal(case, x=(64,), u=(20_000,)), **feeds}],
        opset=18,
    )


def _lstm(case: str) -> Source:
    node = helper.make_node("LSTM", ["x", "w", "r"], ["y", "h", "c"], hidden_size=32)
    weights = {
        "w": _drawn(f"{case}/w", (1, 128, 16)) / 4,
        "r": _drawn(f"{case}/r", (1, 128, 32)) / 8,
    }
    feeds = [_normal(f"{case}/{steps}", x=(steps, 4, 16)) for steps in (3, 24)]
    return _source(case, [node], {"x": ("float32", ("T", 4, 16))}, feeds, weights)


def _loop(case: str) -> Source:
    """A state that is multiplied twelve times over."""
    body = helper.make_graph(
        [
            helper.make_node("MatMul", ["s", "w"], ["m"]),
            helper.make_node("Tanh", ["m"], ["next"]),
            helper.make_node("Identity", ["go"], ["on"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("i", onnx.TensorProto.INT64, []),
            helper.make_tensor_value_info("go", onnx.TensorProto.BOOL, []),
            helper.make_tensor_value_info("s", onnx.TensorProto.FLOAT, [32, 64]),
        ],
        [
            helper.make_tensor_value_info("on", onnx.TensorProto.BOOL, []),
            helper.make_tensor_value_info("next", onnx.TensorProto.FLOAT, [32, 64]),
        ],
    )
    weights: dict[str, Array] = {
        "n": np.array(12, np.int64),
        "w": _drawn(f"{case}/w", (64, 64)) / 8,
    }
    node = helper.make_node("Loop", ["n", "", "x"], ["carried"], body=body)
    named = helper.make_node(
        "Reshape", ["carried", "shape"], ["y"]
    )  # inference gives up at Loop
    weights["shape"] = np.array([32, 64], np.int64)
    inputs: dict[str, tuple[str, Dims]] = {"x": ("float32", (32, 64))}
    return _source(case, [node, named], inputs, [_normal(case, x=(32, 64))], weights)


def _quantised(case: str) -> Source:
    names = ["a", "as", "az", "b", "bs", "bz", "ys", "yz"]
    draw = Draw(case)
    scales = {name: np.array(0.02, np.float32) for name in ("as", "bs")}
    weights: dict[str, Array] = {
        **scales,
        "ys": np.array(0.5, np.float32),
        **{name: np.array(128, np.uint8) for name in ("az", "yz", "bz")},
        "b": draw.integers(0, 256, 512 * 96).reshape(512, 96).astype(np.uint8),
    }
    a = draw.integers(0, 256, 96 * 512).reshape(96, 512).astype(np.uint8)
    return _source(
        case,
        [helper.make_node("QLinearMatMul", names, ["y"])],
        {"a": ("uint8", (96, 512))},
        [{"a": Tensor(_fixed(a), dtypes.of_name("uint8"))}],
        weights,
    )


def _text(case: str) -> Source:
    """Two thousand strings, most too long to lie inside a small string object."""
    words = np.array([f"word {k} {'x' * (k % 50)}" for k in range(2000)], dtype=object)
    order = Draw(case).permutation(2000)
    feeds: dict[str, Value] = {
        "x": Tensor(_fixed(words[order]), dtypes.of_name("string")),
    }
    nodes = [helper.make_node("Gather", ["x", "i"], ["y"])]
    weights = {"i": np.ascontiguousarray(order[::-1])}
    return _source(case, nodes, {"x": ("string", (2000,))}, [feeds], weights)


_MODELS: Mapping[str, Callable[[str], Source]] = {
    "conv": _convolution,
    "cumsum": _running_sum,
    "layer-norm": _layer_norm,
    "loop": _loop,
    "lstm": _lstm,
    "matmul": _matmul,
    "matmul-dynamic": _matmul_dynamic,
    "max-pool": _max_pool,
    "perceptron": _perceptron,
    "quantised": _quantised,
    "scatter": _scatter,
    "softmax": _softmax,
    "sum": _sum,
    "text": _text,
}


def _source(
    case: str,
    nodes: Sequence[onnx.NodeProto],
    inputs: Mapping[str, tuple[str, Dims]],
    datasets: Sequence[Feeds],
    weights: Mapping[str, Array] | None = None,
    opset: int = OPSET,
) -> Source:
    graph = helper.make_graph(
        nodes,
        "soak",
        [
            helper.make_tensor_value_info(name, dtypes.of_name(kind).number, dims)
            for name, (kind, dims) in inputs.items()
        ],
        [onnx.ValueInfoProto(name=name) for node in nodes[-1:] for name in node.output],
        [numpy_helper.from_array(array, name) for name, array in (weights or {}).items()],
    )
    imports = [helper.make_opsetid("", opset)]
    model = helper.make_model(graph, opset_imports=imports, ir_version=8)
    model.producer_name = "onnx-hal"
    model = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    del model.graph.value_info[:]
    onnx.checker.check_model(model, full_check=True)  # pyright: ignore[reportUnknownMemberType]  # PathLike, no parameter
    largest = max(
        value.array.size
        for feeds in datasets
        for value in feeds.values()
        if isinstance(value, Tensor)
    )
    content = model.SerializeToString(deterministic=True)
    return Source(case, content, datasets, f"sampled {largest}", "values", "large", {})


def _normal(key: str, **shapes: tuple[int, ...]) -> dict[str, Value]:
    float32 = dtypes.of_name("float32")
    return {n: Tensor(_drawn(f"{key}/{n}", s), float32) for n, s in shapes.items()}


def _drawn(key: str, shape: tuple[int, ...]) -> Array:
    count = int(np.prod(shape))
    return _fixed(Draw(key).normal(count).astype(np.float32).reshape(shape))


def _fixed(array: Array) -> Array:
    array.setflags(write=False)
    return array
