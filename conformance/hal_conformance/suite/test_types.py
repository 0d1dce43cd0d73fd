"""Claimed element types: each is taken by at least one operator, and comes back unharmed.

Identity is asked first, in every version that knows the type, newest first; then Cast to
float32, which is how devices with few operators take their smallest types. Types stand in
groups, so that a crash on one kind does not hide the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import defs

from hal import dtypes
from hal.device import Device
from hal.dtypes import DType
from hal.errors import Unsupported
from hal.tensor import Tensor
from hal_conformance.suite import check
from hal_conformance.suite.complaint import complaints
from hal_conformance.suite.models import Zoo, model, node
from hal_conformance.suite.promise import Skip, promise


@promise("claims/types-of-numpy", "computes")
def test_claimed_numbers_and_booleans_are_taken(device: Device, zoo: Zoo) -> None:
    _taken(device, zoo, {t.name for t in dtypes.BY_NAME.values() if t.numpy.kind in "biuf"})


@promise("claims/types-complex", "computes")
def test_claimed_complex_numbers_are_taken(device: Device, zoo: Zoo) -> None:
    _taken(device, zoo, {"complex64", "complex128"})


@promise("claims/types-string", "computes")
def test_claimed_strings_are_taken(device: Device, zoo: Zoo) -> None:
    _taken(device, zoo, {"string"})


@promise("claims/types-small-floats", "computes")
def test_claimed_small_floats_are_taken(device: Device, zoo: Zoo) -> None:
    _taken(device, zoo, {t for t in dtypes.ALL if t.startswith(("bfloat", "float8"))})


@promise("claims/types-below-a-byte", "computes")
def test_claimed_types_below_a_byte_are_taken(device: Device, zoo: Zoo) -> None:
    _taken(device, zoo, {t.name for t in dtypes.BY_NAME.values() if 0 < t.bits < 8})


@dataclass(frozen=True)
class _Question:
    """A model and what it should make of x."""

    model: onnx.ModelProto
    x: Tensor
    y: Tensor


def _taken(device: Device, zoo: Zoo, group: set[str]) -> None:
    claimed = sorted(device.info.dtypes & group)
    if not claimed:
        raise Skip("the device claims no type of this kind")
    _takes(device, zoo, zoo.dtype)  # no such operator in any type: a gap, and no false claim
    wrong = complaints(claimed, lambda name: _takes(device, zoo, dtypes.of_name(name)))
    check.equal(wrong, {}, "claimed types that do not work")


def _takes(device: Device, zoo: Zoo, dtype: DType) -> None:
    """Some operator takes the type, and every one that does so answers right."""
    refusal: Unsupported | None = None
    for question in _questions(device, zoo, dtype):
        try:
            with device.compile(question.model) as exe:
                (got,) = exe.run_values({"x": question.x})
        except Unsupported as error:
            refusal = refusal or error
            continue
        _right(got, question.y)
        return
    raise refusal or Unsupported(f"no operator of the claimed opsets takes {dtype}")


def _right(got: object, promised: Tensor) -> None:
    check.equal(type(got), Tensor, "kind of y")
    if isinstance(got, Tensor):
        check.equal(got.dtype.name, promised.dtype.name, "type of y")
        check.same(got.array, promised.array, "y")


def _questions(device: Device, zoo: Zoo, dtype: DType) -> Iterator[_Question]:
    low, high = device.info.opsets.get("", (zoo.opset, zoo.opset))
    x = _values(dtype)
    for opset in _versions("Identity", low, high, dtype):
        yield _Question(_model("Identity", dtype, dtype, opset), x, x)
    float32 = dtypes.of_name("float32")
    if dtype.name == "string" or dtype.name.startswith("complex"):
        return
    y = Tensor(x.array.astype(np.float32), float32)
    for opset in _versions("Cast", low, high, dtype):
        yield _Question(_model("Cast", dtype, float32, opset, to=float32.number), x, y)


def _values(dtype: DType) -> Tensor:
    """Five values the type can hold, an odd number for those that share a byte."""
    if dtype.name == "string":
        texts = ["", "a", "b c", "\N{GREEK SMALL LETTER PI}", "\N{GRINNING FACE}"]
        return Tensor(np.array(texts, object), dtype)
    numbers = [1, 2, 2, 1, 2] if dtype.name == "float8e8m0" else [0, 1, 1, 0, 1]
    return Tensor(np.array(numbers).astype(dtype.numpy), dtype)


def _versions(op: str, low: int, high: int, dtype: DType) -> Iterator[int]:
    """The newest opset of the range for each version of the operator that knows the type."""
    newest = min(high, defs.onnx_opset_version())
    seen: set[int] = set()
    for opset in range(newest, low - 1, -1):
        schema = defs.get_schema(op, opset, "")
        allowed = {text for t in schema.type_constraints for text in t.allowed_type_strs}
        if schema.since_version not in seen and f"tensor({dtype.schema})" in allowed:
            seen.add(schema.since_version)
            yield opset


def _model(
    op: str, given: DType, result: DType, opset: int, **attributes: int
) -> onnx.ModelProto:
    return model(
        [node(op, ["x"], ["y"], **attributes)],
        [("x", given.name, (5,))],
        [("y", result.name, (5,))],
        opset=opset,
    )
