"""The same case with one thing changed: another attribute, or other values fed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence, Set

import numpy as np
import onnx
from onnx import AttributeProto, checker, helper, numpy_helper, shape_inference

from hal import dtypes
from hal.tensor import Tensor, Value
from hal_conformance.generated.strict.asked import Asked, Feeds

Kind = AttributeProto.AttributeType


def fed(
    asked: Asked, number: int, names: Set[str], forge: Callable[[Value], Value]
) -> tuple[onnx.ModelProto, Feeds]:
    """The model and feeds with these inputs forged, weights among them."""
    feeds = {
        name: forge(value) if name in names else value
        for name, value in asked.datasets[number].items()
    }
    if not any(weight.name in names for weight in asked.model.graph.initializer):
        return asked.model, feeds
    model = onnx.ModelProto()
    model.CopyFrom(asked.model)
    for weight in model.graph.initializer:
        if weight.name in names:
            held = Tensor(numpy_helper.to_array(weight), dtypes.of_number(weight.data_type))
            made = forge(held)
            assert isinstance(made, Tensor)
            weight.CopyFrom(numpy_helper.from_array(made.array, weight.name))
    return model, feeds


def without(asked: Asked, name: str) -> onnx.ModelProto:
    """The model without an attribute: what a device computes that ignores it."""
    model = onnx.ModelProto()
    model.CopyFrom(asked.model)
    node = model.graph.node[0]
    kept = [attribute for attribute in node.attribute if attribute.name != name]
    del node.attribute[:]
    node.attribute.extend(kept)
    return model


def divided_in_half(asked: Asked, number: int) -> list[Value]:
    """QuantizeLinear to uint8 by a device that divides in float16, whatever is set."""
    x, scale, zero, *_ = asked.datasets[number].values()
    if not (isinstance(x, Tensor) and isinstance(scale, Tensor) and isinstance(zero, Tensor)):
        return []
    quotient = x.array.astype(np.float16) / scale.array.astype(np.float16)
    whole = np.rint(quotient.astype(np.float64)) + zero.array.astype(np.float64)
    return [Tensor(np.clip(whole, 0, 255).astype(np.uint8), zero.dtype)]


def by_place(asked: Asked, right: Sequence[Value]) -> list[Value]:
    """TopK by a device that does not sort: the same elements, in the order of the operand."""
    values, places = right
    if not (isinstance(values, Tensor) and isinstance(places, Tensor)):
        return list(right)
    axis = next((a.i for a in asked.node.attribute if a.name == "axis"), -1)
    order = np.argsort(places.array, axis=axis)
    return [
        Tensor(np.take_along_axis(one.array, order, axis), one.dtype)
        for one in (values, places)
    ]


def loses_meaning(model: onnx.ModelProto, other: onnx.ModelProto) -> bool:
    """Whether onnx takes the one and refuses the other."""
    return not _refused(model) and _refused(other)


def _refused(model: onnx.ModelProto) -> bool:
    try:
        checker.check_model(model, full_check=True)  # pyright: ignore[reportUnknownMemberType]  # PathLike, no parameter
    except (checker.ValidationError, shape_inference.InferenceError):
        return True
    return False


def varied(
    asked: Asked, name: str, seen: Iterable[AttributeProto]
) -> Iterator[onnx.ModelProto]:
    """The model with other values of an attribute: those of other cases, and nearby ones."""
    own = next(a for a in asked.node.attribute if a.name == name)
    for other in (*seen, *_near(own)):
        if other != own:
            model = without(asked, name)
            model.graph.node[0].attribute.append(other)
            yield model


def _near(own: AttributeProto) -> Iterator[AttributeProto]:
    value = helper.get_attribute_value(own)
    made: list[object] = []
    if own.type == Kind.INT:
        made = [value + 1, value - 1, int(not value)]
    elif own.type == Kind.FLOAT:
        made = [value * 2 + 0.5, -value]
    elif own.type in (Kind.INTS, Kind.FLOATS):
        made = [[v + 1 for v in value], list(reversed(value)), [1 - v for v in value]]
    elif own.type == Kind.STRINGS:
        made = [list(reversed(value)), [v + b"x" for v in value]]
    elif own.type == Kind.STRING:
        made = [value + b"x"]
    elif own.type == Kind.TENSOR:
        made = list(_tensors(value))
    elif own.type == Kind.GRAPH:
        made = [_other_graph(value)]
    for other in made:
        with contextlib.suppress(ValueError):  # out of the range of its kind
            yield helper.make_attribute(own.name, other, attr_type=own.type)


def _other_graph(graph: onnx.GraphProto) -> onnx.GraphProto:
    """A graph that multiplies where this one adds."""
    made = onnx.GraphProto()
    made.CopyFrom(graph)
    for node in made.node:
        if node.op_type == "Add":
            node.op_type = "Mul"
    return made


def _tensors(tensor: onnx.TensorProto) -> Iterator[onnx.TensorProto]:
    array = numpy_helper.to_array(tensor)
    if array.ndim:
        yield numpy_helper.from_array(array[::-1].copy(), tensor.name)
    if array.dtype.kind == "O":
        yield numpy_helper.from_array(array + "x", tensor.name)
    elif array.dtype.kind == "b":
        yield numpy_helper.from_array(~array, tensor.name)
    else:
        yield numpy_helper.from_array((array + array.dtype.type(1)), tensor.name)
