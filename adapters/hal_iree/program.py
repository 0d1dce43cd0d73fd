"""A compiled program on one of IREE's devices: run, save."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hal import saved
from hal.adapter import CanSave, Program
from hal.errors import DeviceNotFound, Unsupported
from hal.spec import CompileOptions, DeviceInfo
from hal.tensor import Array, Feeds, Tensor, Value
from hal_iree import devices
from hal_iree.compiling import ENTRY


class IreeProgram(Program, CanSave):
    """One .vmfb in a context of its own.

    Where the device is not here, it can be saved for where it is, and a run tells why not.
    """

    def __init__(
        self,
        blob: bytes,
        inputs: saved.Signature,
        outputs: saved.Signature,
        device: DeviceInfo,
        options: CompileOptions,
    ) -> None:
        self.inputs = inputs
        self.outputs = outputs
        self._blob = blob
        self._absent: DeviceNotFound | None = None
        try:
            self._device = devices.opened(devices.kind_of(device.id), options.threads)
        except DeviceNotFound as error:
            self._absent = error
            return
        self._rt = devices.runtime()
        instance = self._rt.VmInstance()
        module = self._rt.VmModule.copy_buffer(instance, blob)
        hal = self._rt.create_hal_module(instance, self._device)
        self._context: Any = self._rt.VmContext(instance, [hal, module])
        self._entry: Any = module.lookup_function(ENTRY)

    def run(self, feeds: Feeds) -> Sequence[Value]:
        if self._absent is not None:
            raise self._absent
        given = self._rt.VmVariantList(len(self.inputs))
        for spec in self.inputs:
            given.push_ref(self._sent(feeds[spec.name].array))
        results = self._rt.VmVariantList(len(self.outputs))
        self._context.invoke(self._entry, given, results)
        views = self._rt.HalBufferView
        return [self._received(results.get_as_object(i, views)) for i in range(len(results))]

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
        dtype = np.dtype(self._rt.HalElementType.map_to_dtype(view.element_type))
        shape = tuple(view.shape)
        if 0 in shape:
            return Tensor.of(np.empty(shape, dtype))
        mapped = self._copy(view.get_buffer()).map()
        return Tensor.of(np.array(mapped.asarray(shape, dtype)))  # which keeps nothing alive

    def _copy(self, buffer: Any) -> Any:
        """A copy of the buffer in memory that the host sees, which a GPU's own is not.

        Not `DeviceArray.to_host`: it hands NumPy's memory to the driver, and software Vulkan
        drivers take none that begins within a page (seen in 3.13).
        """
        rt = self._rt
        copy = self._device.allocator.allocate_buffer(
            memory_type=int(rt.MemoryType.HOST_LOCAL | rt.MemoryType.DEVICE_VISIBLE),
            allowed_usage=int(rt.BufferUsage.TRANSFER_TARGET | rt.BufferUsage.MAPPING_SCOPED),
            allocation_size=buffer.byte_length(),
        )
        done = self._device.create_semaphore(0)
        before, after = rt.HalFence.create_at(done, 0), rt.HalFence.create_at(done, 1)
        self._device.queue_copy(buffer, copy, wait_semaphores=before, signal_semaphores=after)
        after.wait()
        return copy
