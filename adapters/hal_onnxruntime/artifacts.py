"""What `save` writes: the optimised model, and what is known of it that the model cannot say.

The blob is the length of a JSON header (4 bytes, little endian), the header, and the model as
ONNX Runtime optimised it for this machine; it is loaded as it stands, without optimising again.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hal.errors import ArtifactError, Unsupported
from hal.spec import Placement, TensorSpec
from hal_onnxruntime.session import Recipe

_LIMIT = 2**31 - 1  # bytes in a protobuf message


@dataclass(frozen=True)
class Saved:
    """A saved program: its signature, the placement of the original's nodes, the model."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    placement: Placement
    model: bytes

    def pack(self) -> bytes:
        """The blob."""
        header = {
            "inputs": [spec.to_json() for spec in self.inputs],
            "outputs": [spec.to_json() for spec in self.outputs],
            "placement": self.placement.to_json(),
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
            )
        except (ValueError, KeyError, TypeError) as error:
            raise ArtifactError(f"not a program saved by hal_onnxruntime: {error}") from error


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
        f"the optimised model has {size} bytes; a saved program is one protobuf message, which "
        f"stops at {_LIMIT}: compile the model where it is needed"
    )
