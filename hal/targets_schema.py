"""What a `devices.yaml` may hold, as pydantic models; the JSON Schema comes from them.

`python -m hal.targets_schema` prints the schema; `hal/schemas/devices.schema.json` is a copy of
it, and a test says when it is not. The docstrings of the fields below are what an editor shows.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from hal.targets import Timeouts

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._+-]*$"
PYTHON_PATTERN = r"^3\.[0-9]+$"
HOST_PATTERN = r"^ssh://([^\s/@:]+@)?([^\s/@:\[\]]+|\[[0-9A-Fa-f:]+\])(:[0-9]+)?$"

_DEFAULT = Timeouts()

Name = Annotated[str, Field(min_length=1)]
Seconds = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]


class Strict(BaseModel):
    """No unknown keys, no silent conversions."""

    model_config = ConfigDict(extra="forbid", strict=True, use_attribute_docstrings=True)


class OptionsEntry(Strict):
    """What is asked of every compilation on this target."""

    arithmetic: Name | None = None
    """The arithmetic to compute in ("fp32", "bf16"); null is what the vendor does unasked."""
    dimensions: dict[str, Count] = {}
    """Lengths for symbolic dimensions of the model, by name."""
    allow_fallback: bool = False
    """Whether nodes may run elsewhere than on the device."""
    threads: Count | None = None
    """How many host threads the device may use; null leaves it to the vendor."""
    goal: Literal["latency", "throughput"] = "latency"
    """What to trade for what."""
    vendor: dict[str, JsonValue] = {}
    """The adapter's own options; its documentation lists them."""


class TimeoutsEntry(Strict):
    """How long a worker of this target may take before it is ended, in seconds."""

    start_s: Seconds = _DEFAULT.start_s
    """To start and to see its devices."""
    compile_s: Seconds = _DEFAULT.compile_s
    """To compile one model."""
    run_s: Seconds = _DEFAULT.run_s
    """To run one model once."""
    reboot_s: Seconds = _DEFAULT.reboot_s
    """How long a run waits for a machine (`host`) that went away."""


class EnvEntry(Strict):
    """A Python environment of the target's own, which `hal env create` makes."""

    requires: Annotated[list[Name], Field(min_length=1)]
    """What is installed there, as lines of a requirements file ("onnxruntime-openvino==1.24.1",
    "./acme_sdk-2.1-py3-none-any.whl"); a path that begins with . is relative to this file."""
    python: Annotated[str, Field(pattern=PYTHON_PATTERN)] | None = None
    """Its Python's version, in quotes ("3.10"); null is that of the interpreter that asks."""


class TargetEntry(Strict):
    """One target: an adapter's device, what to ask of it, what to expect of it."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [{"required": ["adapter", "device"]}, {"required": ["extends"]}]
        }
    )

    extends: Name | None = None
    """A target to take over; keys given here win, and mappings are merged key by key."""
    adapter: Name | None = None
    """The adapter's name, as `hal devices` lists it."""
    device: Name | None = None
    """The device's id within the adapter, as `hal devices` lists it."""
    options: OptionsEntry = OptionsEntry()
    arithmetic: Name | None = None
    """The arithmetic that results are claimed to be computed in; what `options` asks for where
    the key is absent, and null claims none: results are judged by the model's own types."""
    labels: list[Name] = []
    """Words to find the target by."""
    timeouts: TimeoutsEntry = TimeoutsEntry()
    expectations: list[Name] = []
    """Files of known outcomes, relative to this file."""
    python: Name | None = None
    """The interpreter its workers need; relative to this file where it holds a slash."""
    env: EnvEntry | None = None
    """An environment its workers live in, instead of `python`."""
    host: Annotated[str, Field(pattern=HOST_PATTERN)] | None = None
    """The machine its workers run on ("ssh://user@board:22"); null is this one."""


class DevicesFile(Strict):
    """Named targets of onnx-hal."""

    model_config = ConfigDict(title="devices.yaml")

    schema_: Annotated[Literal[1], Field(alias="schema")] = 1
    """The version of this format."""
    targets: dict[Annotated[str, Field(pattern=NAME_PATTERN)], TargetEntry]
    """Targets by name; a name has no colon, since `adapter:device` names a device ad hoc."""


def json_schema() -> dict[str, Any]:
    """The published schema."""
    body = DevicesFile.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **body}


if __name__ == "__main__":
    print(json.dumps(json_schema(), indent=2))
