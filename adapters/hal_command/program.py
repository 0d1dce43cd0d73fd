"""The Program: writes the inputs, has them run, reads the outputs."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from hal import exchange
from hal.adapter import Program
from hal.errors import CompileError
from hal.model import Model
from hal.staged import as_file
from hal.tensor import Feeds, Value
from hal_command.lines import Lines


class CommandProgram(Program):
    """A model compiled by a command, in a folder of its own that goes with it."""

    def __init__(self, model: Model, lines: Lines, threads: int) -> None:
        self.inputs, self.outputs = model.facts.inputs, model.facts.outputs
        self._lines, self._threads = lines, threads
        self._folder = Path(tempfile.mkdtemp(prefix="hal-command-"))
        names = {name: name for name in ("inputs", "outputs")} | {"artifact": lines.artifact}
        self._places = {name: self._folder / place for name, place in names.items()}
        try:
            # As bytes, so that it has one name and place, wherever it came from.
            named = Model(model.bytes(), folder=model.folder)
            self._places["model"] = as_file(named, self._folder)
            lines.call("compile", self._places, self._folder, threads)
            if not self._places["artifact"].exists():
                raise CompileError(f"the compile command wrote no {lines.artifact}")
        except BaseException:
            self.close()
            raise

    def run(self, feeds: Feeds) -> Sequence[Value]:
        values = [feeds[spec.name] for spec in self.inputs]
        inputs, outputs = folders = self._places["inputs"], self._places["outputs"]
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
        exchange.write(inputs, "input", self.inputs, values, self._lines.files)
        self._lines.call("run", self._places, self._folder, self._threads)
        return exchange.read(outputs, "output", self.outputs)

    def close(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
