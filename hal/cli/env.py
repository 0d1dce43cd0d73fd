"""`hal env`: the Python environments of targets that cannot share this one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hal.cli import failures, output
from hal.cli.options import DevicesOption, JsonOption

if TYPE_CHECKING:
    from hal.env import Made, Tool
    from hal.targets import Target

HELP = """Make, check and remove the environment that a target lives in.

A target of devices.yaml may ask for packages that cannot be installed beside others:

\b
  acme-sim:
    adapter: acme
    device: sim
    env: {requires: ["acme-sdk==2.1", "numpy<2"], python: "3.10"}

Its workers then run there, with everything else as before. Nothing is installed unasked, and
nothing outside the environment: system packages are printed, never installed.

\b
Examples:
  hal env create acme-sim
  hal env check acme-sim --json
  hal env remove acme-sim"""

_EXIT_CODES = """
\b
Exit codes:
  0  done; check: it is there, whole, and the device answers in it
  2  wrong usage, a target without an environment, or no such Python
  3  check: it is missing, or something is missing in it
  4  it could not be made"""

app = typer.Typer(
    name="env",
    help=HELP,
    rich_markup_mode=None,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

TargetArgument = Annotated[str, typer.Argument(metavar="TARGET", help="A named target.")]


@app.command("create", help=f"Make the target's environment, and check it.\n{_EXIT_CODES}")
def create(
    target: TargetArgument,
    tool: Annotated[
        str | None, typer.Option("--tool", help="uv or pip; uv where there is one.")
    ] = None,
    devices: DevicesOption = None,
    json: JsonOption = False,
) -> None:
    """The command `hal env create`."""
    from hal import env, targets

    chosen = targets.resolve(target, devices or [])
    spec = env.spec_of(chosen)
    before = env.found(spec)
    made = before or env.create(spec, tool=_tool(tool), say=output.note)
    problems = _problems(chosen, made)
    if json:
        output.emit_json({**_described(chosen, made, problems), "made": before is None})
    else:
        what = "was there already" if before else f"made with {made.tool}"
        output.line(f"{target}: {what}: {made.folder}")
        _tell(chosen, made, problems)
    raise typer.Exit(failures.ABSENT if problems else failures.OK)


@app.command("check", help=f"Say whether the environment is there and works.\n{_EXIT_CODES}")
def check(
    target: TargetArgument, devices: DevicesOption = None, json: JsonOption = False
) -> None:
    """The command `hal env check`."""
    from hal import env, targets

    chosen = targets.resolve(target, devices or [])
    made = env.found(env.spec_of(chosen))
    if made is None:
        problems = [f"it has not been made; make it with: hal env create {target}"]
    else:
        problems = _problems(chosen, made)
    if json:
        output.emit_json(_described(chosen, made, problems))
    else:
        _tell(chosen, made, problems)
    raise typer.Exit(failures.ABSENT if problems else failures.OK)


@app.command("remove", help=f"Delete the target's environment.\n{_EXIT_CODES}")
def remove(
    target: TargetArgument, devices: DevicesOption = None, json: JsonOption = False
) -> None:
    """The command `hal env remove`; who shares the environment is told."""
    from hal import env, targets

    known = targets.all(devices or [])
    spec = env.spec_of(targets.resolve(target, devices or []))
    others = [name for name, other in known.items() if other.env == spec and name != target]
    gone = env.remove(spec)
    if json:
        found = {"target": target, "removed": gone, "folder": str(env.folder(spec))}
        output.emit_json({**found, "shared_with": others})
        return
    output.line(f"{target}: {'removed' if gone else 'there was none'}: {env.folder(spec)}")
    if gone and others:
        output.line(f"it was also that of {', '.join(others)}")


def _tool(word: str | None) -> Tool | None:
    from hal.errors import InputError

    known: Mapping[str, Tool] = {"uv": "uv", "pip": "pip"}
    if word is not None and word not in known:
        raise InputError(f"no tool {word!r}; environments are made with uv or pip")
    return known[word] if word else None


def _problems(target: Target, made: Made) -> list[str]:
    """What is missing in an environment, and what its worker says; nothing where it works."""
    from hal import device, env
    from hal.errors import HALError

    packages = env.facts(made.interpreter)["packages"]
    problems = _unmet(env.spec_of(target).requires, packages)
    try:
        device.open(target).close()
    except HALError as error:
        problems.append(f"{target.adapter}:{target.device} cannot be opened: {error.message}")
        printed = error.fields().get("stderr")
        problems += [str(printed)] if printed else []
    return problems


def _unmet(requires: tuple[str, ...], packages: Mapping[str, str]) -> list[str]:
    """The requirements that what is installed does not meet; files and options are not read."""
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    held = {canonicalize_name(name): version for name, version in packages.items()}
    unmet: list[str] = []
    for line in requires:
        try:
            wanted = Requirement(line)
        except InvalidRequirement:
            continue
        version = held.get(canonicalize_name(wanted.name))
        if version is None or not wanted.specifier.contains(version, prereleases=True):
            unmet.append(f"{line} is asked for; {version or 'none'} is installed")
    return unmet


def _described(target: Target, made: Made | None, problems: list[str]) -> dict[str, Any]:
    from hal import env

    spec = env.spec_of(target)
    return {
        "target": target.name,
        "folder": str(env.folder(spec)),
        "requires": list(spec.requires),
        "tool": made.tool if made else None,
        "python": made.python if made else None,
        "packages": dict(made.packages) if made else {},
        "system_packages": list(_system_packages(target)),
        "problems": problems,
    }


def _tell(target: Target, made: Made | None, problems: list[str]) -> None:
    if made is not None:
        output.line(f"  Python {made.python}, {len(made.packages)} packages")
    for line in problems:
        output.line(f"  {line}")
    needed = _system_packages(target)
    if needed:
        output.line("  system packages it needs, which hal never installs:")
        output.line(f"    sudo apt install {' '.join(needed)}")
    if not problems:
        output.line(f"  {target.adapter}:{target.device} answers in it")


def _system_packages(target: Target) -> tuple[str, ...]:
    from hal import registry

    return registry.entry(target.adapter).load().system_packages
