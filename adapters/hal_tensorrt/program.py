"""An engine, and what a run needs of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hal import dtypes
from hal.adapter import Binding, CanBind, CanPlace, CanSave, Program
from hal.errors import ArtifactError
from hal.spec import DeviceInfo, Placement, TensorSpec
from hal.tensor import Feeds, Tensor, Value
from hal_tensorrt.running import Bound, Running


@dataclass(frozen=True)
class Engine:
    """A serialized engine, its signature, and where the original's nodes are in it."""

    plan: bytes
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    placement: Placement

    def pack(self) -> bytes:
        """One line of JSON, then the vendor's bytes."""
        facts = {
            "inputs": [spec.to_json() for spec in self.inputs],
            "outputs": [spec.to_json() for spec in self.outputs],
            "placement": self.placement.to_json(),
        }
        return json.dumps(facts).encode() + b"\n" + self.plan

    @classmethod
    def unpack(cls, blob: bytes) -> Engine:
        """What `pack` wrote.

        Raises:
            ArtifactError: it was not written by `pack`.
        """
        head, _, plan = blob.partition(b"\n")
        try:
            facts: dict[str, Any] = json.loads(head)
            sides = [[TensorSpec.from_json(s) for s in facts[k]] for k in ("inputs", "outputs")]
            placement = Placement.from_json(facts["placement"])
        except (ValueError, KeyError, TypeError) as error:
            raise ArtifactError(f"not a program saved by hal_tensorrt: {error}") from error
        return cls(plan, tuple(sides[0]), tuple(sides[1]), placement)


class TensorRTProgram(Program, CanPlace, CanSave, CanBind):
    """An engine; the GPU is opened by the first run, which says if there is none."""

    def __init__(self, sdk: Any, engine: Engine, device: DeviceInfo) -> None:
        self.inputs, self.outputs = engine.inputs, engine.outputs
        self._sdk, self._engine, self._device = sdk, engine, device
        self._open: Running | None = None

    def run(self, feeds: Feeds) -> Sequence[Value]:
        binding = self.bind(feeds, {})
        try:
            binding.run()
            return [
                Tensor(binding.outputs[s.name].copy(), dtypes.of_name(s.dtype))
                for s in self.outputs
            ]
        finally:
            binding.close()

    def bind(self, feeds: Feeds, outputs: Feeds) -> Binding:
        if self._open is None:
            self._open = Running(self._sdk, self._engine.plan, self._device)
        return Bound(self._open, self.inputs, self.outputs, feeds, outputs)

    def placement(self) -> Placement:
        return self._engine.placement

    def save(self) -> bytes:
        return self._engine.pack()

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None
