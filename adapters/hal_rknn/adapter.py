"""The simulator's chips, compilation, errors."""

from __future__ import annotations

import ctypes
import os
import re
import sys
import tempfile
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module, metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from hal.adapter import Adapter, refuse_host
from hal.errors import HALError, InputError, SDKMissing, Unsupported
from hal.inspection import identified
from hal.spec import CompileOptions, DeviceInfo, NodeFacts, TensorSpec
from hal_rknn import errors, logs
from hal_rknn.program import RknnProgram

if TYPE_CHECKING:
    from hal.model import Model

CHIPS = ("rk3588", "rk3576", "rk3568", "rk3566", "rk3562")
"""Those that compute in float16; the others (RV1103 and its like) take int8 alone."""

NAME = "{chip} (simulator: float16 imitation, kernels by onnxruntime)"

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
        version = metadata.version("rknn-toolkit2")
        return [_info(chip, version) for chip in CHIPS]

    def compile(self, model: Model, device: DeviceInfo, options: CompileOptions) -> RknnProgram:
        kind = self._sdk()
        inputs = tuple(_static(spec, options.dimensions) for spec in model.facts.inputs)
        outputs = tuple(_static(spec, {}, output=True) for spec in model.facts.outputs)
        unknown = sorted(set(options.vendor) - _OPTIONS)
        if unknown:
            raise InputError(f"no vendor options {unknown}; there are {sorted(_OPTIONS)}")
        folder = tempfile.TemporaryDirectory(prefix="hal-rknn-")
        log = Path(folder.name, "log")
        rknn = kind(verbose=True, verbose_file=str(log))
        program = RknnProgram(rknn, inputs, outputs, log, folder)
        path, names = _named(model, Path(folder.name))
        try:
            config = {**options.vendor, "target_platform": device.id}
            printed = _build(rknn, path, _bound(model, inputs), config)
            passes = log.read_text(errors="replace").splitlines()
            program.placed = logs.placement(names, passes, printed)
            _check(rknn.init_runtime(), "init_runtime", log)
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
        try:
            return import_module("rknn.api").RKNN
        except ModuleNotFoundError as error:
            raise SDKMissing(
                f"RKNN-Toolkit2 is not installed ({error}); its pins fit no other vendor's, so "
                f"give it an environment of its own: {self.install}",
                install=self.install,
            ) from error


def _info(chip: str, version: str) -> DeviceInfo:
    return DeviceInfo(
        id=chip,
        name=NAME.format(chip=chip.upper()),
        vendor="Rockchip",
        kind="simulator",
        sdk=version,
        dtypes=_DTYPES,
        opsets={"": (1, 19)},
        features=frozenset({"deterministic", "placement"}),
        arithmetic=("fp16",),
    )


def _static(
    spec: TensorSpec, dimensions: Mapping[str, int], *, output: bool = False
) -> TensorSpec:
    """The specification with dimensions bound; inputs must have all of them."""
    if not spec.is_tensor:
        raise Unsupported(f"the toolkit takes and gives tensors alone, not {spec}")
    if spec.shape is None:
        if output:
            return spec
        raise Unsupported(f"the toolkit takes static shapes alone; {spec} has none")
    bound = spec.bound(dimensions)
    if not output and not bound.is_static:
        raise Unsupported(
            f"the toolkit takes static shapes alone; bind the dimensions of {spec} (--dim)"
        )
    return bound


def _bound(model: Model, inputs: Sequence[TensorSpec]) -> Mapping[str, Any]:
    """The shapes to load the model with; nothing where it is static itself."""
    if all(spec.is_static for spec in model.facts.inputs):
        return {}
    shapes = [list(spec.shape or ()) for spec in inputs]
    return {"inputs": [spec.name for spec in inputs], "input_size_list": shapes}


def _named(model: Model, folder: Path) -> tuple[Path, Mapping[str, NodeFacts]]:
    """A file of the model, weights and all, whose nodes bear names to search the log for."""
    known = {facts.id: facts for facts in model.facts.nodes}
    proto = model.proto()
    if model.facts.external:
        from onnx.external_data_helper import load_external_data_for_model

        load_external_data_for_model(proto, str(model.folder))
    names: dict[str, NodeFacts] = {}
    for index, (own, node) in enumerate(identified(proto.graph.node)):
        node.name = f"{_GIVEN}{index}"
        names[node.name] = known[own]
    path = folder / "model.onnx"
    path.write_bytes(proto.SerializeToString())
    return path, names


def _in_own_names(text: str, names: Mapping[str, NodeFacts]) -> str:
    """What the toolkit said, of nodes by the names that the caller knows."""
    return re.sub(rf"{_GIVEN}\d+", lambda match: names[match[0]].id, text)


def _build(rknn: Any, path: Path, bound: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    """Compile; what the compiler printed."""
    _check(rknn.config(**config), "config")
    with _within(path.parent), _printed() as found:
        _check(rknn.load_onnx(model=str(path), **bound), "load_onnx")
        status = rknn.build(do_quantization=False)
    _check(status, "build")
    return found[0]


def _check(status: int, step: str, log: Path | None = None) -> None:
    """The toolkit mostly raises; where it does not, a status that is not 0 says it failed."""
    if status != 0:
        said = log.read_text(errors="replace")[-300:] if log else ""
        raise errors.of_text(f"{step} ended with status {status} {said}")


@contextmanager
def _within(folder: Path) -> Generator[None]:
    """The current folder is this one: a verbose toolkit leaves intermediate models there."""
    before = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


@contextmanager
def _printed() -> Generator[list[str]]:
    """What C code prints on descriptor 1 meanwhile, once the block has ended.

    A file, not a pipe: who prints may hold the interpreter's lock, and nobody would read.
    """
    found: list[str] = []
    libc = ctypes.CDLL(None)
    sys.stdout.flush()
    libc.fflush(None)
    kept = os.dup(1)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 1)
        try:
            yield found
        finally:
            sys.stdout.flush()
            libc.fflush(None)
            os.dup2(kept, 1)
            os.close(kept)
            file.seek(0)
            found.append(file.read().decode("utf-8", "replace"))
