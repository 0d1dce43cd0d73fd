"""A model in tract: what `run` gives for given feeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from hal.adapter import CanPlace, CanSave, Program, import_sdk
from hal.spec import ModelFacts, Placement, TensorSpec
from hal.tensor import Feeds, Tensor, Value
from hal_tract import errors

INSTALL = "pip install 'onnx-hal[tract]'"


def tract() -> Any:
    """The vendor's module.

    Raises:
        SDKMissing: it is not installed.
    """
    return import_sdk("tract", "tract", INSTALL)


class TractProgram(Program, CanSave, CanPlace):
    """One of tract's runnables; each run has a state of its own, so that threads may share it.

    `order` names the inputs as tract counts them, `save` writes the program.
    """

    def __init__(
        self,
        runnable: Any,
        facts: ModelFacts,
        order: Sequence[str],
        save: Callable[[], bytes],
    ) -> None:
        self.inputs: tuple[TensorSpec, ...] = facts.inputs
        self.outputs: tuple[TensorSpec, ...] = facts.outputs
        self._runnable: Any = runnable
        self._order = order
        self._nodes = facts.nodes
        self._save = save

    def run(self, feeds: Feeds) -> Sequence[Value]:
        arrays = [feeds[name].array for name in self._order]
        try:
            results = self._runnable.run(arrays)
        except Exception as error:
            if errors.is_tracts(error):
                raise errors.failed(error) from error
            raise
        return [_tensor(result) for result in results]

    def save(self) -> bytes:
        return self._save()

    def placement(self) -> Placement:
        """Claimed: tract's wheel has nowhere else to run a node on a machine without CUDA."""
        return Placement.claimed(self._nodes, "tract")

    def close(self) -> None:
        self._runnable = None


def _tensor(result: Any) -> Tensor:
    """A result; tract keeps a shape as expressions, which are numbers where shapes are."""
    try:
        array = result.to_numpy()
    except Exception as error:
        if "DatumType in the public API TDim" not in str(error):
            raise
        array = result.convert_to(tract().DatumType.I64).to_numpy()
    return Tensor.of(array)
