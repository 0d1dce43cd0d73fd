"""The body the standard gives an operator, for the types and shapes at hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper

from hal import dtypes
from hal_conformance.numerics.pair import Pair, Quantity, Table


def body_of(
    node: onnx.NodeProto, opset: int, inputs: Sequence[Quantity]
) -> onnx.FunctionProto | None:
    """The function body of a node's operator at an opset, or None where it has none."""
    domain = "" if node.domain == "ai.onnx" else node.domain
    try:
        schema: Any = onnx.defs.get_schema(node.op_type, opset, domain)  # untyped stubs
    except onnx.defs.SchemaError:
        return None
    if schema.has_function:
        data: bytes = schema.get_function_with_opset_version(opset)
    elif schema.has_context_dependent_function:
        types = [type_of(value).SerializeToString() for value in inputs]
        serialized = node.SerializeToString()
        # Asked for a later opset than it was written for, onnx gives an empty body.
        written = [v for v in schema.context_dependent_function_opset_versions if v <= opset]
        data = schema.get_context_dependent_function_with_opset_version(
            max(written, default=opset), serialized, types
        )
    else:
        return None
    if not data:
        return None
    body = onnx.FunctionProto()
    body.ParseFromString(data)
    return body


def type_of(value: Quantity) -> onnx.TypeProto:
    """The ONNX type of a quantity, with its shape."""
    if isinstance(value, Pair):
        number = dtypes.of_name(value.dtype).number
        return helper.make_tensor_type_proto(number, list(np.shape(value.value)))
    if value is None:
        return onnx.TypeProto()
    if isinstance(value, Table):
        number = dtypes.of_name(value.keys.dtype).number
        return helper.make_map_type_proto(number, type_of(value.values))
    element = type_of(value[0]) if value else helper.make_tensor_type_proto(1, None)
    return helper.make_sequence_type_proto(element)
