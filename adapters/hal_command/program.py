"""The Program: writes the inputs, has them run, reads the outputs."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from hal import exchange
from hal.adapter import Program
from hal.errors import CompileError
from hal.spec import CompileOptions, Dim, TensorSpec
from hal.tensor import Feeds, Tensor, Value
from hal_command.lines import Lines

if TYPE_CHECKING:
    import onnx

    from hal.model import Model

Shape: TypeAlias = "tuple[Dim, ...] | None"


class CommandProgram(Program):
    """A model compiled by a command, in a folder of its own that goes with it."""

    def __init__(self, model: Model, lines: Lines, options: CompileOptions) -> None:
        self.inputs = tuple(spec.bound(options.dimensions) for spec in model.facts.inputs)
        self.outputs = tuple(spec.bound(options.dimensions) for spec in model.facts.outputs)
        self._model = model
        self._lines = lines
        self._threads = options.threads or 0
        self._folder = Path(tempfile.mkdtemp(prefix="hal-command-"))
        self._builds: dict[tuple[Shape, ...], Path] = {}
        self._static = lines.static and not all(spec.is_static for spec in self.inputs)
        try:
            if not self._static:
                self._build(())
        except BaseException:
            self.close()
            raise

    def run(self, feeds: Feeds) -> Sequence[Value]:
        values: list[Value] = [feeds[spec.name] for spec in self.inputs]
        build = self._build(tuple(v.shape if isinstance(v, Tensor) else () for v in values))
        folders = [build / "inputs", build / "outputs"]
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
        exchange.write(folders[0], "input", self.inputs, values, self._lines.files)
        self._call("run", build)
        return exchange.read(folders[1], "output", self.outputs)

    def close(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def _build(self, shapes: tuple[Shape, ...]) -> Path:
        """The folder in which it is compiled: one for all shapes, or one for each."""
        shapes = shapes if self._static else ()
        if shapes not in self._builds:
            build = Path(tempfile.mkdtemp(dir=self._folder))
            self._write_model(build / "model.onnx", shapes)
            self._call("compile", build)
            if not (build / self._lines.artifact).exists():
                raise CompileError(f"the compile command wrote no {self._lines.artifact}")
            self._builds[shapes] = build
        return self._builds[shapes]

    def _call(self, step: str, build: Path) -> None:
        places = {name: build / name for name in ("inputs", "outputs")}
        places |= {"model": build / "model.onnx", "artifact": build / self._lines.artifact}
        self._lines.call(step, places, build, self._threads)

    def _write_model(self, path: Path, shapes: tuple[Shape, ...]) -> None:
        facts = self._model.facts
        for name, source in zip(facts.external, self._model.external_paths(), strict=True):
            (path.parent / name).parent.mkdir(parents=True, exist_ok=True)
            (path.parent / name).symlink_to(source)
        fixed = [*shapes] or [spec.shape for spec in self.inputs]
        if fixed == [spec.shape for spec in facts.inputs]:
            path.write_bytes(self._model.bytes())
        else:
            path.write_bytes(_fixed(self._model.proto(), facts.inputs, fixed))


def _fixed(
    proto: onnx.ModelProto, inputs: Sequence[TensorSpec], shapes: Sequence[Shape]
) -> bytes:
    """The model with these shapes of its inputs, and what follows for symbols elsewhere."""
    own = {spec.name: shape or () for spec, shape in zip(inputs, shapes, strict=True)}
    known: dict[Dim, Dim] = {}
    for spec in inputs:
        known.update(zip(spec.shape or (), own[spec.name], strict=False))
    for value in (*proto.graph.input, *proto.graph.output, *proto.graph.value_info):
        lengths = own.get(value.name, ())
        for place, dim in enumerate(value.type.tensor_type.shape.dim):
            length = lengths[place] if place < len(lengths) else known.get(dim.dim_param)
            if isinstance(length, int):
                dim.dim_value = length
    return proto.SerializeToString()
