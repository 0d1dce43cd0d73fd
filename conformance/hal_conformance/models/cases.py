"""A case of the suite made ready: its model and feeds, and what may come out."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import onnx

from hal.model import Model
from hal.tensor import Tensor, Value
from hal_conformance.models.packages import Packages
from hal_conformance.models.pretrained import Input, Pretrained
from hal_conformance.numerics.arithmetic import Array
from hal_conformance.numerics.pair import Quantity
from hal_conformance.numerics.simulated import exactly


@dataclass(frozen=True)
class Case:
    """A model with one of its inputs.

    Raises:
        Missing: on the first use of what is not here and cannot be fetched.
    """

    id: str
    model: Pretrained
    given: Input
    packages: Packages

    @cached_property
    def data(self) -> bytes:
        """The model's bytes."""
        return self.model.path(self.packages).read_bytes()

    @cached_property
    def compiled(self) -> Model:
        """The model for a device."""
        return Model(self.data)

    @cached_property
    def proto(self) -> onnx.ModelProto:
        """The model for a walk."""
        return onnx.ModelProto.FromString(self.data)

    @cached_property
    def feeds(self) -> Mapping[str, Tensor]:
        """Every input by name."""
        return {
            name: Tensor.of(array) for name, array in self.given.feed(self.packages).items()
        }

    @property
    def quantities(self) -> dict[str, Quantity]:
        """The feeds for a walk."""
        return {name: exactly(tensor) for name, tensor in self.feeds.items()}

    @property
    def names(self) -> list[str]:
        """The outputs' names."""
        return [output.name for output in self.proto.graph.output]

    @cached_property
    def hash(self) -> str:
        """Of the model's and the feeds' bytes."""
        digest = hashlib.sha256(self.model.sha256.encode())
        for name, tensor in sorted(self.feeds.items()):
            head = f"{name} {tensor.dtype} {tensor.shape}"
            digest.update(head.encode() + tensor.array.tobytes())
        return digest.hexdigest()

    def answer(self, outputs: Sequence[Value]) -> str | None:
        """What the outputs say; None where they have no name for it."""
        if self.given.read is None:
            return None
        arrays: list[Array] = [value.array for value in outputs if isinstance(value, Tensor)]
        return self.given.read(self.packages, arrays)
