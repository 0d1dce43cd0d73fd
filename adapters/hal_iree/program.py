"""A compiled program on one of IREE's devices: run, save."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hal import dtypes, saved
from hal.adapter import CanSave, Program, import_sdk
from hal.errors import DeviceNotFound, Unsupported
from hal.spec import TensorSpec
from hal.tensor import Array, Feeds, Tensor, Value
from hal_iree.compiling import ENTRY
from hal_iree.devices import INSTALL


class IreeProgram(Program, CanSave):
    """One .vmfb in a context of its own.

    `device` is the runtime's, or the reason why there is none: the program can be saved for
    where there is one, and a run raises the reason.
    """

    def __init__(
        self,
        blob: bytes,
        inputs: tuple[TensorSpec, ...],
        outputs: tuple[TensorSpec, ...],
        device: Any,
    ) -> None:
        self.inputs = inputs
        self.outputs = outputs
        self._blob = blob
        self._device = device
        if not isinstance(device, DeviceNotFound):
            self._load()

    def _load(self) -> None:
        self._rt: Any = import_sdk("iree.runtime", "IREE", INSTALL)
        runtime = self._rt
        instance = runtime.VmInstance()
        module = runtime.VmModule.copy_buffer(instance, self._blob)
        hal = runtime.create_hal_module(instance, self._device)
        self._context: Any = runtime.VmContext(instance, [hal, module])
        self._entry: Any = module.lookup_function(ENTRY)

    def run(self, feeds: Feeds) -> Sequence[Value]:
        if isinstance(self._device, DeviceNotFound):
            raise self._device
        given = self._rt.VmVariantList(len(self.inputs))
        for spec in self.inputs:
            given.push_ref(self._sent(feeds[spec.name].array))
        results = self._rt.VmVariantList(len(self.outputs))
        self._context.invoke(self._entry, given, results)
        views = self._rt.HalBufferView
        return [
            self._received(results.get_as_object(index, views)) for index in range(len(results))
        ]

    def save(self) -> bytes:
        return saved.pack(self.inputs, self.outputs, self._blob)

    def close(self) -> None:
        self._context = self._entry = None

    def _sent(self, array: Array) -> Any:
        """The array in the device's memory."""
        rt = self._rt
        element = rt.array_interop.map_dtype_to_element_type(array.dtype)
        if element is None:
            raise Unsupported(
                f"IREE's runtime takes no {array.dtype} values", dtype=str(array.dtype)
            )
        return self._device.allocator.allocate_buffer_copy(
            memory_type=rt.MemoryType.DEVICE_LOCAL,
            allowed_usage=rt.BufferUsage.DEFAULT,
            device=self._device,
            buffer=np.ascontiguousarray(array).reshape(array.shape),
            element_type=element,
        )

    def _received(self, view: Any) -> Tensor:
        """The values of a buffer of the device, in the type that the device says they have.

        IREE's integers have no sign, and its runtime reads them as signed; so they are here,
        and a uint8 output comes as int8.
        """
        rt = self._rt
        dtype = np.dtype(rt.HalElementType.map_to_dtype(view.element_type))
        shape = tuple(view.shape)
        if 0 in shape:
            array = np.empty(shape, dtype)
        else:
            array = np.array(self._mapped(view.get_buffer()).asarray(shape, dtype))
        return Tensor(array, dtypes.of_array(array))

    def _mapped(self, buffer: Any) -> Any:
        """The buffer's memory, or where the host cannot see that, a copy's.

        Not `DeviceArray.to_host`: it hands NumPy's memory to the driver, and software Vulkan
        drivers take none that begins within a page (seen in 3.13).
        """
        rt = self._rt
        visible = int(rt.MemoryType.HOST_VISIBLE)
        scoped = int(rt.BufferUsage.MAPPING_SCOPED)
        if int(buffer.memory_type()) & visible and int(buffer.allowed_usage()) & scoped:
            return buffer.map()
        staging = self._device.allocator.allocate_buffer(
            memory_type=int(rt.MemoryType.HOST_LOCAL | rt.MemoryType.DEVICE_VISIBLE),
            allowed_usage=int(rt.BufferUsage.TRANSFER_TARGET | rt.BufferUsage.MAPPING_SCOPED),
            allocation_size=buffer.byte_length(),
        )
        done = self._device.create_semaphore(0)
        before, after = rt.HalFence.create_at(done, 0), rt.HalFence.create_at(done, 1)
        self._device.queue_copy(
            buffer, staging, wait_semaphores=before, signal_semaphores=after
        )
        after.wait()
        return staging.map()
