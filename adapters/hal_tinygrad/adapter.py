"""tinygrad's side of the interface: compilation, queries, options."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, cast

from hal.adapter import Adapter, CanQuery, Program
from hal.errors import DeviceNotFound, HALError, InputError, Unsupported
from hal.spec import CompileOptions, DeviceInfo, NodeFacts, NodeSupport, Support
from hal.specialize import Specialized, control_inputs, frozen
from hal_tinygrad import devices, errors
from hal_tinygrad.program import TinygradProgram
from hal_tinygrad.program import device as chosen

if TYPE_CHECKING:
    from hal.model import Model


class TinygradAdapter(Adapter, CanQuery):
    """Kernels that tinygrad generates: C for clang, OpenCL, CUDA."""

    name: ClassVar[str] = "tinygrad"
    install: ClassVar[str | None] = devices.INSTALL
    system_packages: ClassVar[tuple[str, ...]] = ("clang", "pocl-opencl-icd")

    def probe(self) -> Sequence[DeviceInfo]:
        return devices.listed()

    def find(self, device: str) -> DeviceInfo:
        try:
            return super().find(device)
        except DeviceNotFound as error:
            why = devices.MISSING.get(device.partition(".")[0])
            if why is None:
                raise
            raise DeviceNotFound(f"{error.message}; {why}", device=device) from error

    def compile(self, model: Model, device: DeviceInfo, options: CompileOptions) -> Program:
        _check(device, options)
        for node in self.query(model, device, options).nodes:
            if not node.supported:
                raise Unsupported(node.reason, op=node.op, node=node.node)
        make = partial(TinygradProgram, identity=device.id, threads=options.threads)
        inputs = tuple(spec.bound(options.dimensions) for spec in model.facts.inputs)
        known = {spec.name: spec.shape for spec in inputs if spec.is_tensor and spec.is_static}
        bound = (
            frozen(model, cast("dict[str, tuple[int, ...]]", known), {})
            if options.dimensions
            else model
        )
        # A runner keeps what it has learnt of lengths and values: it serves one set of them.
        static = all(spec.is_tensor for spec in inputs)
        program = Specialized(bound, make, static=static, freeze=control_inputs(model))
        program.inputs = inputs
        return program

    def query(self, model: Model, device: DeviceInfo, options: CompileOptions) -> Support:  # noqa: ARG002  the same for all
        with chosen(device.id) as onnx:
            nodes = [_support(onnx.onnx_ops, facts) for facts in model.facts.nodes]
        return Support(tuple(nodes))

    def translate(self, error: Exception) -> HALError | None:
        return errors.translate(error)


def _check(device: DeviceInfo, options: CompileOptions) -> None:
    """Refuse what tinygrad cannot be asked.

    Raises:
        InputError: a vendor option, or threads of a device that is not the CPU.
        Unsupported: another arithmetic.
    """
    if options.vendor:
        raise InputError(f"tinygrad's devices have no options, not {sorted(options.vendor)}")
    if options.threads is not None and device.id != "cpu":
        raise InputError(f"threads are of the CPU's kernels; {device.id} has none to bound")
    if options.arithmetic not in (None, *device.arithmetic):
        raise Unsupported(
            f"tinygrad computes in the types that the model names; it has no "
            f"{options.arithmetic!r}"
        )


def _support(ops: Any, node: NodeFacts) -> NodeSupport:
    """Whether tinygrad has a function of that name, and of that version where they differ."""
    domain = node.domain or "ai.onnx"
    found: Any = ops.get(node.op, {})
    if isinstance(found, dict):
        forms: dict[Any, Any] = found  # pyright: ignore[reportUnknownVariableType]  # the SDK's
        taken = any(f.domain.value == domain and f.version <= node.version for f in forms)
    else:
        taken = True
    reason = "" if taken else f"tinygrad has no {node.op} of {domain} {node.version}"
    return NodeSupport(node.id, node.op, taken, reason)
