"""A model in tract: what `run` gives for given feeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from hal import dtypes
from hal.adapter import CanPlace, CanSave, Program, import_sdk
from hal.spec import ModelFacts, NodePlacement, Placement, TensorSpec
from hal.tensor import Feeds, Tensor, Value
from hal_tract import errors


class TractProgram(Program, CanSave, CanPlace):
    """One of tract's runnables; each run has a state of its own, so that threads may share it.

    `order` names the inputs as tract counts them, `save` writes the program.
    """

    def __init__(
        self,
        runnable: Any,
        inputs: tuple[TensorSpec, ...],
        facts: ModelFacts,
        order: Sequence[str],
        save: Callable[[], bytes],
    ) -> None:
        self.inputs = inputs
        self.outputs = facts.outputs
        self._runnable: Any = runnable
        self._order = order
        self._nodes = facts.nodes
        self._save = save

    def run(self, feeds: Feeds) -> Sequence[Value]:
        arrays = [feeds[name].array for name in self._order]
        try:
            results = self._runnable.run(arrays)
        except Exception as error:
            if type(error).__name__ != "TractError":
                raise
            raise errors.failed(error) from error
        return [_tensor(result) for result in results]

    def save(self) -> bytes:
        return self._save()

    def placement(self) -> Placement:
        """Claimed: tract's wheel has nowhere else to run a node on a machine without CUDA."""
        nodes = (NodePlacement(node.id, node.op, "device", "tract") for node in self._nodes)
        return Placement(tuple(nodes), "claimed")

    def close(self) -> None:
        self._runnable = None


def _tensor(result: Any) -> Tensor:
    """A result; tract keeps a shape as expressions, which are numbers where shapes are."""
    try:
        array = result.to_numpy()
    except Exception as error:
        if "DatumType in the public API TDim" not in str(error):
            raise
        sdk = import_sdk("tract", "tract", None)
        array = result.convert_to(sdk.DatumType.I64).to_numpy()
    return Tensor(array, dtypes.of_array(array))
