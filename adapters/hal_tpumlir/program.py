"""A compiled program on a chip's model: what `run` gives for given feeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import ZipFile

import numpy as np
from numpy.lib.format import write_array

from hal.adapter import CanPlace, Program
from hal.errors import ExecutionError
from hal.spec import Placement, TensorSpec
from hal.tensor import Array, Feeds, Tensor, Value
from hal_tpumlir import tools
from hal_tpumlir.placement import value_of


class TpuMlirProgram(Program, CanPlace):
    """One .bmodel in a folder of its own."""

    def __init__(
        self,
        folder: TemporaryDirectory[str],
        inputs: tuple[TensorSpec, ...],
        outputs: tuple[TensorSpec, ...],
        placed: Placement,
    ) -> None:
        self.inputs = inputs
        self.outputs = outputs
        self._folder = folder
        self._placed = placed

    def run(self, feeds: Feeds) -> Sequence[Value]:
        folder = Path(self._folder.name)
        arrays = {spec.name: feeds[spec.name].array for spec in self.inputs}
        _save(folder / "in.npz", arrays)
        given = ("--input", "in.npz", "--model", "model.bmodel", "--output", "out.npz")
        tools.run("model_runner", *given, folder=folder)
        with np.load(folder / "out.npz") as results:
            return [_tensor(results, spec) for spec in self.outputs]

    def placement(self) -> Placement:
        return self._placed

    def close(self) -> None:
        self._folder.cleanup()


def _save(path: Path, arrays: Mapping[str, Array]) -> None:
    """An .npz; NumPy's own `savez` takes names as keywords, and some names are its own."""
    with ZipFile(path, "w") as file:
        for name, array in arrays.items():
            with file.open(f"{name}.npy", "w", force_zip64=True) as stream:
                write_array(stream, np.ascontiguousarray(array), allow_pickle=False)


def _tensor(results: Any, spec: TensorSpec) -> Tensor:
    """A result, found by its value's name; an input that is a result has no other."""
    key = next((key for key in results if spec.name in (key, value_of(key))), None)
    if key is None:
        raise ExecutionError(f"the chip's model gave {sorted(results)}, and not {spec.name!r}")
    return Tensor.of_output(results[key], spec.shape)
