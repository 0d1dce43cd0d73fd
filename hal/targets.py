"""Targets: a device with the way it is to be asked, under one name.

Users name a target wherever a device is wanted. A name with a colon is ad hoc: `openvino:cpu`
is the adapter `openvino` and its device `cpu`, asked to compute float32 operators in float32. A
name without one comes from `devices.yaml`: ours, shipped with this package, then the user's.
Ad-hoc names are resolved here with the standard library alone; `hal.targets_yaml`, which needs
YAML and pydantic, is imported for the others.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from hal.errors import InputError
from hal.spec import CompileOptions

AD_HOC_ARITHMETIC = "fp32"
"""What an ad-hoc name asks for: a vendor's own default may be another (bfloat16, silently)."""

LOCAL_FILE = "devices.yaml"
"""Read from the current folder, on top of the shipped one, where no file is named."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a worker of this target may take before it is ended, in seconds.

    `reboot_s` is how long a run waits for another machine (`host`) that went away.
    """

    start_s: float = 60.0
    compile_s: float = 300.0
    run_s: float = 60.0
    reboot_s: float = 300.0

    def to_json(self) -> dict[str, float]:
        return {
            "start_s": self.start_s,
            "compile_s": self.compile_s,
            "run_s": self.run_s,
            "reboot_s": self.reboot_s,
        }


@dataclass(frozen=True, slots=True)
class EnvSpec:
    """A Python environment of a target's own, which `hal env create` makes.

    `requires` is what is installed there, as pip takes it; `python` its version ("3.10"), None
    for that of this interpreter.
    """

    requires: tuple[str, ...]
    python: str | None = None

    def to_json(self) -> dict[str, Any]:
        return {"requires": list(self.requires), "python": self.python}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> EnvSpec:
        """What `to_json` gave; `python` may be absent."""
        return cls(tuple(data["requires"]), data.get("python"))


@dataclass(frozen=True, slots=True)
class Target:
    """One device under a name, with what to ask of it and what may be expected of it.

    `options` are asked of every compilation; `arithmetic` is what the results are claimed to be
    computed in, which is how they are judged; `expectations` are files of known outcomes;
    `python` is the interpreter its workers need, where it is not this one; `env` an environment
    of its own they live in instead; `host` the other machine they run on
    ("ssh://user@board:22"), None for this one; `source` is where the target was written down
    ("devices.yaml:12"), None for an ad-hoc one.
    """

    name: str
    adapter: str
    device: str
    options: CompileOptions = field(default_factory=CompileOptions)
    arithmetic: str | None = None
    labels: tuple[str, ...] = ()
    timeouts: Timeouts = field(default_factory=Timeouts)
    expectations: tuple[Path, ...] = ()
    python: str | None = None
    source: str | None = None
    env: EnvSpec | None = None
    host: str | None = None

    @property
    def is_ad_hoc(self) -> bool:
        """Whether the name itself says adapter and device."""
        return ":" in self.name

    @property
    def is_foreign(self) -> bool:
        """Whether its workers have neither our packages nor, on another machine, our files."""
        return self.host is not None or self.interpreter is not None

    @property
    def interpreter(self) -> str | None:
        """The Python its workers need, where it is not this one; on `host`, where that is set.

        Raises:
            InputError: it is that of an environment which has not been made, or of one that
                another machine is to have.
        """
        if self.host is not None:
            if self.env is not None:
                raise InputError(
                    f"target {self.name!r} has both env and host; environments are made on "
                    "this machine alone: make one on that machine, and set `python` to its "
                    "interpreter instead of `env`",
                    device=self.name,
                )
            return self.python
        if self.env is None:
            return None if self.python == sys.executable else self.python
        from hal import env

        return env.interpreter(self)

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "adapter": self.adapter,
            "device": self.device,
            "options": self.options.to_json(),
            "arithmetic": self.arithmetic,
            "labels": list(self.labels),
            "timeouts": self.timeouts.to_json(),
            "expectations": [str(path) for path in self.expectations],
            "python": self.python,
            "source": self.source,
            "env": self.env.to_json() if self.env else None,
            "host": self.host,
        }


def ad_hoc(name: str) -> Target:
    """The target that `adapter:device` means; the device may hold further colons.

    Raises:
        InputError: the name has no colon, or nothing on one side of it.
    """
    adapter, colon, device = name.partition(":")
    if not (adapter.strip() and colon and device.strip()):
        raise InputError(
            f"{name!r} does not name a device; write adapter:device, such as onnxruntime:cpu",
            device=name,
        )
    options = CompileOptions(arithmetic=AD_HOC_ARITHMETIC)
    return Target(name, adapter, device, options, arithmetic=AD_HOC_ARITHMETIC)


def resolve(name: str, files: Sequence[Path] = ()) -> Target:
    """The target of that name: ad hoc where it holds a colon, else from the device files.

    `files` are read on top of the shipped `devices.yaml`, later ones winning; without any, a
    `devices.yaml` in the current folder is read where there is one.

    Raises:
        InputError: no target has that name (the nearest is named), or a file is wrong (with
            file, line and column).
        AdapterError: a named target's adapter is not registered (with file, line and column).
    """
    if ":" in name:
        return ad_hoc(name)
    from hal import targets_yaml

    paths = targets_yaml.layers(files)
    known = targets_yaml.load_layers(paths)
    if name not in known:
        raise InputError(_no_target(name, list(known)), device=name)
    targets_yaml.check_adapter(known[name], paths)
    return known[name]


def all(files: Sequence[Path] = ()) -> dict[str, Target]:
    """Every named target, by name, in the order they were first written down.

    Raises:
        InputError: a file is wrong; the message says file, line, column and the nearest word.
    """
    from hal import targets_yaml

    return targets_yaml.load_layers(targets_yaml.layers(files))


def _no_target(name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return (
        f"no target {name!r}; {hint}the named targets are {', '.join(sorted(known))}; "
        f"a device can also be named as adapter:device, such as onnxruntime:cpu"
    )
