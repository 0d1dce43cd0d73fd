"""What `save` writes: a model, and what is known of it that the model cannot say.

The blob is the length of a JSON header (4 bytes, little endian), the header, and the model in
one of three forms:

    optimised   as ONNX Runtime optimised it for this machine; loaded without optimising again
    context     what a plugin compiled it to, in EPContext nodes; nothing is compiled again
    model       as it was given, with its weights inside: of a plugin that runs nodes one by one
                and has no compiled form, and of one that compiles for each set of sizes
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from hal.errors import ArtifactError, Unsupported
from hal.spec import Placement, TensorSpec
from hal_onnxruntime.session import Recipe, sdk

Form: TypeAlias = Literal["optimised", "context", "model"]

_LIMIT = 2**31 - 1  # bytes in a protobuf message
_NOT_COMPILED = ("Unable to compile any nodes", "returned a NULL EPContext node")


@dataclass(frozen=True)
class Saved:
    """A saved program: its signature, the placement of the original's nodes, the model."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    placement: Placement
    model: bytes
    form: Form = "optimised"

    def pack(self) -> bytes:
        """The blob."""
        header = {
            "inputs": [spec.to_json() for spec in self.inputs],
            "outputs": [spec.to_json() for spec in self.outputs],
            "placement": self.placement.to_json(),
            "form": self.form,
        }
        text = json.dumps(header).encode()
        return len(text).to_bytes(4, "little") + text + self.model

    @classmethod
    def unpack(cls, blob: bytes) -> Saved:
        """What `pack` wrote.

        Raises:
            ArtifactError: it was not written by `pack`.
        """
        end = 4 + int.from_bytes(blob[:4], "little")
        try:
            header: dict[str, Any] = json.loads(blob[4:end])
            return cls(
                tuple(TensorSpec.from_json(spec) for spec in header["inputs"]),
                tuple(TensorSpec.from_json(spec) for spec in header["outputs"]),
                Placement.from_json(header["placement"]),
                blob[end:],
                header["form"],
            )
        except (ValueError, KeyError, TypeError) as error:
            raise ArtifactError(f"not a program saved by hal_onnxruntime: {error}") from error


def kept(recipe: Recipe) -> tuple[bytes, Form]:
    """The model in the form that is loaded fastest, and which form that is.

    Raises:
        Unsupported: it is larger than a protobuf message may be.
    """
    if not recipe.devices:
        return optimised(recipe), "optimised"
    context = compiled_by_plugin(recipe)
    return (whole(recipe), "model") if context is None else (context, "context")


def compiled_by_plugin(recipe: Recipe) -> bytes | None:
    """The model with EPContext nodes for what a plugin compiled; None where it does not."""
    ort = sdk()
    try:
        compiler = ort.ModelCompiler(
            recipe.session_options(),
            recipe.source(),
            embed_compiled_data_into_model=True,
            flags=ort.OrtCompileApiFlags.ERROR_IF_NO_NODES_COMPILED,
        )
        found: bytes = compiler.compile_to_bytes()
    except Exception as error:
        if any(words in str(error) for words in _NOT_COMPILED):
            return None
        raise
    return found


def whole(recipe: Recipe) -> bytes:
    """The model as it was given, with its weights inside.

    Raises:
        Unsupported: it is larger than a protobuf message may be.
    """
    model = recipe.model.bytes()
    return _with_weights(model, recipe) if recipe.model.facts.external else model


def optimised(recipe: Recipe) -> bytes:
    """The model as ONNX Runtime optimised it, with its weights inside.

    Raises:
        Unsupported: it is larger than a protobuf message may be.
    """
    with tempfile.TemporaryDirectory(prefix="hal-onnxruntime-") as folder:
        path = Path(folder) / "model.onnx"
        recipe.session(optimized_model_filepath=str(path))
        model = path.read_bytes()
    if recipe.model.facts.external:
        model = _with_weights(model, recipe)
    if len(model) > _LIMIT:
        raise _too_large(len(model))
    return model


def _with_weights(model: bytes, recipe: Recipe) -> bytes:
    import onnx
    from google.protobuf.message import EncodeError
    from onnx.external_data_helper import load_external_data_for_model

    size = sum(path.stat().st_size for path in recipe.model.external_paths())
    if size > _LIMIT:
        raise _too_large(size)
    proto = onnx.load_model_from_string(model)
    load_external_data_for_model(proto, str(recipe.model.folder))
    try:
        return proto.SerializeToString()
    except (EncodeError, ValueError) as error:
        raise _too_large(size + len(model)) from error


def _too_large(size: int) -> Unsupported:
    return Unsupported(
        f"the model to save has {size} bytes; a saved program is one protobuf message, which "
        f"stops at {_LIMIT}: compile the model where it is needed"
    )
