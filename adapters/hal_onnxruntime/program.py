"""Models compiled by ONNX Runtime.

`PlainProgram` is the fast path: every input and output is a tensor of a type NumPy has, which
is settled once, when the program is made. `ValueProgram` takes everything else. Both bind,
save, profile and know their placement through `SessionProgram`.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hal import dtypes
from hal.adapter import Binding, CanBind, CanPlace, CanProfile, CanSave, Program
from hal.errors import ExecutionError, Unsupported
from hal.spec import NodeTime, Placement, TensorSpec
from hal.tensor import Feeds, Tensor, Value
from hal_onnxruntime import artifacts, placement, values
from hal_onnxruntime.binding import SessionBinding
from hal_onnxruntime.session import Recipe, sdk


class SessionProgram(Program, CanPlace, CanBind, CanSave, CanProfile):
    """A session, and the recipe to make it again."""

    def __init__(
        self,
        recipe: Recipe,
        session: Any,
        inputs: tuple[TensorSpec, ...],
        outputs: tuple[TensorSpec, ...],
        saved: artifacts.Saved | None = None,
    ) -> None:
        self.inputs = inputs
        self.outputs = outputs
        self._recipe = recipe
        self._session: Any = session
        self._saved = saved
        self._names = [spec.name for spec in outputs]
        self._dtypes = [dtypes.of_name(spec.dtype) for spec in outputs]

    def placement(self) -> Placement:
        if self._saved is not None:
            return self._saved.placement
        record = placement.assigned(self._session)
        return placement.placement(self._recipe, record)

    def bind(self, feeds: Feeds, outputs: Feeds) -> Binding:
        memory = self._recipe.memory
        return SessionBinding(
            self._session, self.inputs, self.outputs, feeds, outputs, memory=memory
        )

    def save(self) -> bytes:
        if self._saved is not None:
            return self._saved.pack()
        model, form = artifacts.kept(self._recipe)
        placed = self.placement()
        return artifacts.Saved(self.inputs, self.outputs, placed, model, form).pack()

    def profile(self, feeds: Feeds) -> Sequence[NodeTime]:
        with tempfile.TemporaryDirectory(prefix="hal-onnxruntime-") as folder:
            session = self._recipe.session(
                enable_profiling=True, profile_file_prefix=str(Path(folder) / "run")
            )
            copy = program_of(self._recipe, session, self.inputs, self.outputs)
            try:
                copy.run(feeds)
            finally:
                written = Path(session.end_profiling())
            events = json.loads(written.read_text(encoding="utf-8"))
        return _node_times(events)

    def close(self) -> None:
        self._session = None


class PlainProgram(SessionProgram):
    """All inputs and outputs are tensors of NumPy's own types."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._call: Callable[..., Sequence[Any]] | None = _direct(self._session)

    def run(self, feeds: Feeds) -> Sequence[Value]:
        call = self._call
        if call is None:
            raise ExecutionError("this program is closed")
        arrays = call(self._names, {name: feed.array for name, feed in feeds.items()}, None)
        return list(map(Tensor, arrays, self._dtypes))

    def close(self) -> None:
        self._call = None
        super().close()


class ValueProgram(SessionProgram):
    """Some input or output is a container, or of a type NumPy does not have."""

    def run(self, feeds: Feeds) -> Sequence[Value]:
        ort = sdk()
        given: Mapping[str, Value] = feeds
        if all(values.is_plain(spec) for spec in self.outputs):
            encoded = {name: values.encode(ort, value) for name, value in given.items()}
            results = self._session.run(self._names, encoded)
            return [
                values.decode(spec, r) for spec, r in zip(self.outputs, results, strict=True)
            ]
        encoded = {name: self._ort_value(ort, name, value) for name, value in given.items()}
        encoded = {name: value for name, value in encoded.items() if value is not None}
        self._refuse_containers(self.outputs)
        results = self._session.run_with_ort_values(self._names, encoded)
        return [values.tensor_of(result) for result in results]

    def _ort_value(self, ort: Any, name: str, value: Value) -> Any:
        if value is None:
            return None
        if not isinstance(value, Tensor) or value.dtype.name == "string":
            self._refuse_containers(spec for spec in self.inputs if spec.name == name)
        return values.ort_value(ort, value)  # type: ignore[arg-type]  # others were refused above

    def _refuse_containers(self, specs: Any) -> None:
        """OrtValue in Python holds neither text nor containers, and only it holds bfloat16."""
        for spec in specs:
            if not spec.is_tensor or spec.dtype == "string":
                small = next(s for s in self.outputs if not values.is_plain(s))
                raise Unsupported(
                    f"onnxruntime's Python API cannot carry {spec} in a model that also "
                    f"returns {small}",
                    dtype=small.dtype,
                )


def program_of(
    recipe: Recipe,
    session: Any,
    inputs: tuple[TensorSpec, ...],
    outputs: tuple[TensorSpec, ...],
    saved: artifacts.Saved | None = None,
) -> SessionProgram:
    """The fastest kind of program that carries these inputs and outputs."""
    plain = all(spec.is_tensor and values.is_plain(spec) for spec in (*inputs, *outputs))
    kind = PlainProgram if plain else ValueProgram
    return kind(recipe, session, inputs, outputs, saved)


def _direct(session: Any) -> Callable[..., Sequence[Any]]:
    """The native `run` below `InferenceSession.run`, or that where it is not to be had.

    The Python method around it costs 0.8 to 1.1 us of a 2.6 us call (onnxruntime 1.32). It
    checks for missing feeds, which the shell has done, and catches EPFail to retry on the CPU,
    which must not happen here.
    """
    native = getattr(session, "_sess", None)
    found: Callable[..., Sequence[Any]] = native.run if native is not None else session.run
    return found


def _node_times(events: Sequence[Mapping[str, Any]]) -> list[NodeTime]:
    """The kernel times in a profile; `dur` is in microseconds."""
    return [
        NodeTime(
            event["name"].removesuffix("_kernel_time"),
            event["args"]["op_name"],
            event["dur"] * 1e-6,
        )
        for event in events
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time")
    ]
