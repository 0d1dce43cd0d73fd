"""`hal conform`: signature and help text."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from hal.cli.options import DevicesOption, JsonOption
from hal_conformance.cli.options import (
    CacheOption,
    GateOption,
    PatternOption,
    ResultsOption,
    SampleOption,
)


class SuiteChoice(str, Enum):  # noqa: UP042  typer shows the values of a str enumeration
    """Which suites to run."""

    OPS = "ops"
    GRAPHS = "graphs"
    ONNX = "onnx"
    API = "api"
    SOAK = "soak"
    MODELS = "models"
    ALL = "all"


EVERYTHING = ("api", "onnx", "graphs", "ops")
"""What "all" means, in the order in which it runs."""

_EXIT_CODES = """
\b
Exit codes:
  0    the run is complete (with --gate: and nothing stands in the way)
  1    with --gate: an outcome is unexpected, or an expectation is stale or expired
  2    wrong usage or input
  3    no such device, adapter or SDK
  4    the run itself broke: a device was lost for good, or the suite failed
  130  stopped by Ctrl-C or SIGTERM; --resume goes on"""

CONFORM = (
    """Run the conformance suites on devices, and write a folder of results.

Every case runs in a worker process that may crash, hang, exhaust memory or exit; what goes
wrong is believed only when it happens twice. Every case that has ended is in the folder's
journal, so that --resume goes on after anything, kill -9 included. Without -o, results go to
hal-results/DATE-TIME, and --resume takes the newest folder there.

\b
Examples:
  hal conform onnxruntime:cpu
  hal conform onnxruntime:cpu openvino:cpu --suite onnx -j 2 -o results
  hal conform acme:0 --profile fp16
  hal conform acme:0 -k '*conv*' --shuffle 7
  hal conform acme:0 --sample 300
  hal conform --here --suite onnx --sample-slow 300
  hal conform acme:0 --shard 2/5 -o shard2          then: hal report shard* -o whole
  hal conform acme:0 --failed-from results -o again
  hal conform acme:0 --gate --json
  hal conform --ep-library libacme_ep.so --ep-name AcmeEP --option device=0
"""
    + _EXIT_CODES
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("conform", help=CONFORM)(conform)


def conform(
    targets: Annotated[
        list[str] | None, typer.Argument(metavar="[TARGET]...", help="Devices to run on.")
    ] = None,
    here: Annotated[
        bool, typer.Option("--here", help="Also every named target that is on this machine.")
    ] = False,
    suite: Annotated[
        SuiteChoice,
        typer.Option("--suite", help="Operators, graphs, the standard's, contracts."),
    ] = SuiteChoice.ALL,
    profile: Annotated[
        str | None,
        typer.Option(
            "--profile", metavar="NAME|FILE", help="Its cases, its arithmetic, its verdict."
        ),
    ] = None,
    pattern: PatternOption = None,
    sample: SampleOption = None,
    sample_slow: Annotated[
        int | None,
        typer.Option(
            "--sample-slow", min=1, metavar="N", help="N for the targets labelled slow."
        ),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option("-j", min=1, metavar="N", help="Workers at a time; default: the cores."),
    ] = None,
    shard: Annotated[
        str | None, typer.Option("--shard", metavar="I/N", help="The I-th of N parts.")
    ] = None,
    shuffle: Annotated[
        int | None, typer.Option("--shuffle", metavar="SEED", help="In another order.")
    ] = None,
    failed_from: Annotated[
        Path | None,
        typer.Option("--failed-from", metavar="RESULTS", help="Only what went wrong there."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where the run in the folder stopped.")
    ] = False,
    gate: GateOption = False,
    folder: ResultsOption = None,
    cache: CacheOption = None,
    timeout: Annotated[
        float | None,
        typer.Option(min=0.01, metavar="S", help="For compiling and running, in seconds."),
    ] = None,
    memory: Annotated[
        int | None,
        typer.Option(min=64, metavar="MIB", help="A worker's; default: its share of 75%."),
    ] = None,
    ep_library: Annotated[
        str | None,
        typer.Option(
            "--ep-library", metavar="LIB", help="A plugin of ONNX Runtime: path or module."
        ),
    ] = None,
    ep_name: Annotated[
        str | None, typer.Option("--ep-name", metavar="EP", help="Its execution provider.")
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", metavar="K=V", help="The execution provider's; repeatable."),
    ] = None,
    devices: DevicesOption = None,
    json: JsonOption = False,
) -> None:
    """The command; `CONFORM` is its text."""
    from hal_conformance.commands.conform import Asked, run
    from hal_conformance.commands.here import targets_here
    from hal_conformance.commands.plugin import Plugin

    found = targets_here(devices or ()) if here else ()
    suites = EVERYTHING if suite is SuiteChoice.ALL else (suite.value,)
    asked = Asked(
        targets=tuple(dict.fromkeys((*(targets or ()), *found))),
        suites=suites,
        patterns=tuple(pattern or ()),
        sample=sample,
        sample_slow=sample_slow,
        jobs=jobs,
        shard=shard,
        shuffle=shuffle,
        failed_from=failed_from,
        resume=resume,
        gate=gate,
        folder=folder,
        cache=cache,
        timeout_s=timeout,
        memory_mib=memory,
        devices=tuple(devices or ()),
        profile=profile,
        plugin=Plugin.parse(ep_library, ep_name, option or ()),
    )
    raise typer.Exit(run(asked, as_json=json))
