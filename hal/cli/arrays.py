"""Arrays in and out of a command: .npy files, names for nested results, a summary of values.

Loads with NumPy alone: `hal bench` uses it inside a worker.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np

from hal import dtypes
from hal.errors import InputError
from hal.spec import TensorSpec
from hal.tensor import Array


def leaves(outputs: Any, prefix: str = "") -> Iterator[tuple[str, Array | None]]:
    """Every array of nested results with its name: `y`, `boxes[0]`, `scores[cat]`."""
    pairs: Any = outputs.items() if hasattr(outputs, "items") else enumerate(outputs)
    for key, value in pairs:
        name = f"{prefix}[{key}]" if prefix else str(key)
        if isinstance(value, (Mapping, list)):
            yield from leaves(value, name)
        else:
            yield name, None if value is None else np.asarray(value)


def read_npy(path: Path, spec: TensorSpec) -> Array:
    """The array of an .npy file; raw bits take the small type the input has.

    Raises:
        InputError: there is no such file, or it holds no array without pickled objects.
    """
    asked = f"cannot read input {spec.name!r} from {path}"
    try:
        loaded: Any = np.load(path, allow_pickle=False)
    except OSError as error:
        raise InputError(f"{asked}: {error.strerror or error}") from error
    except (ValueError, EOFError) as error:
        # NumPy takes any file that is no array for a pickle, and offers to load it unsafely.
        raise InputError(
            f"{asked}: it is not an array of numbers or text that numpy.save wrote"
        ) from error
    if not isinstance(loaded, np.ndarray):
        raise InputError(f"{path} is an .npz; input {spec.name!r} needs the .npy of one array")
    array = cast("Array", loaded)
    wanted = dtypes.of_name(spec.dtype).numpy
    if array.dtype.kind == "V" and array.dtype.itemsize == wanted.itemsize:
        # NumPy writes ml_dtypes' types as void: the bits are right, the name is lost.
        return array.view(wanted)
    return array


def write_npy(path: Path, array: Array) -> None:
    """Write one array as .npy, strings as NumPy's own text, never pickled."""
    text = array.dtype.kind == "O"
    np.save(path, array.astype(np.str_) if text else array, allow_pickle=False)


def summary(array: Array) -> dict[str, Any]:
    """Type, shape, and for numbers the least, the greatest, the mean, and how many are NaN."""
    kind = dtypes.of_array(array)
    found: dict[str, Any] = {"dtype": kind.name, "shape": list(array.shape)}
    if kind.name == "string" or kind.name.startswith("complex") or not array.size:
        return found
    values = array.astype(np.float64)
    nans = int(np.isnan(values).sum())
    found["nans"] = nans
    if nans < values.size:
        present = values[~np.isnan(values)]
        with np.errstate(invalid="ignore", over="ignore"):  # infinities are shown as they are
            low, high, mean = present.min(), present.max(), present.mean()
        found |= {"min": float(low), "max": float(high), "mean": float(mean)}
    return found
