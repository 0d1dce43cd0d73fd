"""A compiled model: what `run` gives for given feeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from hal import dtypes
from hal.adapter import Program
from hal.errors import Unsupported
from hal.spec import Dim, ModelFacts, TensorSpec
from hal.tensor import Feeds, Tensor, Value


class ZeroProgram(Program):
    """Zeros of the declared shapes; symbolic dimensions are read from the feeds."""

    def __init__(self, facts: ModelFacts, dimensions: Mapping[str, int]) -> None:
        # The signature, as the vendor knows it, in the model's order.
        self.inputs = tuple(spec.bound(dimensions) for spec in facts.inputs)
        self.outputs = tuple(spec.bound(dimensions) for spec in facts.outputs)
        known: set[Dim] = {dim for spec in self.inputs for dim in spec.shape or ()}
        for spec in self.outputs:
            # Say no while compiling, not in the middle of a run.
            open_dims = [d for d in spec.shape or () if not isinstance(d, int)]
            if not spec.is_tensor or spec.shape is None or not {*open_dims} <= known - {None}:
                raise Unsupported(f"the shape of {spec} does not follow from the inputs")

    def run(self, feeds: Feeds) -> Sequence[Value]:
        # Feeds are validated: every input is here, with its type and a fitting shape. They may
        # be read-only, strided or misaligned. Results are new arrays, in `outputs`' order.
        lengths: dict[Dim, int] = {}
        for spec in self.inputs:
            if spec.shape is not None:
                lengths.update(zip(spec.shape, feeds[spec.name].shape, strict=True))
        return [_zeros(spec, lengths) for spec in self.outputs]

    # def close(self): release the device's memory here; Python does it for arrays.


def _zeros(spec: TensorSpec, lengths: Mapping[Dim, int]) -> Tensor:
    dtype = dtypes.of_name(spec.dtype)
    shape = [d if isinstance(d, int) else lengths[d] for d in spec.shape or ()]
    return Tensor(np.zeros(shape, dtype.numpy), dtype)
