"""pnnx, the vendor's converter: an ONNX model becomes a network of ncnn's layers.

The program in the package is run itself: the package's Python imports PyTorch. What it cannot
convert it leaves as it was, and ends well; the network then names a layer that ncnn has not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from hal import saved, tools
from hal.errors import ArtifactError, CompileError, DeviceLost, Unsupported
from hal.spec import TensorSpec

if TYPE_CHECKING:
    from hal.model import Model

INSTALL = "hal env create ncnn"
NO_BATCH = 233
"""The vendor's number for "this tensor has no batch axis"."""

_AXIS = re.compile(r"(?P<name>in\d+|out\d+)\.numpy\((?:\), )?batch_index=(?P<axis>\d+)")
_TODO = re.compile(r"^todo (?P<op>\S+)", re.MULTILINE)
_FAILED = re.compile(r"^(?:ort |.*[Uu]nsupported|.*not supported).*$", re.MULTILINE)
_COLOUR = re.compile(r"\x1b\[[\d;]*m")


@dataclass(frozen=True)
class Converted:
    """A network: its signature, layers as text, weights, and the batch axis of each blob."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    layers: str
    weights: bytes
    axes: Mapping[str, int]

    def kinds(self) -> list[str]:
        """The type of each layer, in order."""
        return [line.split()[0] for line in self.layers.splitlines()[2:] if line]

    def pack(self) -> bytes:
        """All of it as one file; `unpack` reads it."""
        facts = {"layers": self.layers, "axes": dict(self.axes)}
        return saved.pack(self.inputs, self.outputs, self.weights, facts)

    @classmethod
    def unpack(cls, blob: bytes) -> Converted:
        """What `pack` packed.

        Raises:
            ArtifactError: it was packed by something else.
        """
        inputs, outputs, weights, facts = saved.unpack(blob)
        if not {"layers", "axes"} <= facts.keys():
            raise ArtifactError("this is no saved network of ncnn")
        return cls(inputs, outputs, facts["layers"], weights, facts["axes"])


def pnnx() -> Path:
    """The converter in the vendor's package, which is found without importing it.

    Raises:
        SDKMissing: it is not installed.
    """
    missing = (
        "pnnx, ncnn's converter, is not installed; its package asks for PyTorch, which is not "
        "used, so give it an environment of its own"
    )
    return tools.package_folder("pnnx", missing, INSTALL) / "pnnx"


def convert(model: Model, *, half: bool) -> Converted:
    """The model as a network; `half` keeps its weights in float16.

    Raises:
        Unsupported: pnnx has no conversion for an operator.
        DeviceLost: it crashed. CompileError: it failed otherwise.
    """
    with TemporaryDirectory(prefix="hal-ncnn-") as name:
        folder = Path(name)
        # pnnx loses weights that lie in files beside the model
        (folder / "model.onnx").write_bytes(model.whole().SerializeToString())
        words = (str(pnnx()), "model.onnx", f"fp16={int(half)}")
        try:
            ended = tools.run(words, "pnnx", folder=folder)
        except DeviceLost as lost:
            told = f"{lost.message}: {_cause(lost.stderr or '')}"
            raise DeviceLost(told, signal=lost.signal) from lost
        todo = _TODO.search(ended.said)
        if todo is not None:
            op = todo["op"]
            raise Unsupported(f"pnnx has no conversion for {op} ({todo[0]!r})", op=op)
        script = folder / "model_ncnn.py"
        if not script.exists():
            told = f"pnnx ended with status {ended.status} and wrote no network"
            raise CompileError(f"{told}: {_cause(ended.said)}")
        axes = _AXIS.finditer(script.read_text(encoding="utf-8"))
        return Converted(
            model.facts.inputs,
            model.facts.outputs,
            (folder / "model.ncnn.param").read_text(encoding="utf-8"),
            (folder / "model.ncnn.bin").read_bytes(),
            {match["name"]: int(match["axis"]) for match in axes},
        )


def _cause(said: str) -> str:
    """What it said of a failure; its last line of progress where it said none."""
    plain = _COLOUR.sub("", said)
    lines = _FAILED.findall(plain) or plain.splitlines()[-1:]
    return tools.end_of(" ".join(dict.fromkeys(lines)))
