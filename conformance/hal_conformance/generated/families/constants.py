"""Operators that make tensors: constants, tensors of a shape, diagonals of ones."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from hal_conformance.generated import registry, values
from hal_conformance.generated.draw import Draw
from hal_conformance.generated.form import Binding, Family, Form, In, const, number_of, varied


def _eye() -> list[Form]:
    base = Form("plain", (In((4, 6)),), core=True)
    typed = base.also("typed", attributes={"dtype": number_of("T2")}, core=True)
    square = base.also("square", inputs=(In((19, 19)),))
    return [
        base,
        *varied(base, k=(0, 1, -2, 7, -7)),
        typed,
        square,
        square.also("square_lower", attributes={"k": -11}),
        base.also("long", inputs=(In((8, 33)),), attributes={"k": 25}),
    ]


def _one(parameter: str) -> Any:
    """The tensor of one element, which needs its type."""

    def value(binding: Binding) -> onnx.TensorProto:
        dtype = registry.element(binding[parameter])
        if dtype is None:
            raise TypeError(binding[parameter])
        array = np.array([values.telling(dtype)]).astype(dtype.numpy)
        tensor: onnx.TensorProto = numpy_helper.from_array(array, "value")
        return tensor

    return value


_OF_SHAPE = (
    Form("default", (const([2, 3]),)),
    Form("value", (const([2, 3]),), {"value": _one("T2")}, core=True),
    Form("scalar", (const([], shape=(0,)),), {"value": _one("T2")}),
    Form("empty", (const([0, 3]),), {"value": _one("T2")}),
    Form("large", (const([31, 33]),), {"value": _one("T2")}),
    Form("given", (In((2,), values.fixed([2, 3])),), {"value": _one("T2")}, ranks=(2,)),
    *(
        Form("by".join(map(str, shape)), (const(shape),), {"value": _one("T2")})
        for shape in ([1], [7], [1, 7], [3, 1], [4, 4], [8, 161])
    ),
    Form(
        "given_again",
        (In((2,), values.whole(1, 9)),),
        {"value": _one("T2")},
        ranks=(2,),
        sizes=({}, {}, {}),
    ),
    Form(
        "given_three",
        (In((3,), values.fixed([2, 3, 5])),),
        {"value": _one("T2")},
        ranks=(3,),
        sizes=({}, {}),
    ),
)


def _some(shape: values.Shape) -> Any:
    def value(binding: Binding) -> onnx.TensorProto:
        dtype = registry.element(binding["T"])
        if dtype is None:
            raise TypeError(binding["T"])
        array = values.held(Draw(0), shape, dtype)
        tensor: onnx.TensorProto = numpy_helper.from_array(array, "value")
        return tensor

    return value


def _sparse(_binding: Binding) -> onnx.SparseTensorProto:
    kept = numpy_helper.from_array(np.array([1.5, -2.0], np.float32), "values")
    where = numpy_helper.from_array(np.array([1, 5], np.int64), "indices")
    return helper.make_sparse_tensor(kept, where, [2, 4])


_CONSTANT = (
    Form("tensor", (), {"value": _some((3, 5))}, core=True),
    Form("scalar", (), {"value": _some(())}),
    Form("empty", (), {"value": _some((0, 2))}),
    Form("sparse", (), {"sparse_value": _sparse}, only=lambda b: b["T"] == "tensor(float)"),
    Form("float", (), {"value_float": -0.0}, only=lambda b: b["T"] == "tensor(float)"),
    Form(
        "floats",
        (),
        {"value_floats": [1.5, -2.0, 3e38]},
        only=lambda b: b["T"] == "tensor(float)",
    ),
    Form("fraction", (), {"value_float": 1.75}, only=lambda b: b["T"] == "tensor(float)"),
    Form(
        "infinite",
        (),
        {"value_floats": [math.inf, -math.inf, math.nan, -1e-40, 3.4e38]},
        only=lambda b: b["T"] == "tensor(float)",
    ),
    Form("small_int", (), {"value_int": 41}, only=lambda b: b["T"] == "tensor(int64)"),
    Form(
        "small_ints", (), {"value_ints": [5, 3, -8]}, only=lambda b: b["T"] == "tensor(int64)"
    ),
    Form("int", (), {"value_int": -(2**63)}, only=lambda b: b["T"] == "tensor(int64)"),
    Form(
        "ints", (), {"value_ints": [1, -2, 2**63 - 1]}, only=lambda b: b["T"] == "tensor(int64)"
    ),
    Form("string", (), {"value_string": "grün"}, only=lambda b: b["T"] == "tensor(string)"),
    Form(
        "strings",
        (),
        {"value_strings": ["a", "", "日本"]},
        only=lambda b: b["T"] == "tensor(string)",
    ),
)


FAMILIES = (
    Family(("EyeLike",), _eye(), vary=("T2",), typing="free"),
    Family(("ConstantOfShape",), _OF_SHAPE, vary=("T2",), typing="free"),
    Family(("Constant",), _CONSTANT, vary=("T",)),
)
