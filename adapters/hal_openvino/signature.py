"""Which port of a compiled graph is which input or output of the model.

OpenVINO drops inputs that nothing reads, and renames an input that a no-op passes on (a Dropout
from x to y leaves an input called y). So inputs are found by name first, then by order among
those left over, and where that is not certain by following the model's graph back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hal.errors import CompileError, Unsupported
from hal.spec import Dim, TensorSpec
from hal_openvino.tensors import onnx_type

if TYPE_CHECKING:
    from hal.model import Model


@dataclass(frozen=True)
class Port:
    """One input or output: its specification and index in OpenVINO, None where dropped."""

    spec: TensorSpec
    index: int | None

    def to_json(self) -> list[Any]:
        return [self.spec.to_json(), self.index]

    @classmethod
    def from_json(cls, data: Sequence[Any]) -> Port:
        return cls(TensorSpec.from_json(data[0]), data[1])


def input_ports(model: Model, compiled: Any) -> tuple[Port, ...]:
    """The model's inputs in order.

    Raises:
        Unsupported: an input is no tensor.
        CompileError: a port cannot be told.
    """
    specs = model.facts.inputs
    _require_tensors(specs)
    ports = list(compiled.inputs)
    found = _by_name(specs, ports)
    left = [index for index in range(len(ports)) if index not in found.values()]
    free = [spec.name for spec in specs if spec.name not in found]
    if len(left) == len(free):
        found.update(zip(free, left, strict=True))
    else:
        for index in left:
            found[_traced(model, ports[index].get_names(), free)] = index
    return tuple(_port(spec, ports, found.get(spec.name)) for spec in specs)


def output_ports(model: Model, compiled: Any) -> tuple[Port, ...]:
    """The model's outputs in order.

    Raises:
        Unsupported: an output is no tensor.
        CompileError: the graph has another number of outputs.
    """
    specs = model.facts.outputs
    _require_tensors(specs)
    ports = list(compiled.outputs)
    if len(ports) != len(specs):
        raise CompileError(f"OpenVINO made {len(ports)} outputs of {len(specs)}")
    found = _by_name(specs, ports)
    if len(found) != len(specs) or len(set(found.values())) != len(specs):
        found = {spec.name: index for index, spec in enumerate(specs)}
    return tuple(_port(spec, ports, found[spec.name]) for spec in specs)


def _require_tensors(specs: Iterable[TensorSpec]) -> None:
    for spec in specs:
        if not spec.is_tensor:
            raise Unsupported(f"OpenVINO takes and gives tensors only, not {spec}")


def _by_name(specs: Sequence[TensorSpec], ports: Sequence[Any]) -> dict[str, int]:
    wanted = {spec.name for spec in specs}
    return {
        name: index
        for index, port in enumerate(ports)
        for name in port.get_names()
        if name in wanted
    }


def _traced(model: Model, names: Iterable[str], free: Sequence[str]) -> str:
    """The input whose value the port called `names` is, by the model's own graph."""
    before = {
        output: node.input[0]
        for node in model.proto().graph.node
        if node.input
        for output in node.output
    }
    for name in names:
        at: str | None = name
        while at is not None and at not in free:
            at = before.pop(at, None)
        if at is not None:
            return at
    raise CompileError(f"OpenVINO made an input {sorted(names)}; the model's are {list(free)}")


def _port(spec: TensorSpec, ports: Sequence[Any], index: int | None) -> Port:
    if index is None:
        return Port(spec, None)
    shape = _shape(spec.shape, ports[index].get_partial_shape())
    return Port(TensorSpec(spec.name, onnx_type(ports[index]), shape), index)


def _shape(declared: tuple[Dim, ...] | None, partial: Any) -> tuple[Dim, ...] | None:
    """OpenVINO's shape, with the model's names for what it leaves open."""
    if partial.rank.is_dynamic:
        return declared
    rank = len(partial)
    known = declared if declared is not None and len(declared) == rank else (None,) * rank
    return tuple(
        int(dim.get_length()) if dim.is_static else name
        for name, dim in zip(known, partial, strict=True)
    )
