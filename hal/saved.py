"""A saved program as one blob: a line of JSON with its signature, then the vendor's bytes.

For adapters whose vendor's form does not keep the model's signature. The shell's header, with
a checksum, goes before it (`hal/artifact.py`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from hal.errors import ArtifactError
from hal.spec import TensorSpec

Signature = tuple[TensorSpec, ...]


def pack(
    inputs: Signature, outputs: Signature, blob: bytes, facts: Mapping[str, Any] | None = None
) -> bytes:
    """The blob with the signature before it, and what else JSON can hold."""
    head = {
        "inputs": [spec.to_json() for spec in inputs],
        "outputs": [spec.to_json() for spec in outputs],
        "facts": dict(facts or {}),
    }
    return json.dumps(head).encode() + b"\n" + blob


def unpack(saved: bytes) -> tuple[Signature, Signature, bytes, dict[str, Any]]:
    """What `pack` was given: inputs, outputs, the blob, the facts.

    Raises:
        ArtifactError: it was made by something else.
    """
    head, _, blob = saved.partition(b"\n")
    try:
        read = json.loads(head)
        inputs, outputs = (
            tuple(TensorSpec.from_json(spec) for spec in read[name])
            for name in ("inputs", "outputs")
        )
        return inputs, outputs, blob, dict(read["facts"])
    except (LookupError, TypeError, ValueError) as error:
        raise ArtifactError(f"this is no saved program: {error}") from error
