"""Devices, compilation, errors: the vendor's compiler here is ONNX's own checker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from hal.adapter import Adapter, refuse_options
from hal.errors import HALError, Unsupported
from hal.spec import CompileOptions, DeviceInfo
from hal_template import errors
from hal_template.program import ZeroProgram

if TYPE_CHECKING:
    from hal.model import Model


class TemplateAdapter(Adapter):
    """The null device: takes models, computes nothing, answers with zeros."""

    # The entry point's name. `install` is shown where the vendor's package is missing.
    name: ClassVar[str] = "template"
    install: ClassVar[str | None] = "pip install onnx"

    # No constructor arguments, no vendor import here: an instance must cost nothing.

    def probe(self) -> Sequence[DeviceInfo]:
        # Ask the SDK what is present, cheaply and without opening a device. Claim only what
        # holds: the conformance suite tests every claim made here.
        return [
            DeviceInfo(
                id="null",
                name="no device (every result is zero)",
                vendor="onnx-hal",
                kind="null",  # yours is cpu, gpu, npu, fpga or simulator
                sdk="1",
                dtypes=frozenset({"bool", "float16", "float32", "int32", "int64"}),
                opsets={"": (13, 24)},
                features=frozenset({"deterministic", "dynamic_shapes"}),
            )
        ]

    def compile(self, model: Model, device: DeviceInfo, options: CompileOptions) -> ZeroProgram:
        # The shell has checked opset and types against the claim, and lets the vendor judge
        # the rest. Options of your own arrive in `options.vendor`; name the wrong one.
        refuse_options(options.vendor)
        for node in model.facts.nodes:
            if node.domain not in device.opsets:
                raise Unsupported(
                    f"no operators of {node.domain}", op=node.op, node=node.id, device=device.id
                )
        # Import the SDK where it is used. What it raises goes to `translate`.
        from onnx import checker

        source = str(model.path) if model.path is not None else model.proto()
        checker.check_model(source, full_check=True)  # pyright: ignore[reportUnknownMemberType]  PathLike is left open
        return ZeroProgram(model.facts, options.dimensions)

    def translate(self, error: Exception) -> HALError | None:
        return errors.translate(error)
