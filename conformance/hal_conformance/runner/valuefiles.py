"""Values as files that a script can read without this package, and the words that read them.

Arrays of NumPy's own types are .npy files; text and the small types are serialised
TensorProtos (.pb), which `onnx.load_tensor` reads.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hal.tensor import MapValue, Tensor, Value


@dataclass(frozen=True, slots=True)
class Written:
    """The files of one value; `expression` is Python that reads them, from beside the folder.

    `needs_onnx` says whether the expression needs `import onnx`.
    """

    expression: str
    needs_onnx: bool


def write(folder: Path, name: str, value: Value) -> Written:
    """Write a value into a folder, in files that begin with its name made plain."""
    folder.mkdir(parents=True, exist_ok=True)
    return _write(folder, plain(name), value)


def plain(name: str) -> str:
    """A file name for a value: models name them "a/b:0" and "../x"."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", name)[:80] or "value"


def _write(folder: Path, name: str, value: Value) -> Written:
    if value is None:
        return Written("None", needs_onnx=False)
    if isinstance(value, Tensor):
        return _write_tensor(folder, name, value)
    if isinstance(value, MapValue):
        keys = _write(folder, f"{name}.keys", value.keys)
        values = _write(folder, f"{name}.values", value.values)
        text = f"dict(zip({keys.expression}.tolist(), {values.expression}.tolist()))"
        return Written(text, keys.needs_onnx or values.needs_onnx)
    items = [_write(folder, f"{name}.{number}", item) for number, item in enumerate(value)]
    listed = ", ".join(item.expression for item in items)
    return Written(f"[{listed}]", any(item.needs_onnx for item in items))


def _write_tensor(folder: Path, name: str, tensor: Tensor) -> Written:
    if not tensor.dtype.is_extension and tensor.dtype.name != "string":
        path = folder / f"{name}.npy"
        np.save(path, tensor.array)
        return Written(f'np.load("{folder.name}/{path.name}")', needs_onnx=False)
    from onnx import numpy_helper

    path = folder / f"{name}.pb"
    proto = numpy_helper.from_array(tensor.array)
    path.write_bytes(proto.SerializeToString())
    read = f'onnx.numpy_helper.to_array(onnx.load_tensor("{folder.name}/{path.name}"))'
    return Written(read, needs_onnx=True)
