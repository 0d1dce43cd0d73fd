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


class TpuMlirProgram(Program, CanPlace):
    """One .bmodel in a folder of its own; `named` are the compiler's names for the outputs."""

    def __init__(
        self,
        folder: TemporaryDirectory[str],
        inputs: tuple[TensorSpec, ...],
        outputs: tuple[TensorSpec, ...],
        named: Sequence[str],
        placed: Placement,
    ) -> None:
        self.inputs = inputs
        self.outputs = outputs
        self._folder = folder
        self._named = named
        self._placed = placed

    def run(self, feeds: Feeds) -> Sequence[Value]:
        folder = Path(self._folder.name)
        arrays = {spec.name: feeds[spec.name].array for spec in self.inputs}
        _save(folder / "in.npz", arrays)
        given = ("--input", "in.npz", "--model", "model.bmodel", "--output", "out.npz")
        tools.run("model_runner", *given, folder=folder)
        with np.load(folder / "out.npz") as results:
            return [
                _tensor(results, name, spec)
                for name, spec in zip(self._named, self.outputs, strict=True)
            ]

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


def _tensor(results: Any, name: str, spec: TensorSpec) -> Tensor:
    """A result by its name, which a cast to float32 lengthens; scalars come as one element."""
    key = next((key for key in (name, f"{name}_f32", spec.name) if key in results), None)
    if key is None:
        raise ExecutionError(f"the chip's model gave {sorted(results)}, and not {spec.name!r}")
    return Tensor.of_output(results[key], spec.shape)
