"""A network on a device: what `run` gives for given feeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hal.adapter import CanSave, Program, import_sdk
from hal.errors import CompileError, ExecutionError, Unsupported
from hal.spec import CompileOptions, TensorSpec
from hal.tensor import Array, Feeds, Tensor, Value
from hal_ncnn.convert import INSTALL, NO_BATCH, Converted

HALF = ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic")
_OTHERS = (
    "use_bf16_packed",
    "use_bf16_storage",
    "use_int8_packed",
    "use_int8_storage",
    "use_int8_arithmetic",
)


class NcnnProgram(Program, CanSave):
    """One network in memory; blobs are named in0, in1, ... out0, out1, ... by pnnx."""

    def __init__(self, network: Converted, gpu: int | None, options: CompileOptions) -> None:
        self.inputs = network.inputs
        self.outputs = network.outputs
        self._network = network
        self._ncnn = import_sdk("ncnn", "ncnn", INSTALL)
        self._check_layers()
        self._net = self._ncnn.Net()
        _set(self._net.opt, gpu, options)
        if gpu is not None:
            self._net.set_vulkan_device(gpu)
        self._load()
        if gpu is not None and not options.allow_fallback:
            self._refuse_cpu()
        self._wanted = frozenset(self._net.input_names())

    def run(self, feeds: Feeds) -> Sequence[Value]:
        with self._net.create_extractor() as extractor:
            for place, spec in enumerate(self.inputs):
                blob = f"in{place}"
                if blob in self._wanted:
                    mat = self._mat(blob, feeds[spec.name].array)
                    _check(extractor.input(blob, mat), f"input {spec.name!r}")
            return [
                self._result(extractor, f"out{place}", spec)
                for place, spec in enumerate(self.outputs)
            ]

    def save(self) -> bytes:
        return self._network.pack()

    def close(self) -> None:
        self._net.clear()

    def _mat(self, blob: str, array: Array) -> Any:
        wanted = np.int32 if array.dtype.kind == "i" else array.dtype
        fed = np.array(array, dtype=wanted, order="C", ndmin=1)  # ncnn has no scalars
        return self._ncnn.Mat(fed, batch_index=self._axis(blob)).clone()

    def _result(self, extractor: Any, blob: str, spec: TensorSpec) -> Tensor:
        status, mat = extractor.extract(blob)
        _check(status, f"output {spec.name!r}")
        # A copy: what it gives goes with the mat.
        array = np.array(mat.numpy(batch_index=self._axis(blob)))
        return Tensor.of_output(array, spec.shape)

    def _axis(self, blob: str) -> int:
        return self._network.axes.get(blob, NO_BATCH)

    def _check_layers(self) -> None:
        """Refuse what pnnx left as it was.

        Raises:
            Unsupported: ncnn has no layer of that type.
        """
        for kind in self._network.kinds():
            if self._ncnn.layer_to_index(kind) < 0:
                raise Unsupported(f"ncnn has no layer {kind}", op=kind)

    def _load(self) -> None:
        if self._net.load_param_mem(self._network.layers):
            raise CompileError("ncnn cannot read the network that pnnx wrote")
        if self._net.load_model_mem(self._network.weights):
            raise CompileError("ncnn cannot make the layers of the network that pnnx wrote")

    def _refuse_cpu(self) -> None:
        for layer in self._net.layers():
            if not layer.support_vulkan:
                raise Unsupported(
                    f"ncnn runs its layer {layer.type} ({layer.name}) on the CPU; "
                    "allow_fallback lets it",
                    op=layer.type,
                )


def _set(opt: Any, gpu: int | None, options: CompileOptions) -> None:
    opt.use_vulkan_compute = gpu is not None
    if options.threads is not None:
        opt.num_threads = options.threads
    if options.arithmetic is not None:
        for name in (*HALF, *_OTHERS):
            setattr(opt, name, options.arithmetic == "fp16" and name in HALF)


def _check(status: int, what: str) -> None:
    if status:
        raise ExecutionError(f"ncnn gives status {status} for {what}")
