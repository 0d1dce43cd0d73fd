"""What a user holds: a compiled model, ready to run.

The shell does here, once, for every vendor: validation of feeds, translation of errors, thread
safety, submission, closing. Vendor code sees validated tensors and is called by one thread at a
time, unless its device claims "concurrent".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, ExitStack
from threading import RLock
from typing import Any
from weakref import WeakSet

from hal import artifact
from hal.adapter import (
    Adapter,
    Binding,
    CanBind,
    CanPlace,
    CanProfile,
    CanSave,
    CanSubmit,
    Program,
)
from hal.closing import Closing
from hal.errors import ExecutionError, HALError, InputError, Unsupported
from hal.feeds import FeedChecker, check_buffers
from hal.spec import CompileOptions, DeviceInfo, NodeTime, Placement, TensorSpec
from hal.tensor import Array, Tensor, Value, plain_of
from hal.threads import Chained, Crowd
from hal.translation import translate, translated


class Executable(Closing):
    """A model compiled for a device; call it with a mapping of input names to arrays.

    Results are arrays the caller owns: they survive the next run. Calls from several threads
    are legal. Close it, or use it as a context manager; using it afterwards is an InputError.
    """

    def __init__(
        self,
        program: Program,
        adapter: Adapter,
        device: DeviceInfo,
        *,
        adapter_version: str = "",
        model_digest: Callable[[], str] = str,
        options: CompileOptions | None = None,
        compile_seconds: float = 0.0,
        on_close: Callable[[], None] | None = None,
    ) -> None:
        self.inputs: tuple[TensorSpec, ...] = program.inputs
        self.outputs: tuple[TensorSpec, ...] = program.outputs
        self.compile_seconds = compile_seconds
        self.device = device
        self._program = program
        self._adapter = adapter
        self._adapter_version = adapter_version
        self._model_digest = model_digest
        self._options = options or CompileOptions()
        self._on_close = on_close
        self._check = FeedChecker(program.inputs).check
        self._names = tuple(spec.name for spec in program.outputs)
        self._run = program.run
        self._lock: AbstractContextManager[Any] = (
            Crowd() if "concurrent" in device.features else RLock()
        )
        self._queue: ThreadPoolExecutor | None = None
        self._submitted: set[Future[dict[str, Any]]] = set()
        self._bindings: WeakSet[BoundExecutable] = WeakSet()
        self._closing = RLock()
        self._closed = False

    def closes(self, action: Callable[[], None]) -> None:
        """Have `action` done after this executable has closed, before what was to be done."""
        before = self._on_close

        def both() -> None:
            if before is not None:
                before()
            action()

        self._on_close = both

    def __call__(self, feeds: Mapping[str, Any]) -> dict[str, Any]:
        """Run once; outputs by name, in the model's order.

        Args:
            feeds: every input by name: NumPy arrays, anything with DLPack on the CPU, Python
                numbers and lists; a list of arrays for a sequence, None for an empty optional.

        Returns:
            Arrays the caller owns; a list for a sequence, a dict for a map, None for an empty
            optional.

        Raises:
            InputError: a feed has a wrong name, type, rank or dimension, or the executable is
                closed.
            ExecutionError: the device failed. DeviceError: it is lost, or out of memory.
        """
        values = self._check(feeds)
        try:
            with self._lock:
                results = self._run(values)
            names = self._names
            if len(results) != len(names):
                raise self._miscounted(results)
            named: dict[str, Any] = {}
            for name, value in zip(names, results):  # noqa: B905  counted; strict costs time
                named[name] = value.array if type(value) is Tensor else plain_of(value)
        except Exception as error:
            ours = self._translated(error)
            if ours is error:
                raise
            raise ours from error
        return named

    def run_values(self, feeds: Mapping[str, Any]) -> list[Value]:
        """As a call, but the results are Values, which keep their ONNX types, in order."""
        values = self._check(feeds)
        with translated(self._adapter, ExecutionError, self.device.id), self._lock:
            results = list(self._run(values))
        if len(results) != len(self._names):
            raise self._miscounted(results)
        return results

    def submit(self, feeds: Mapping[str, Any]) -> Future[dict[str, Any]]:
        """Queue one run; runs start in the order they were submitted.

        Feeds are validated now and must not change until the run is done. Cancelling the future
        affects a run that still waits, never one that has begun.

        Raises:
            InputError: as for a call. What goes wrong in the run is the future's exception.
        """
        values = self._check(feeds)
        with self._closing:
            self._require_open()
            program = self._program
            if isinstance(program, CanSubmit) and "submit" in self.device.features:
                future = self._submit_to_device(program, values)
            else:
                if self._queue is None:
                    self._queue = ThreadPoolExecutor(1, thread_name_prefix="hal-submit")
                future = self._queue.submit(self._run_checked, values)
            self._submitted.add(future)
        future.add_done_callback(self._submitted.discard)
        return future

    def bind(
        self, feeds: Mapping[str, Any], outputs: Mapping[str, Any] | None = None
    ) -> BoundExecutable:
        """Bind buffers once and run on them without copies.

        Args:
            feeds: an array for every input; the device reads it anew in each run.
            outputs: arrays to be written to, by output name; the others are the vendor's.

        Raises:
            Unsupported: this device does not claim "bind".
            InputError: as for a call, or a buffer that does not fit its output.
        """
        program = self._program
        if not (isinstance(program, CanBind) and "bind" in self.device.features):
            raise self._lacks("bind")
        buffers = check_buffers(self.outputs, outputs or {})
        with translated(self._adapter, ExecutionError, self.device.id), self._lock:
            self._require_open()
            binding = program.bind(self._check(feeds), buffers)
            # One binding has one set of buffers, whatever its program may do at once.
            lock = RLock() if isinstance(self._lock, Crowd) else self._lock
            bound = BoundExecutable(binding, self._adapter, self.device, lock)
            self._bindings.add(bound)
        return bound

    def placement(self) -> Placement:
        """Where each node of the model ran, and how that is known.

        Raises:
            Unsupported: this device does not claim "placement".
        """
        if not (isinstance(self._program, CanPlace) and "placement" in self.device.features):
            raise self._lacks("placement")
        with translated(self._adapter, ExecutionError, self.device.id), self._lock:
            self._require_open()
            return self._program.placement()

    def profile(self, feeds: Mapping[str, Any]) -> Sequence[NodeTime]:
        """Run once and say how long each node took, in seconds.

        Raises:
            Unsupported: this device does not claim "profile".
        """
        values = self._check(feeds)
        if not (isinstance(self._program, CanProfile) and "profile" in self.device.features):
            raise self._lacks("profile")
        with translated(self._adapter, ExecutionError, self.device.id), self._lock:
            self._require_open()
            return self._program.profile(values)

    def save(self) -> bytes:
        """The compiled form, for `Device.load` on the same device, SDK and driver.

        Raises:
            Unsupported: this device does not claim "save", or cannot save this program.
        """
        if not (isinstance(self._program, CanSave) and "save" in self.device.features):
            raise self._lacks("save")
        with translated(self._adapter, ExecutionError, self.device.id), self._lock:
            self._require_open()
            blob = self._program.save()
        return artifact.pack(
            blob,
            self._adapter.name,
            self._adapter_version,
            self.device,
            self._model_digest(),
            self._options.key(),
        )

    def close(self) -> None:
        """Wait for running calls, cancel queued ones, release the device; again is harmless."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
        with ExitStack() as steps:  # the last one first, and each whatever befell the others
            if self._on_close is not None:
                steps.callback(self._on_close)
            steps.callback(self._release)
            steps.callback(self._drain)

    def _drain(self) -> None:
        # Not `cancel_futures`: nobody would tell those who wait for a cancelled future.
        begun = [future for future in list(self._submitted) if not future.cancel()]
        if self._queue is not None:
            self._queue.shutdown(wait=False)
        wait(begun)

    def _release(self) -> None:
        self._run = _closed_run
        if isinstance(self._lock, Crowd):
            self._lock.wait()
            alone: AbstractContextManager[Any] = RLock()
        else:
            alone = self._lock
        named = translated(self._adapter, ExecutionError, self.device.id)
        with alone, named, ExitStack() as steps:
            steps.callback(self._program.close)
            for bound in list(self._bindings):
                steps.callback(bound.close)

    def __repr__(self) -> str:
        takes = ", ".join(map(str, self.inputs))
        gives = ", ".join(map(str, self.outputs))
        return f"<Executable on {self.device.id}: ({takes}) -> ({gives})>"

    def _run_checked(self, values: Mapping[str, Any]) -> dict[str, Any]:
        with translated(self._adapter, ExecutionError, self.device.id), self._lock:
            results = self._run(values)
        return self._named(results)

    def _submit_to_device(
        self, program: CanSubmit, values: Mapping[str, Any]
    ) -> Future[dict[str, Any]]:
        with translated(self._adapter, ExecutionError, self.device.id), self._lock:
            inner = program.submit(values)
        return Chained(inner, self._named, self._translated)

    def _named(self, results: Sequence[Value]) -> dict[str, Any]:
        if len(results) != len(self._names):
            raise self._miscounted(results)
        return {n: plain_of(v) for n, v in zip(self._names, results, strict=True)}

    def _translated(self, error: Exception) -> HALError:
        return translate(self._adapter, error, ExecutionError, self.device.id)

    def _miscounted(self, results: Sequence[Value]) -> ExecutionError:
        return ExecutionError(
            f"the device returned {len(results)} outputs; the model has {len(self._names)}: "
            f"{list(self._names)}",
            device=self.device.id,
        )

    def _lacks(self, feature: str) -> Unsupported:
        self._require_open()  # that is the nearer mistake
        return Unsupported(
            f"device {self.device.id!r} does not claim {feature!r}; it claims "
            f"{sorted(self.device.features)}",
            device=self.device.id,
        )

    def _require_open(self) -> None:
        if self._closed:
            raise InputError("this executable is closed; compile the model again")


class BoundExecutable(Closing):
    """An executable bound to buffers; the next run overwrites `outputs`."""

    def __init__(
        self,
        binding: Binding,
        adapter: Adapter,
        device: DeviceInfo,
        lock: AbstractContextManager[Any],
    ) -> None:
        self._binding = binding
        self._adapter = adapter
        self._device = device
        self._lock = lock
        self._closed = False

    @property
    def inputs(self) -> Mapping[str, Array]:
        """The arrays the device reads; write to them before a run."""
        return self._binding.inputs

    @property
    def outputs(self) -> Mapping[str, Array]:
        """The arrays the device wrote in the last run; they alias its memory."""
        return self._binding.outputs

    def run(self) -> None:
        """Compute once, on the inputs as they are now.

        Raises:
            InputError: the binding, or its executable, is closed.
            ExecutionError: the device failed. DeviceError: it is lost, or out of memory.
        """
        try:
            with self._lock:
                if self._closed:
                    raise InputError("this binding is closed; bind the buffers again")
                self._binding.run()
        except Exception as error:
            ours = translate(self._adapter, error, ExecutionError, self._device.id)
            if ours is error:
                raise
            raise ours from error

    def close(self) -> None:
        """Let go of the buffers; again is harmless. Closing the executable does it too."""
        with translated(self._adapter, ExecutionError, self._device.id), self._lock:
            if not self._closed:
                self._closed = True
                self._binding.close()


def _closed_run(feeds: Mapping[str, Any]) -> Sequence[Value]:  # noqa: ARG001  stands for run
    raise InputError("this executable is closed; compile the model again")
