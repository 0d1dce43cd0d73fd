"""The adapter of the standard's own evaluator."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

from hal import dtypes
from hal.adapter import Adapter, CanQuery, Program
from hal.errors import HALError, InputError, Unsupported
from hal.model import Model
from hal.spec import CompileOptions, DeviceInfo, Dim, NodeSupport, Support, TensorSpec
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

        if options.vendor:
            raise InputError(
                f"the reference takes no vendor options; got {dict(options.vendor)}"
            )
        facts = model.facts
        evaluator = ReferenceEvaluator(_checked(model))
        bound = options.dimensions
        return ReferenceProgram(
            evaluator,
            tuple(_bound(spec, bound) for spec in facts.inputs),
            tuple(_bound(spec, bound) for spec in facts.outputs),
            facts.nodes,
        )

    def query(self, model: Model, device: DeviceInfo, options: CompileOptions) -> Support:
        try:
            self.compile(model, device, options)
        except Exception as error:
            refusal = error if isinstance(error, Unsupported) else errors.translate(error)
            if not isinstance(refusal, Unsupported):
                raise
            return Support(tuple(_support(node, refusal) for node in model.facts.nodes))
        return Support(tuple(NodeSupport(n.id, n.op, True) for n in model.facts.nodes))

    def translate(self, error: Exception) -> HALError | None:
        return errors.translate(error)


def _opsets() -> dict[str, tuple[int, int]]:
    """The opsets this `onnx` defines, by domain."""
    from onnx import defs

    known: dict[str, Any] = defs.C.schema_version_map()
    return {domain: (int(low), int(high)) for domain, (low, high) in known.items()}


def _checked(model: Model) -> onnx.ModelProto:
    """The message with its weights, found valid first: the evaluator itself looks late."""
    from onnx.external_data_helper import load_external_data_for_model

    proto = model.proto()
    if model.facts.external:
        load_external_data_for_model(proto, str(model.folder))
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


def _support(node: Any, refusal: Unsupported) -> NodeSupport:
    named = (refusal.op or "").rpartition(":")[2] == node.op
    return NodeSupport(node.id, node.op, not named, refusal.message if named else "")


def _bound(spec: TensorSpec, bound: Any) -> TensorSpec:
    """The spec with its symbolic dimensions bound as the user asked."""
    if spec.shape is None:
        return spec
    shape: tuple[Dim, ...] = tuple(
        bound.get(dim, dim) if isinstance(dim, str) else dim for dim in spec.shape
    )
    return replace(spec, shape=shape)
