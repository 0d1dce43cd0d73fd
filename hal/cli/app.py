"""The typer application: our commands, and those of the entry point group `hal.commands`.

An entry point is a function that takes the application and adds commands to it. They are loaded
only where the command line needs them: for a command that is not ours, and for `--help`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib.metadata import entry_points
from typing import Annotated, Any

import typer

from hal.cli import bench, devices, env, inspect, new_adapter, run, vendors

GROUP = "hal.commands"

_OURS: dict[str, tuple[Callable[..., None], str]] = {
    "devices": (devices.command, devices.HELP),
    "inspect": (inspect.command, inspect.HELP),
    "run": (run.command, run.HELP),
    "bench": (bench.command, bench.HELP),
    "vendors": (vendors.command, vendors.HELP),
    "new-adapter": (new_adapter.command, new_adapter.HELP),
}

_HELP = """Run ONNX models on anybody's accelerator, and find out whether they run right.

A device is named by a target of devices.yaml (`hal devices` lists them) or ad hoc, as
adapter:device, such as onnxruntime:cpu.

\b
Examples:
  hal devices --check
  hal run model.onnx -d openvino:cpu --compare onnxruntime:cpu
  hal conform onnxruntime:cpu -o results"""


def command(arguments: Sequence[str]) -> Any:
    """The command line's root, with the commands that `arguments` may need."""
    app = typer.Typer(
        name="hal",
        help=_HELP,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        add_completion=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for name, (function, text) in _OURS.items():
        app.command(name, help=text)(function)
    app.add_typer(env.app)
    named = next((word for word in arguments if not word.startswith("-")), None)
    if named not in (*_OURS, env.app.info.name):
        _add_others(app)
    return typer.main.get_command(app)


def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show a traceback with an error.")
    ] = False,
) -> None:
    del debug  # read by hal.cli, which reports errors
    if version:
        import hal

        print(f"onnx-hal {hal.__version__}")
        raise typer.Exit


def _add_others(app: typer.Typer) -> None:
    """Let other distributions add commands; one that cannot be loaded costs only its own."""
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        try:
            point.load()(app)
        except (ImportError, AttributeError) as error:
            owner = point.dist.name if point.dist else "unknown"
            print(
                f"hal: the commands {point.name!r} of {owner} cannot be loaded: {error}",
                file=sys.stderr,
            )
