"""Quantities as bytes: a reference with its error, in as few of them as lose nothing.

A reference is kept in its tensor's own type where that holds it exactly, otherwise in float64.
Errors are rounded up to float32 where that has the range: 2^-24 more is no news in a bound.
What jumps (`Pair.accepts`) is a function and cannot be kept: it is computed again when asked.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hal import dtypes
from hal.tensor import Tensor
from hal_conformance.corpus.values import Packer, unpack
from hal_conformance.numerics.arithmetic import FORMATS, Array
from hal_conformance.numerics.pair import Pair, Quantity, Table


def pack(quantity: Quantity, packer: Packer) -> Any:
    """The quantity as JSON, its arrays in the packed file."""
    if quantity is None:
        return None
    if isinstance(quantity, list):
        return {"items": [pack(item, packer) for item in quantity]}
    if isinstance(quantity, Table):
        return {"keys": pack(quantity.keys, packer), "values": pack(quantity.values, packer)}
    described: dict[str, Any] = {"d": quantity.dtype, "v": _value(quantity, packer)}
    if quantity.error is not None:
        described["e"] = packer.add(_error(quantity.error))
    if quantity.ambiguous:
        described["a"] = quantity.ambiguous
    return described


def read(described: Any, content: memoryview) -> Quantity:
    """The quantity that was packed; its arrays are read-only."""
    if described is None:
        return None
    if "items" in described:
        return [read(item, content) for item in described["items"]]
    if "keys" in described:
        keys, values = (read(described[name], content) for name in ("keys", "values"))
        assert isinstance(keys, Pair)
        assert isinstance(values, Pair)
        return Table(keys, values)
    dtype = described["d"]
    value = _array(described["v"], content)
    if dtype in FORMATS:
        value = value.astype(np.float64)
    elif dtype == "complex64":
        value = value.astype(np.complex128)
    error = _array(described["e"], content).astype(np.float64) if "e" in described else None
    return Pair(value, error, dtype, ambiguous=described.get("a", 0))


def is_kept(quantity: Quantity) -> bool:
    """Whether bytes can say it all."""
    if isinstance(quantity, list):
        return all(is_kept(item) for item in quantity)
    if isinstance(quantity, Table):
        return is_kept(quantity.keys) and is_kept(quantity.values)
    return quantity is None or quantity.accepts is None


def _array(description: Any, content: memoryview) -> Array:
    tensor = unpack(description, content, 0)
    assert isinstance(tensor, Tensor)
    return tensor.array


def _value(pair: Pair, packer: Packer) -> Any:
    value = np.asarray(pair.value)
    own = dtypes.BY_NAME[pair.dtype]
    if pair.is_float or pair.dtype == "complex64":
        with np.errstate(all="ignore"):
            narrow = value.astype(own.numpy)
            back = narrow.astype(value.dtype)
        if np.array_equal(back, value, equal_nan=True) and _same_signs(back, value):
            return packer.add(Tensor(narrow, own))
        return packer.add(Tensor(value, dtypes.of_array(value)))
    return packer.add(Tensor(value, own))


def _same_signs(one: Array, other: Array) -> bool:
    return np.iscomplexobj(one) or bool((np.signbit(one) == np.signbit(other)).all())


def _error(error: Array) -> Tensor:
    wide = np.asarray(error, np.float64)
    with np.errstate(all="ignore"):
        narrow = wide.astype(np.float32)
        raised = np.where(
            narrow.astype(np.float64) < wide, np.nextafter(narrow, np.float32(np.inf)), narrow
        )
        fits = (wide == 0) | ~np.isfinite(wide) | ((wide >= 2.0**-126) & (wide < 2.0**127))
    if fits.all():
        return Tensor(np.asarray(raised, np.float32), dtypes.BY_NAME["float32"])
    return Tensor(wide, dtypes.BY_NAME["float64"])
