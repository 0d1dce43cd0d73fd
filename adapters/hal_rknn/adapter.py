"""The simulator's chips, compilation, errors."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, ClassVar

from hal.adapter import Adapter, import_sdk, refuse_host, refuse_options
from hal.errors import CompileError, HALError
from hal.logged import known_nodes
from hal.printed import captured_stdout
from hal.spec import CompileOptions, DeviceInfo, NodeFacts
from hal.specialize import bound, check_tensors, static_shapes
from hal.staged import inside
from hal_rknn import errors, logs
from hal_rknn.program import LOG, RknnProgram

if TYPE_CHECKING:
    from hal.model import Model

CHIPS = ("rk3588", "rk3576", "rk3568", "rk3566", "rk3562")
"""Those that compute in float16; the others (RV1103 and its like) take int8 alone."""

_WHO = "RKNN-Toolkit2"
_GIVEN = "hal_node_"
_DTYPES = frozenset({"bool", "float16", "float32", "int8", "int32", "int64", "uint8"})
_OPTIONS = frozenset(
    {
        "compress_weight",
        "disable_rules",
        "enable_flash_attention",
        "op_target",
        "optimization_level",
        "remove_reshape",
        "remove_weight",
        "single_core_mode",
    }
)
"""Keywords of the toolkit's `config` that may be asked for as vendor options."""


class RknnAdapter(Adapter):
    """Rockchip's NPUs, as RKNN-Toolkit2 simulates them on a PC.

    It compiles for the chip, and computes with ONNX Runtime's kernels over values rounded to
    float16: its numbers say nothing of a chip's kernels, its log says what runs on the NPU.
    """

    name: ClassVar[str] = "rknn"
    install: ClassVar[str | None] = "hal env create rknn-rk3588"
    system_packages: ClassVar[tuple[str, ...]] = ("libgl1", "libglib2.0-0")  # its OpenCV's

    def probe(self) -> Sequence[DeviceInfo]:
        self._sdk()
        return [_info(chip) for chip in CHIPS]

    def compile(self, model: Model, device: DeviceInfo, options: CompileOptions) -> RknnProgram:
        refuse_options(options.vendor, _OPTIONS)
        check_tensors((*model.facts.inputs, *model.facts.outputs), _WHO, empty=True)
        model = bound(model, options.dimensions)
        static_shapes(model.facts.inputs, _WHO, {})
        folder = TemporaryDirectory(prefix="hal-rknn-")
        path, log = Path(folder.name, "model.onnx"), Path(folder.name, LOG)
        rknn = self._sdk()(verbose=True, verbose_file=str(log))
        program = RknnProgram(rknn, model.facts, folder)
        names = _written(model, path)
        try:
            printed = _built(rknn, path, {**options.vendor, "target_platform": device.id})
            passes = log.read_text(errors="replace").splitlines()
            program.placed = logs.placement(names, passes, printed)
            _check(rknn.init_runtime(), "init_runtime")
            if not options.allow_fallback:
                refuse_host(program.placed, "the compiler's log", f"{device.id}'s CPU")
        except BaseException as error:
            program.close()
            if errors.is_toolkits(error):
                raise errors.of_text(_in_own_names(str(error), names)) from error
            raise
        return program

    def translate(self, error: Exception) -> HALError | None:
        return errors.translate(error)

    def _sdk(self) -> Any:
        return import_sdk("rknn.api", _WHO, self.install).RKNN


def _info(chip: str) -> DeviceInfo:
    return DeviceInfo(
        id=chip,
        name=f"{chip.upper()} (simulator: float16 imitation, kernels by onnxruntime)",
        vendor="Rockchip",
        kind="simulator",
        sdk=version("rknn-toolkit2"),
        dtypes=_DTYPES,
        opsets={"": (1, 19)},
        features=frozenset({"deterministic", "placement"}),
        arithmetic=("fp16",),
    )


def _written(model: Model, path: Path) -> Mapping[str, NodeFacts]:
    """Write the model, weights and all, its nodes with names to search the log for."""
    names: dict[str, NodeFacts] = {}
    proto = model.whole()
    for index, (facts, node) in enumerate(known_nodes(model.facts, proto)):
        node.name = f"{_GIVEN}{index}"
        names[node.name] = facts
    path.write_bytes(proto.SerializeToString())
    return names


def _in_own_names(text: str, names: Mapping[str, NodeFacts]) -> str:
    """What the toolkit said, of nodes by the names that the caller knows."""
    return re.sub(rf"{_GIVEN}\d+", lambda match: names[match[0]].id, text)


def _built(rknn: Any, path: Path, config: Mapping[str, Any]) -> str:
    """Compile; what the compiler printed."""
    _check(rknn.config(**config), "config")
    # A verbose toolkit leaves intermediate models in the current folder.
    with inside(path.parent), captured_stdout() as printed:
        _check(rknn.load_onnx(model=str(path)), "load_onnx")
        _check(rknn.build(do_quantization=False), "build")
    return printed().decode("utf-8", "replace")


def _check(status: int, step: str) -> None:
    """The toolkit mostly raises; where it does not, a status that is not 0 says it failed."""
    if status != 0:
        raise CompileError(f"the toolkit's {step} ended with status {status}")
