"""One compiled model and the requests that run it: the hot path.

A run copies feeds into the tensors of a kept InferRequest, infers, and copies results out. The
tensors and NumPy's views of them are looked up once, where the shapes are fixed: a quarter of
the time that OpenVINO's own `infer(feeds)` takes on a small model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import Any

from hal import dtypes
from hal.tensor import Feeds, Value
from hal_openvino import tensors
from hal_openvino.devices import Name
from hal_openvino.signature import Port


class Compiled:
    """What compilation gave: OpenVINO's compiled model, and which port is which.

    A run that fails in OpenVINO 2026.4.1 leaves the compiled model with pointers to tensors of
    before: later runs, of new requests too, compute with what now lies there. So a failure
    spoils the model, and another is made before the next use: from `graph` where it is given,
    else from the saved form. That is `blob`, or is exported from the first model, because what
    an imported one exports cannot be imported again.
    """

    def __init__(
        self,
        core: Any,
        name: Name,
        config: Mapping[str, Any],
        model: Any,
        inputs: tuple[Port, ...],
        outputs: tuple[Port, ...],
        *,
        blob: bytes | None = None,
        graph: Any = None,
    ) -> None:
        self.name = name
        self.inputs = inputs
        self.outputs = outputs
        self.is_static = name.chooser is None and _is_static(model)
        """Whether every tensor keeps its place and shape from run to run."""
        self._core = core
        self._config = config
        self._model = model
        self._blob = blob
        self._graph = graph
        self._spoiled = False
        self._lock = Lock()

    def model(self) -> Any:
        """The compiled model, fit to be used."""
        with self._lock:
            if self._spoiled:
                self._model, self._spoiled = self._another({}), False
            return self._model

    def blob(self) -> bytes:
        """The saved form."""
        with self._lock:
            return self._blob if self._blob is not None else _exported(self._model)

    def with_properties(self, properties: Mapping[str, Any]) -> Compiled:
        """The same program, compiled with further properties."""
        with self._lock:
            model = self._another(properties)
        return Compiled(
            self._core,
            self.name,
            {**self._config, **properties},
            model,
            self.inputs,
            self.outputs,
            blob=self._blob,
            graph=self._graph,
        )

    def is_fit(self, model: Any) -> bool:
        """Whether that is the compiled model, and no run of it has failed."""
        return model is self._model and not self._spoiled

    def spoil(self, model: Any) -> None:
        """Note that a run of that model has failed."""
        with self._lock:
            self._spoiled = self._spoiled or model is self._model

    def _another(self, properties: Mapping[str, Any]) -> Any:
        config = {**self._config, **properties}
        if self._graph is not None:
            return self._core.compile_model(self._graph, self.name.full, config)
        if self._blob is None:
            self._blob = _exported(self._model)
        return self._core.import_model(self._blob, self.name.full, config)


def _is_static(model: Any) -> bool:
    ports = [*model.inputs, *model.outputs]
    return all(port.get_partial_shape().is_static for port in ports)


class Request:
    """One InferRequest with what moves values into and out of it."""

    def __init__(self, compiled: Compiled) -> None:
        self._compiled = compiled
        self._prepare()

    def run(self, feeds: Feeds) -> Sequence[Value]:
        if not self._compiled.is_fit(self._model):
            self._prepare()
        for name, write in self._writers:
            write(feeds[name].array)
        try:
            self._infer()
        except RuntimeError:
            self._compiled.spoil(self._model)
            raise
        return [read() for read in self._readers]

    def _prepare(self) -> None:
        self._model = self._compiled.model()
        self.request: Any = self._model.create_infer_request()
        self._infer = inference(self.request, self._model, self._compiled.name)
        self._writers = _writers(self.request, self._compiled)
        self._readers = _readers(self.request, self._compiled)


def inference(request: Any, model: Any, name: Name) -> Callable[[], None]:
    """What infers once with that request, and raises what goes wrong.

    OpenVINO 2026.4.1 loses the failure of a synchronous `infer` on a CPU with one thread, and
    leaves the last run's results in place; a queued one reports it, for some microseconds more.
    """
    if name.full == "CPU" and int(model.get_property("INFERENCE_NUM_THREADS")) > 1:
        return lambda: request.infer(None, share_outputs=True)

    def infer() -> None:
        request.start_async(None)
        request.wait()

    return infer


def _exported(model: Any) -> bytes:
    """The compiled model's bytes; older versions of OpenVINO give them, newer ones a stream."""
    blob = model.export_model()
    return bytes(blob) if isinstance(blob, (bytes, bytearray)) else bytes(blob.getbuffer())


def _writers(request: Any, compiled: Compiled) -> list[tuple[str, tensors.Writer]]:
    return [
        (
            port.spec.name,
            tensors.writer(
                request.get_input_tensor(port.index), dtypes.of_name(port.spec.dtype)
            ),
        )
        for port in compiled.inputs
        if port.index is not None
    ]


def _readers(request: Any, compiled: Compiled) -> list[tensors.Reader]:
    readers: list[tensors.Reader] = []
    for port in compiled.outputs:
        index, dtype = port.index or 0, dtypes.of_name(port.spec.dtype)
        if compiled.is_static:
            readers.append(tensors.fixed_reader(request.get_output_tensor(index), dtype))
        else:
            readers.append(tensors.moving_reader(request.get_output_tensor, index, dtype))
    return readers
