"""The element types a node's outputs have, which arrays computed in float64 do not say."""

from __future__ import annotations

from collections.abc import Sequence

import onnx
from onnx import shape_inference

from hal import dtypes
from hal_conformance.numerics.expansion import type_of
from hal_conformance.numerics.pair import Quantity


def output_types(
    node: onnx.NodeProto, domain: str, version: int, inputs: Sequence[Quantity]
) -> dict[str, str]:
    """The element types of a node's outputs by name, as far as inference knows them."""
    try:
        schema = onnx.defs.get_schema(node.op_type, version, domain)
        given = zip(node.input, inputs, strict=False)
        types = {name: type_of(value) for name, value in given if name and value is not None}
        found = shape_inference.infer_node_outputs(
            schema, node, types, opset_imports=[onnx.helper.make_opsetid(domain, version)]
        )
    except (onnx.defs.SchemaError, shape_inference.InferenceError, RuntimeError):
        return {}
    return {name: element for name, kind in found.items() if (element := _element(kind))}


def _element(kind: onnx.TypeProto) -> str | None:
    while kind.HasField("sequence_type") or kind.HasField("optional_type"):
        inner = kind.sequence_type if kind.HasField("sequence_type") else kind.optional_type
        kind = inner.elem_type
    number = kind.tensor_type.elem_type
    return dtypes.of_number(number).name if number else None
