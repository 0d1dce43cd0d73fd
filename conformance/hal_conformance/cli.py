"""The commands this package adds to `hal`: conform, report, repro, expect, corpus.

Signatures and help texts; what they do is in `hal_conformance.commands`, imported when one of
them runs.
"""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from hal.cli.options import DevicesOption, JsonOption


class SuiteChoice(str, Enum):  # noqa: UP042  typer shows the values of a str enumeration
    """Which suites to run."""

    ONNX = "onnx"
    API = "api"
    ALL = "all"


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
  hal conform acme:0 -k '*conv*' --shuffle 7
  hal conform acme:0 --shard 2/5 -o shard2          then: hal report shard* -o whole
  hal conform acme:0 --failed-from results -o again
  hal conform acme:0 --gate --json
"""
    + _EXIT_CODES
)

REPORT = """Write the reports of results folders anew, merge shards, compare runs.

One folder: junit.xml, report.md and report.html are written into it. Shards of one run: merged
into -o, and reported there. Several runs: laid side by side in comparison.html and
comparison.md, in -o or here.

\b
Examples:
  hal report results
  hal report shard1 shard2 shard3 -o whole
  hal report yesterday today -o difference

\b
Exit codes:
  0  done
  2  wrong usage, no results there, or results that do not belong together"""

REPRO = """Take one case apart: a folder that shows its failure without this package.

The folder holds the model, its inputs, what is expected and what was got, a short script that
needs the vendor's package alone, the environment, and a README. --in-process runs the case here
instead, under your debugger, without a worker. --history finds, in a results folder, the
smallest set of cases that must run before this one for it to fail.

\b
Examples:
  hal repro onnx/node/test_conv_with_strides_padding -d openvino:cpu
  hal repro onnx/node/test_gru_defaults -d acme:0 --history --from results
  python -m pdb -m hal repro onnx/node/test_gru_defaults -d acme:0 --in-process

\b
Exit codes:
  0  done: the case does not pass, and the folder shows it
  1  the case passes
  2  wrong usage, or no such case
  3  no such device, adapter or SDK
  4  the run itself broke"""

CORPUS = """The generated cases: what is in them, and what of the standard they cover."""

STATS = """Print what of the standard the generated cases cover, beside onnx's own suite.

Pairs are (operator, version) valid at opset 7 or later; triples are (operator, type parameter,
type) at the newest version; attributes count where set to something other than their default.
What no case covers is listed, with the reason. Takes some ten seconds.

\b
Examples:
  hal corpus stats
  hal corpus stats --json

\b
Exit codes:
  0  done
  2  wrong usage, or another version of onnx is installed"""

LIST = """List the generated cases.

\b
Examples:
  hal corpus list -k 'ops/Conv/*'
  hal corpus list -k '*/bfloat16/every' --json

\b
Exit codes:
  0  done
  2  wrong usage"""

EXPECT = """Known outcomes: expectations.toml beside an adapter or a devices.yaml."""

UPDATE = """Write the expectations that would make a run expected, for review.

What still holds is kept to the letter, with its comments; what holds no longer is commented
out; new entries group failures, and begin their cause with "seen: " until it has been found.

\b
Examples:
  hal expect update results                          print it
  hal expect update results -o expectations.toml     update that file

\b
Exit codes:
  0  done
  2  wrong usage, no results there, or a mistake in the file"""


def register(app: typer.Typer) -> None:
    """Add the commands to `hal`; called through the entry point group `hal.commands`."""
    app.command("conform", help=CONFORM)(conform)
    app.command("report", help=REPORT)(report)
    app.command("repro", help=REPRO)(repro)
    expect = typer.Typer(help=EXPECT, rich_markup_mode=None)
    expect.callback()(_expect)
    expect.command("update", help=UPDATE)(update)
    app.add_typer(expect, name="expect")
    corpus = typer.Typer(help=CORPUS, rich_markup_mode=None)
    corpus.command("stats", help=STATS)(corpus_stats)
    corpus.command("list", help=LIST)(corpus_list)
    app.add_typer(corpus, name="corpus")


def _expect() -> None:
    """A group with one command is otherwise taken for that command."""


def conform(
    targets: Annotated[
        list[str], typer.Argument(metavar="TARGET...", help="Devices to run on.")
    ],
    suite: Annotated[
        SuiteChoice, typer.Option("--suite", help="The standard's cases, contracts, or both.")
    ] = SuiteChoice.ALL,
    pattern: Annotated[
        str | None,
        typer.Option("-k", metavar="GLOB", help="Only cases whose id matches, or contains it."),
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
    gate: Annotated[
        bool, typer.Option("--gate", help="Fail on what is unexpected, stale or expired.")
    ] = False,
    folder: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="DIR", help="The results folder.")
    ] = None,
    cache: Annotated[
        Path | None, typer.Option("--cache", metavar="DIR", help="Where to keep the cases.")
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(min=0.01, metavar="S", help="For compiling and running, in seconds."),
    ] = None,
    memory: Annotated[
        int | None,
        typer.Option(min=64, metavar="MIB", help="A worker's; default: its share of 75%."),
    ] = None,
    devices: DevicesOption = None,
    json: JsonOption = False,
) -> None:
    """The command; `CONFORM` is its text."""
    from hal_conformance.commands.conform import Asked, run

    suites = ("onnx", "api") if suite is SuiteChoice.ALL else (suite.value,)
    asked = Asked(
        targets=tuple(dict.fromkeys(targets)),
        suites=suites,
        pattern=pattern,
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
    )
    raise typer.Exit(run(asked, as_json=json))


def report(
    folders: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Results folders.")],
    out: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="DIR", help="Where to write.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """The command; `REPORT` is its text."""
    from hal_conformance.commands.report import run

    raise typer.Exit(run(folders, out, as_json=json))


def repro(
    case: Annotated[str, typer.Argument(metavar="CASE", help="The id of a case.")],
    target: Annotated[
        str, typer.Option("-d", "--device", metavar="TARGET", help="Where to run it.")
    ],
    folder: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="DIR", help="Default: repro-CASE-TARGET."),
    ] = None,
    in_process: Annotated[
        bool, typer.Option("--in-process", help="Run it here, under your debugger.")
    ] = False,
    history: Annotated[
        bool, typer.Option("--history", help="Find what must run before it; needs --from.")
    ] = False,
    results: Annotated[
        Path | None,
        typer.Option("--from", metavar="RESULTS", help="The results that hold its history."),
    ] = None,
    cache: Annotated[
        Path | None, typer.Option("--cache", metavar="DIR", help="Where to keep the cases.")
    ] = None,
    devices: DevicesOption = None,
    json: JsonOption = False,
) -> None:
    """The command; `REPRO` is its text."""
    from hal_conformance.commands.repro import Asked, run

    asked = Asked(
        case=case,
        target=target,
        folder=folder,
        in_process=in_process,
        history=history,
        results=results,
        cache=cache,
        devices=tuple(devices or ()),
    )
    raise typer.Exit(run(asked, as_json=json))


def update(
    results: Annotated[Path, typer.Argument(metavar="RESULTS", help="A results folder.")],
    out: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="Update this file."),
    ] = None,
    targets: Annotated[
        list[str] | None,
        typer.Option("-t", "--target", metavar="TARGET", help="Only these targets."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """The command; `UPDATE` is its text."""
    from hal_conformance.commands.expect import run

    raise typer.Exit(run(results, out, targets, as_json=json))


def corpus_stats(
    cache: Annotated[
        Path | None,
        typer.Option("--cache", metavar="DIR", help="Where to keep the standard's cases."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """The command; `STATS` is its text."""
    from hal_conformance.commands.corpus import stats

    raise typer.Exit(stats(cache, as_json=json))


def corpus_list(
    pattern: Annotated[
        str | None,
        typer.Option("-k", metavar="GLOB", help="Only cases whose id matches, or contains it."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """The command; `LIST` is its text."""
    from hal_conformance.commands.corpus import listed

    raise typer.Exit(listed(pattern, as_json=json))
