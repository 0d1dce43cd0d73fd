"""Running one model once on one target, for `hal run`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

from hal.cli import output
from hal.cli.arrays import leaves, summary
from hal.cli.feeds import Plan
from hal.device import Device
from hal.device import open as open_device
from hal.errors import HALError, InputError, Unsupported
from hal.executable import Executable
from hal.model import Model
from hal.targets import Target, resolve


@dataclass(frozen=True)
class Ran:
    """What was fed, what came back, and how long it took, in seconds."""

    target: Target
    device: dict[str, Any]
    feeds: Mapping[str, Any]
    results: Mapping[str, Any]
    compile_s: float
    run_s: float
    placement: dict[str, int] | None

    def to_json(self) -> dict[str, Any]:
        return {
            "target": self.target.name,
            "device": self.device,
            "compile_s": self.compile_s,
            "run_s": self.run_s,
            "placement": self.placement,
        }


@dataclass(frozen=True)
class Session:
    """A model and its inputs, to be run on one target after the other."""

    model: Model
    plan: Plan
    files: tuple[Path, ...] = ()
    timeout_s: float | None = None
    isolated: bool = True

    def run(self, name: str, feeds: Mapping[str, Any] | None = None) -> Ran:
        """Open the target, compile, run once, close; `feeds` come from the plan if not given.

        Raises:
            HALError: whatever the device says; InputError where an input or a dimension that
                was named is not the model's.
        """
        target = self._target(name)
        chosen = feeds if feeds is not None else self._feeds(target)
        with open_device(target, isolated=self.isolated) as device:
            try:
                return self._ran(device, chosen)
            except HALError:
                note_guesses(self.plan, self.model)
                raise

    def _ran(self, device: Device, feeds: Mapping[str, Any]) -> Ran:
        with self._compile(device) as executable:
            started = perf_counter()
            results = executable(feeds)
            return Ran(
                target=device.target,
                device=device.info.to_json(),
                feeds=feeds,
                results=results,
                run_s=perf_counter() - started,
                compile_s=executable.compile_seconds,
                placement=placement_of(executable),
            )

    def _target(self, name: str) -> Target:
        return with_timeout(resolve(name, self.files), self.timeout_s)

    def _feeds(self, target: Target) -> dict[str, Any]:
        check_dimensions(self.model, self.plan.dims)
        dims = {**target.options.dimensions, **self.plan.dims}
        return replace(self.plan, dims=dims).feeds(self.model.facts.inputs)

    def _compile(self, device: Device) -> Executable:
        if not self.plan.dims:
            return device.compile(self.model)
        dims = {**device.target.options.dimensions, **self.plan.dims}
        return device.compile(self.model, dimensions=dims)


def with_timeout(target: Target, seconds: float | None) -> Target:
    """The target with that long to compile and to run, where a number is given."""
    if seconds is None:
        return target
    return replace(target, timeouts=replace(target.timeouts, compile_s=seconds, run_s=seconds))


def check_dimensions(model: Model, dims: Mapping[str, int]) -> None:
    """Refuse a dimension that the model does not have.

    Raises:
        InputError: the message lists those it has.
    """
    specs = (*model.facts.inputs, *model.facts.outputs)
    known = sorted({dim for spec in specs for dim in spec.shape or () if isinstance(dim, str)})
    unknown = [name for name in dims if name not in known]
    if unknown:
        has = f"has {', '.join(known)}" if known else "names no dimension"
        raise InputError(f"no dimension {unknown[0]!r}; this model {has}")


def note_guesses(plan: Plan, model: Model) -> None:
    """Say which lengths of random inputs were made up: they may be why a run failed."""
    guessed = plan.guessed(model.facts.inputs)
    if guessed:
        output.note(
            f"hal: lengths the model leaves open were taken as 1 ({'; '.join(guessed)}); "
            "--dim NAME=N or -i NAME=random:1x3x224x224 gives others"
        )


def placement_of(executable: Executable) -> dict[str, int] | None:
    """How many nodes ran where; None where the device does not say."""
    if "placement" not in executable.device.features:
        return None
    try:
        return executable.placement().counts()
    except Unsupported:  # claimed of the device, but not known of this program
        return None


def described(results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every output's name, type, shape and range."""
    return [
        {"name": name, **({"dtype": None} if array is None else summary(array))}
        for name, array in leaves(results)
    ]
