"""`hal devices`: which adapters are installed, and which devices and targets are here.

Adapters are asked in workers, so that one that crashes costs only its own row. A target on
another machine is asked there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import typer

from hal.cli import failures, output
from hal.cli.options import DevicesOption, JsonOption

if TYPE_CHECKING:
    from hal.targets import Target

HELP = """List adapters, the devices they see on this machine, and the named targets.

The status of an adapter: present (it sees a device), absent (installed, but no device is here),
missing (its vendor's package is not installed; the line to type is shown), broken. A target on
another machine is looked for there.

\b
Examples:
  hal devices
  hal devices --check              run one real operator on each device
  hal devices openvino --json      one adapter, for programs

\b
Exit codes:
  0  done; with ADAPTER: every adapter named has a device
  2  wrong usage, or a wrong devices.yaml
  3  an adapter named is unknown, missing, broken, or sees no device
  4  with --check: a device computed something wrong, or failed"""

Status: TypeAlias = Literal["present", "absent", "missing", "broken"]


@dataclass(frozen=True)
class Row:
    """One adapter and what it sees; devices as `DeviceInfo.to_json` gives them.

    `absent` says what its devices need that are not here.
    """

    name: str
    distribution: str
    version: str
    status: Status
    devices: Sequence[dict[str, Any]] = ()
    install: str | None = None
    message: str = ""
    absent: Mapping[str, str] = field(default_factory=dict[str, str])

    def to_json(self) -> dict[str, Any]:
        return {
            "adapter": self.name,
            "distribution": self.distribution,
            "version": self.version,
            "status": self.status,
            "install": self.install,
            "message": self.message,
            "absent": dict(self.absent),
            "devices": list(self.devices),
        }


@dataclass(frozen=True)
class Distant:
    """What a target's own machine answered: its device, and how a check of that went."""

    info: dict[str, Any] | None
    message: str = ""

    def to_json(self) -> dict[str, Any]:
        return {"found": self.info is not None, "message": self.message, "device": self.info}


def command(
    adapters: Annotated[
        list[str] | None, typer.Argument(metavar="[ADAPTER]...", help="Only these adapters.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Run a real operator on each device.")
    ] = False,
    devices: DevicesOption = None,
    json: JsonOption = False,
) -> None:
    """The command; `HELP` is its text."""
    from hal import registry, targets

    named = targets.all(devices or [])
    wanted = list(adapters or registry.names())
    for name in wanted:
        registry.entry(name)
    rows = [_probe(name, check=check) for name in wanted]
    shown = [target for target in named.values() if target.adapter in wanted]
    distant = _ask_machines(shown, check=check)
    if json:
        found = {"adapters": [row.to_json() for row in rows]}
        listed = [_target_json(target, distant) for target in shown]
        output.emit_json({**found, "targets": listed})
    else:
        _print_adapters(rows, check=check)
        _print_targets(shown, rows, distant)
    raise typer.Exit(_exit_code(rows, distant, asked_for=bool(adapters)))


def _ask_machines(shown: Sequence[Target], *, check: bool) -> dict[str, Distant]:
    """The answers of the targets on other machines, by name; all are asked at once."""
    asked = [target for target in shown if target.host is not None]
    if not asked:
        return {}
    with ThreadPoolExecutor(len(asked)) as threads:
        answers = {
            target.name: threads.submit(_ask_machine, target, check=check) for target in asked
        }
        return {name: answer.result() for name, answer in answers.items()}


def _ask_machine(target: Target, *, check: bool) -> Distant:
    from hal import device
    from hal.errors import HALError

    try:
        with device.open(target) as opened:
            info = opened.info.to_json()
    except HALError as error:
        return Distant(None, error.message)
    if check:
        info = {**info, "check": _checked(target, info)}
    return Distant(info)


def _target_json(target: Target, distant: Mapping[str, Distant]) -> dict[str, Any]:
    there = distant.get(target.name)
    return {**target.to_json(), "there": there.to_json() if there else None}


def _probe(name: str, *, check: bool) -> Row:
    from hal import registry
    from hal.adapter import first_part
    from hal.errors import HALError, SDKMissing
    from hal.targets import ad_hoc
    from hal.worker.client import WorkerAdapter

    entry = registry.entry(name)
    owner = (name, entry.distribution, entry.version)
    try:
        kind = entry.load()
        worker = WorkerAdapter(name)
        try:
            found = [info.to_json() for info in worker.probe()]
        finally:
            worker.close()
    except SDKMissing as error:
        return Row(*owner, "missing", install=error.install, message=error.message)
    except HALError as error:
        return Row(*owner, "broken", message=error.message)
    if check:
        found = [
            {**info, "check": _checked(ad_hoc(f"{name}:{info['id']}"), info)} for info in found
        ]
    here = {first_part(str(info["id"])) for info in found}
    absent = {device: why for device, why in kind.absent.items() if device not in here}
    status: Status = "present" if found else "absent"
    return Row(*owner, status, found, kind.install, absent=absent)


def _checked(target: Target, info: Mapping[str, Any]) -> dict[str, Any]:
    from hal.cli.check import Check, check

    nothing = Check("unasked", 0.0, "a null device computes nothing")
    done = nothing if info["kind"] == "null" else check(target)
    return {"verdict": done.verdict, "seconds": done.seconds, "message": done.message}


def _exit_code(rows: Sequence[Row], distant: Mapping[str, Distant], *, asked_for: bool) -> int:
    infos = [info for row in rows for info in row.devices]
    infos += [there.info for there in distant.values() if there.info is not None]
    verdicts = [info["check"]["verdict"] for info in infos if "check" in info]
    if "wrong" in verdicts or "failed" in verdicts:
        return failures.BROKE
    if asked_for and any(row.status != "present" for row in rows):
        return failures.ABSENT
    return failures.OK


def _print_adapters(rows: Sequence[Row], *, check: bool) -> None:
    columns = ["DEVICE", "STATUS", "NAME", "KIND", "SDK", "ARITHMETIC"]
    lines: list[list[str]] = []
    for row in rows:
        lines += [_device_line(row, info, check=check) for info in row.devices]
        if not row.devices:
            lines.append([f"{row.name}:", row.status, *[""] * (len(columns) - 2 + check)])
    output.table([*columns, "CHECK"] if check else columns, lines)
    for row in rows:
        if row.message:
            output.line(f"{row.name}: {row.message}")
        for device, why in row.absent.items():
            output.line(f"{row.name}:{device} is not here: {why}")
        for info in row.devices:
            _print_failure(f"{row.name}:{info['id']}", info)


def _print_failure(name: str, info: Mapping[str, Any]) -> None:
    done = info.get("check", {"verdict": "ok"})
    if done["verdict"] not in ("ok", "unasked"):
        output.line(f"{name}: {done['verdict']}: {done['message']}")


def _device_line(row: Row, info: dict[str, Any], *, check: bool) -> list[str]:
    cells = [
        f"{row.name}:{info['id']}",
        row.status,
        info["name"],
        info["kind"],
        info["sdk"],
        " ".join(info["arithmetic"]),
    ]
    if check:
        cells.append(_check_cell(info["check"]))
    return cells


def _check_cell(done: Mapping[str, Any]) -> str:
    if done["verdict"] == "unasked":
        return "computes nothing"
    return f"{done['verdict']}, {output.human_seconds(done['seconds'])}"


def _print_targets(
    shown: Sequence[Target], rows: Sequence[Row], distant: Mapping[str, Distant]
) -> None:
    from hal import env

    here = {f"{row.name}:{info['id']}" for row in rows for info in row.devices}
    lines: list[list[str]] = []
    for target in shown:
        device = f"{target.adapter}:{target.device}"
        # Adapters may know more devices than they list ("hetero:gpu,cpu"): no "absent" here.
        present = "yes" if device in here else "not listed"
        if target.env is not None:
            present = "in its env" if env.found(target.env) else "env not made"
        if target.name in distant:
            present = _there_cell(target, distant[target.name])
        asks = target.options.arithmetic or "unasked"
        lines.append(
            [target.name, device, present, asks, " ".join(target.labels), target.source or ""]
        )
    if lines:
        output.line()
        output.table(["TARGET", "DEVICE", "HERE", "ARITHMETIC", "LABELS", "FROM"], lines)
    for name, there in distant.items():
        if there.info is None:
            output.line(f"{name}: {there.message}")
        else:
            _print_failure(name, there.info)


def _there_cell(target: Target, there: Distant) -> str:
    if there.info is None:
        return "no"
    checked = f", {_check_cell(there.info['check'])}" if "check" in there.info else ""
    return f"on {target.host}{checked}"
