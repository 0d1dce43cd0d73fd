"""A model in the standard's own evaluator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeGuard

import numpy as np

from hal import dtypes
from hal.adapter import CanPlace, Program
from hal.errors import ExecutionError
from hal.spec import NodeFacts, Placement, TensorSpec
from hal.tensor import Array, Feeds, MapValue, Tensor, Value, as_array, plain_of


class ReferenceProgram(Program, CanPlace):
    """An `onnx.reference.ReferenceEvaluator`.

    Inputs and outputs are copied: operators may return their input, an initialiser or a
    constant as it is, and results belong to the caller.
    """

    def __init__(
        self,
        evaluator: Any,
        inputs: tuple[TensorSpec, ...],
        outputs: tuple[TensorSpec, ...],
        nodes: Sequence[NodeFacts],
    ) -> None:
        self.inputs = inputs
        self.outputs = outputs
        self._nodes = nodes
        self._evaluator: Any = evaluator
        self._names = [spec.name for spec in outputs]

    def run(self, feeds: Feeds) -> Sequence[Value]:
        given = {name: _encode(value) for name, value in feeds.items()}
        with np.errstate(all="ignore"):  # an infinity is a result here, not a warning
            results = self._evaluator.run(self._names, given)
        return [_decode(spec, r) for spec, r in zip(self.outputs, results, strict=True)]

    def placement(self) -> Placement:
        return Placement.claimed(self._nodes, "onnx.reference")

    def close(self) -> None:
        self._evaluator = None


def _encode(value: Value) -> Any:
    if isinstance(value, Tensor):
        return np.array(value.array, order="C")
    if isinstance(value, list):
        return [_encode(item) for item in value]
    return plain_of(value)


def _decode(spec: TensorSpec, result: Any) -> Value:
    if result is None:
        return None
    if _is_sequence(result):
        return [_decode(spec, item) for item in result]
    if _is_dict(result):
        return MapValue(Tensor.of(list(result)), Tensor(_column(spec, result), _dtype(spec)))
    if _is_array(result):
        return Tensor.of(np.array(as_array(result)))  # operators may return NumPy scalars
    if isinstance(result, (bool, int, float, complex, str)):
        return Tensor(np.asarray(result, _dtype(spec).numpy), _dtype(spec))
    raise ExecutionError(f"output {spec.name!r} came back as a {type(result).__name__}")


def _is_sequence(value: object) -> TypeGuard[Sequence[Any]]:
    return isinstance(value, (list, tuple))


def _is_dict(value: object) -> TypeGuard[dict[Any, Any]]:
    return isinstance(value, dict)


def _is_array(value: object) -> TypeGuard[Array]:
    return isinstance(value, (np.ndarray, np.generic))


def _dtype(spec: TensorSpec) -> dtypes.DType:
    return dtypes.of_name(spec.dtype)


def _column(spec: TensorSpec, pairs: dict[Any, Any]) -> Array:
    return np.asarray(list(pairs.values()), _dtype(spec).numpy)
