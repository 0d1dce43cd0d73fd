"""The adapter of the standard's own evaluator."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

from hal import dtypes
from hal.adapter import Adapter, CanQuery, Program, refuse_options
from hal.errors import HALError, Unsupported
from hal.model import Model
from hal.spec import CompileOptions, DeviceInfo, Support
from hal_reference import errors, repro
from hal_reference.program import ReferenceProgram

if TYPE_CHECKING:
    import onnx

_CHECKED_BYTES = 1 << 31  # the checker reads one protobuf message


class ReferenceAdapter(Adapter, CanQuery):
    """`onnx.reference`: one device, "cpu"; it takes no options."""

    name: ClassVar[str] = "reference"
    install: ClassVar[str | None] = "pip install onnx"
    repro_script: ClassVar[str] = repro.SCRIPT

    def probe(self) -> Sequence[DeviceInfo]:
        import onnx

        return (
            DeviceInfo(
                id="cpu",
                name="onnx.reference",
                vendor="ONNX",
                kind="cpu",
                sdk=onnx.__version__,
                dtypes=dtypes.ALL,
                opsets=_opsets(),
                features=frozenset({"deterministic", "dynamic_shapes", "placement", "query"}),
                arithmetic=("fp32",),
                properties={"python": platform.python_version()},
            ),
        )

    def compile(self, model: Model, device: DeviceInfo, options: CompileOptions) -> Program:  # noqa: ARG002  one device
        from onnx.reference import ReferenceEvaluator

        refuse_options(options.vendor)
        facts, lengths = model.facts, options.dimensions
        return ReferenceProgram(
            ReferenceEvaluator(_checked(model)),
            tuple(spec.bound(lengths) for spec in facts.inputs),
            tuple(spec.bound(lengths) for spec in facts.outputs),
            facts.nodes,
        )

    def query(self, model: Model, device: DeviceInfo, options: CompileOptions) -> Support:
        try:
            self.compile(model, device, options)
        except Exception as error:
            refusal = error if isinstance(error, Unsupported) else errors.translate(error)
            if not isinstance(refusal, Unsupported):
                raise
            op = (refusal.op or "").rpartition(":")[2]
            return Support.of(model.facts.nodes, {op}, refusal.message)
        return Support.of(model.facts.nodes, (), "")

    def translate(self, error: Exception) -> HALError | None:
        return errors.translate(error)


def _opsets() -> dict[str, tuple[int, int]]:
    """The opsets this `onnx` defines, by domain."""
    from onnx import defs

    known: dict[str, Any] = defs.C.schema_version_map()
    return {domain: (int(low), int(high)) for domain, (low, high) in known.items()}


def _checked(model: Model) -> onnx.ModelProto:
    """The message with its weights, found valid first: the evaluator itself looks late."""
    proto = model.whole()
    weights = sum(path.stat().st_size for path in model.external_paths())
    if weights + len(model.bytes()) < _CHECKED_BYTES:
        _check(proto)
    return proto


def _check(proto: onnx.ModelProto) -> None:
    """Ask the checker; it wants a shape on every value of the graph, which we do not."""
    check: Any = import_module("onnx.checker").check_model  # typed in part
    values = (*proto.graph.input, *proto.graph.output)
    tensors = [v.type.tensor_type for v in values if v.type.HasField("tensor_type")]
    shapeless = [tensor for tensor in tensors if not tensor.HasField("shape")]
    for tensor in shapeless:
        tensor.shape.SetInParent()
    check(proto)
    for tensor in shapeless:
        tensor.ClearField("shape")
