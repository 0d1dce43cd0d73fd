"""`run.json` beside answers: what a lab says of its device and of its run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hal.errors import InputError
from hal.spec import DeviceInfo
from hal.targets import Target

NAME = "run.json"
ADAPTER = "offline"
"""What stands in results where an adapter's name stands otherwise."""


class Lab(BaseModel):
    """Whose answers these are; all but the target's name may be left out.

    `arithmetic` is what the device is said to compute in, as in devices.yaml; `versions` and
    `machine` go into the results' header as they are.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    target: str = Field(min_length=1)
    device: str = ""
    vendor: str = ""
    kind: Literal["cpu", "gpu", "npu", "fpga", "simulator"] = "npu"
    sdk: str = ""
    driver: str = ""
    arithmetic: str | None = None
    labels: list[str] = Field(default_factory=list[str])
    properties: dict[str, str] = Field(default_factory=dict[str, str])
    versions: dict[str, str] = Field(default_factory=dict[str, str])
    machine: dict[str, str] = Field(default_factory=dict[str, str])

    def to_target(self, expectations: tuple[Path, ...]) -> Target:
        """The target that is judged."""
        return Target(
            self.target,
            ADAPTER,
            self.device or self.target,
            arithmetic=self.arithmetic,
            labels=tuple(self.labels),
            expectations=expectations,
        )

    def to_info(self) -> DeviceInfo:
        """The device, as adapters describe theirs."""
        return DeviceInfo(
            id=self.device or self.target,
            name=self.device or self.target,
            vendor=self.vendor,
            kind=self.kind,
            sdk=self.sdk,
            driver=self.driver,
            properties=self.properties,
        )


def read(folder: Path, given: Mapping[str, Any]) -> Lab:
    """What the lab wrote down, and over it what was given on the command line.

    Raises:
        InputError: run.json is damaged, or nothing names the target.
    """
    path = folder / NAME
    said: dict[str, Any] = {}
    if path.is_file():
        said = _read(path)
    said |= {name: value for name, value in given.items() if value is not None}
    if "target" not in said:
        raise InputError(
            f"nothing says whose answers these are: give --target NAME, or write {path} with "
            '{"target": "acme-7", "sdk": "2.1"}'
        )
    try:
        return Lab.model_validate(said)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise InputError(f"{path}: {where}: {first['msg']}") from error


def _read(path: Path) -> dict[str, Any]:
    import json

    try:
        found: Any = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise InputError(f"{path} is no JSON object")
    return found  # pyright: ignore[reportUnknownVariableType]  # JSON
