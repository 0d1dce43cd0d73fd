"""The header of saved programs: who saved what, and whether it is whole.

An artifact is `MAGIC`, the SHA-256 of all that follows, the header's length (4 bytes, little
endian), the header in JSON, then the vendor's blob. The header binds the blob to adapter, SDK,
driver and device, because vendors revive a foreign blob at best with an error and at worst with
a crash.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from typing import Any

from hal.errors import ArtifactError
from hal.spec import DeviceInfo

MAGIC = b"ONNXHAL\x01"


@dataclass(frozen=True)
class Header:
    """What an artifact says of itself.

    `model` is the digest of the model that was saved, empty where its file had gone by then.
    """

    adapter: str
    adapter_version: str
    sdk: str
    driver: str
    device: str
    device_name: str
    model: str
    options: str


def pack(
    blob: bytes, adapter: str, version: str, device: DeviceInfo, model: str, options: str
) -> bytes:
    """The artifact around a vendor's blob."""
    header = Header(
        adapter,
        version,
        device.sdk,
        device.driver,
        device.id,
        device.name,
        model,
        options,
    )
    text = json.dumps(asdict(header)).encode()
    body = len(text).to_bytes(4, "little") + text + blob
    return MAGIC + hashlib.sha256(body).digest() + body


def read(artifact: bytes) -> tuple[Header, bytes]:
    """The header and the blob.

    Raises:
        ArtifactError: it is not an artifact of ours, or it is damaged.
    """
    start = len(MAGIC) + hashlib.sha256().digest_size
    if not artifact.startswith(MAGIC) or len(artifact) < start + 4:
        raise ArtifactError("these bytes are not a saved program of onnx-hal")
    body = artifact[start:]
    if hashlib.sha256(body).digest() != artifact[len(MAGIC) : start]:
        raise ArtifactError("the saved program is damaged: its contents do not match its hash")
    end = 4 + int.from_bytes(body[:4], "little")
    try:
        data: dict[str, Any] = json.loads(body[4:end])
        header = Header(**{field.name: str(data[field.name]) for field in fields(Header)})
    except (ValueError, KeyError, TypeError) as error:
        raise ArtifactError(f"the saved program's header is damaged: {error}") from error
    return header, body[end:]


def unpack(
    artifact: bytes, adapter: str, version: str, device: DeviceInfo
) -> tuple[Header, bytes]:
    """The header and blob of an artifact that was saved by this adapter, for this device.

    Raises:
        ArtifactError: it is damaged, or was saved elsewhere; the message says what differs.
    """
    header, blob = read(artifact)
    here = {
        "adapter": adapter,
        "adapter_version": version,
        "sdk": device.sdk,
        "driver": device.driver,
        "device": device.id,
        "device_name": device.name,
    }
    for name, value in here.items():
        saved = getattr(header, name)
        if saved != value:
            raise ArtifactError(
                f"this program was saved for {name.replace('_', ' ')} {saved!r}; here it is "
                f"{value!r}: compile the model again"
            )
    return header, blob
