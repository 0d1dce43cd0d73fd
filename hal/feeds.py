"""Validation of feeds: name, element type, rank, shape; once, for every vendor.

`FeedChecker` is built from a program's signature. Its common path, arrays of the shapes seen in
the call before, costs a few comparisons; everything else goes the long way, which converts
Python numbers and lists, accepts DLPack, and says exactly what is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np

from hal import dtypes
from hal.errors import InputError
from hal.spec import TensorSpec
from hal.tensor import MapValue, Tensor, Value, value_of

_ndarray = np.ndarray


class FeedChecker:
    """Turns what a user feeds into the tensors a program takes, or raises InputError."""

    def __init__(self, inputs: Sequence[TensorSpec]) -> None:
        self._inputs = {spec.name: spec for spec in inputs}
        self._count = len(self._inputs)
        self._plain = tuple(
            (spec.name, dtypes.of_name(spec.dtype).numpy, dtypes.of_name(spec.dtype))
            for spec in inputs
            if spec.is_tensor and spec.dtype != "string"
        )
        self._all_plain = len(self._plain) == self._count
        # The shapes accepted last; compared before anything else is looked at.
        self._accepted: dict[str, tuple[int, ...]] = {}

    def check(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """The feeds as tensors, by name.

        Raises:
            InputError: a name is unknown or missing, or a type, rank or dimension is wrong.
        """
        accepted = self._accepted
        if accepted and len(feeds) == self._count:
            tensors: dict[str, Tensor] = {}
            try:
                for name, numpy_dtype, dtype in self._plain:
                    array = feeds[name]
                    if (
                        type(array) is not _ndarray
                        or array.dtype is not numpy_dtype
                        or array.shape != accepted[name]
                    ):
                        break
                    tensors[name] = Tensor(array, dtype)
                else:
                    return tensors
            except (KeyError, TypeError):
                pass  # the long way says what is wrong
        return self._long_way(feeds)

    def _long_way(self, feeds: Mapping[str, Any]) -> dict[str, Value]:
        self._check_names(feeds)
        values: dict[str, Value] = {}
        symbols: dict[str, tuple[int, str]] = {}
        for name, spec in self._inputs.items():
            value = _value(spec, feeds[name])
            if isinstance(value, Tensor) and spec.is_tensor:
                _check_shape(spec, value.shape, symbols)
            values[name] = value
        if self._all_plain:
            self._accepted = {n: v.shape for n, v in values.items() if isinstance(v, Tensor)}
        return values

    def _check_names(self, feeds: Mapping[str, Any]) -> None:
        if not isinstance(feeds, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers may be untyped
            raise InputError(
                f"feeds are a {type(feeds).__name__}; pass a mapping of input names to arrays: "
                f"{self._signature()}"
            )
        unknown = [name for name in feeds if name not in self._inputs]
        if unknown:
            raise InputError(f"no input {unknown[0]!r}; this model takes {self._signature()}")
        missing = [name for name in self._inputs if name not in feeds]
        if missing:
            raise InputError(
                f"input {missing[0]!r} is not fed; this model takes {self._signature()}"
            )

    def _signature(self) -> str:
        return "; ".join(str(spec) for spec in self._inputs.values()) or "no inputs"


def _value(spec: TensorSpec, given: Any) -> Value:
    """`given` as the kind of value the input takes."""
    if spec.is_tensor:
        return _tensor(spec, given)
    if given is None:
        if spec.containers[0] == "optional":
            return None
        raise InputError(f"input {spec.name!r} is None; it is a {spec.containers[0]}")
    if spec.containers == ("optional",):
        return _tensor(spec, given)
    if "sequence" in spec.containers and isinstance(given, (list, tuple)):
        items = cast("Sequence[Any]", given)
        return [_tensor(spec, item) for item in items]
    if "map" in spec.containers and isinstance(given, (dict, MapValue)):
        return value_of(given)
    raise InputError(
        f"input {spec.name!r} is a {type(given).__name__}; this model takes {spec}"
    )


def _tensor(spec: TensorSpec, given: Any) -> Tensor:
    wanted = dtypes.of_name(spec.dtype)
    if isinstance(given, (bool, int, float, complex, list, tuple)):
        return Tensor(_from_python(spec, given, wanted), wanted)
    tensor = Tensor.of(given)
    if tensor.dtype is not wanted:
        raise InputError(
            f"input {spec.name!r} is {tensor.dtype}; this model takes {spec}",
            dtype=tensor.dtype.name,
        )
    if wanted.name == "string":
        _check_text(spec, tensor.array)
    return tensor


def _from_python(spec: TensorSpec, given: Any, wanted: dtypes.DType) -> np.ndarray[Any, Any]:
    """Python numbers and nested lists take the input's type; they have none of their own."""
    try:
        array = np.asarray(given, dtype=wanted.numpy)
        natural = array if wanted.name == "string" else np.asarray(given)
    except (ValueError, TypeError, OverflowError) as error:
        raise InputError(
            f"input {spec.name!r} cannot be made from a {type(given).__name__}: {error}; "
            f"this model takes {spec}"
        ) from error
    if wanted.name == "string":
        _check_text(spec, array)
    elif natural.size and not _holds(wanted, natural, array):
        raise InputError(
            f"input {spec.name!r} would change the values of a {type(given).__name__} of "
            f"{natural.dtype}; this model takes {spec}"
        )
    return array


def _holds(
    wanted: dtypes.DType, natural: np.ndarray[Any, Any], array: np.ndarray[Any, Any]
) -> bool:
    """Whether `array` says what the Python numbers of `natural` said, rounding apart."""
    if natural.dtype == wanted.numpy:
        return True
    if wanted.name.startswith(("int", "uint")):
        same = array.astype(natural.dtype) == natural
        return natural.dtype.kind in "biu" and bool(same.all())
    if wanted.name == "bool":
        return False
    # "O" are integers of more than 64 bits.
    return natural.dtype.kind in ("biufOc" if wanted.name.startswith("complex") else "biufO")


def _check_text(spec: TensorSpec, array: np.ndarray[Any, Any]) -> None:
    for item in array.ravel().tolist():
        if not isinstance(item, (str, bytes)):
            raise InputError(
                f"input {spec.name!r} holds {item!r}, which is no text; this model takes {spec}"
            )


def check_buffers(outputs: Sequence[TensorSpec], given: Mapping[str, Any]) -> dict[str, Tensor]:
    """The buffers that outputs are to be written to, as tensors.

    Raises:
        InputError: an output does not exist, or the buffer for it is no writable array of its
            type and shape.
    """
    specs = {spec.name: spec for spec in outputs}
    buffers: dict[str, Tensor] = {}
    for name, array in given.items():
        if name not in specs:
            raise InputError(f"no output {name!r}; the outputs are {list(specs)}")
        spec = specs[name]
        if isinstance(array, (bool, int, float, complex, list, tuple)):
            raise InputError(f"the buffer for output {name!r} is no array; it is {spec}")
        tensor = Tensor.of(array)
        if not tensor.array.flags.writeable:
            raise InputError(f"the buffer for output {name!r} is read-only")
        if not spec.is_tensor or tensor.dtype.name != spec.dtype or not _fits(spec, tensor):
            raise InputError(
                f"the buffer for output {name!r} is {tensor.dtype}{list(tensor.shape)}; "
                f"the output is {spec}"
            )
        buffers[name] = tensor
    return buffers


def _fits(spec: TensorSpec, tensor: Tensor) -> bool:
    """Whether the numbers of a declared shape are those of the tensor's."""
    if spec.shape is None:
        return True
    pairs = zip(tensor.shape, spec.shape, strict=False)
    return len(tensor.shape) == len(spec.shape) and all(
        got == dim or not isinstance(dim, int) or dim < 0 for got, dim in pairs
    )


def _check_shape(
    spec: TensorSpec, shape: tuple[int, ...], symbols: dict[str, tuple[int, str]]
) -> None:
    if spec.shape is None:
        return
    if len(shape) != len(spec.shape):
        raise InputError(
            f"input {spec.name!r} has rank {len(shape)}, shape {list(shape)}; "
            f"this model takes {spec}"
        )
    for axis, (got, dim) in enumerate(zip(shape, spec.shape, strict=True)):
        if isinstance(dim, int) and dim >= 0 and got != dim:  # Paddle writes -1 for any
            raise InputError(
                f"input {spec.name!r} has {got} at axis {axis}, shape {list(shape)}; "
                f"this model takes {spec}"
            )
        if isinstance(dim, str) and dim != "?":  # and "?", more than once
            known, owner = symbols.setdefault(dim, (got, spec.name))
            if known != got:
                raise InputError(
                    f"dimension {dim!r} is {known} in input {owner!r} and {got} in input "
                    f"{spec.name!r}; they must be equal"
                )
