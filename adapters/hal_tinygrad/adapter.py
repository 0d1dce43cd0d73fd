"""tinygrad's side of the interface: compilation, queries, options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, cast

from hal.adapter import Adapter, CanQuery, Program, refuse_options
from hal.errors import HALError, InputError, Unsupported
from hal.spec import CompileOptions, DeviceInfo, NodeFacts, NodeSupport, Support
from hal.specialize import Specialized, bound, control_inputs
from hal_tinygrad import devices, errors, program

if TYPE_CHECKING:
    from hal.model import Model


class TinygradAdapter(Adapter, CanQuery):
    """Kernels that tinygrad generates: C for clang, OpenCL, CUDA."""

    name: ClassVar[str] = "tinygrad"
    install: ClassVar[str | None] = devices.INSTALL
    system_packages: ClassVar[tuple[str, ...]] = ("clang", "pocl-opencl-icd")
    absent: ClassVar[Mapping[str, str]] = {
        "cpu": "it needs clang, which Debian's package clang brings",
        "cl": "it needs an OpenCL driver; Debian's package pocl-opencl-icd brings one for CPUs",
        "cuda": "it needs NVIDIA's driver and a GPU",
    }

    def probe(self) -> Sequence[DeviceInfo]:
        return devices.listed()

    def compile(self, model: Model, device: DeviceInfo, options: CompileOptions) -> Program:
        refuse_options(options.vendor)
        if options.threads is not None and device.id != "cpu":
            raise InputError(f"threads are of the CPU's kernels; {device.id} has none to bound")
        for node in self.query(model, device, options).nodes:
            if not node.supported:
                raise Unsupported(node.reason, op=node.op, node=node.node)
        make = partial(program.TinygradProgram, identity=device.id, threads=options.threads)
        model = bound(model, options.dimensions)
        # A runner keeps what it has learnt of lengths and values: it serves one set of them.
        static = all(spec.is_tensor for spec in model.facts.inputs)
        return Specialized(model, make, static=static, freeze=control_inputs(model))

    def query(self, model: Model, device: DeviceInfo, options: CompileOptions) -> Support:  # noqa: ARG002  the same for all
        with program.device(device.id) as onnx:
            nodes = [_support(onnx.onnx_ops, facts) for facts in model.facts.nodes]
        return Support(tuple(nodes))

    def translate(self, error: Exception) -> HALError | None:
        return errors.translate(error)


def _support(ops: Any, node: NodeFacts) -> NodeSupport:
    """Whether tinygrad has a function of that name, and of that version where they differ."""
    domain = node.domain or "ai.onnx"
    forms: Any = ops.get(node.op, {})
    taken = not isinstance(forms, dict) or any(
        form.domain.value == domain and form.version <= node.version
        for form in cast("Any", forms)
    )
    reason = "" if taken else f"tinygrad has no {node.op} of {domain} {node.version}"
    return NodeSupport(node.id, node.op, taken, reason)
