"""`hal corpus`: signatures and help texts."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hal.cli.options import JsonOption
from hal_conformance.cli.options import CacheOption, PatternOption, SampleOption

if TYPE_CHECKING:
    from hal_conformance.commands.frozen import Asked

CORPUS = (
    """The cases: what is in them, what of the standard they cover, whether they are frozen."""
)

STATS = """Print what of the standard the generated cases cover, beside onnx's own suite.

Pairs are (operator, version) valid at opset 7 or later; triples are (operator, type parameter,
type) at the newest version. The first table counts what is there, the second what would be
noticed: a triple where zeros and a mistaken type FAIL, an attribute where ignoring it FAILs, a
pair where a case is not vacuous (docs/corpus.md). What does not count is listed. The second
takes a minute or two, once: the result is kept. --quick leaves it out.

\b
Examples:
  hal corpus stats
  hal corpus stats --quick
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


BUILD = """Make the frozen corpora in the cache: cases, float64 references, bounds.

`hal conform` makes what it needs by itself; this makes it beforehand. What is there already is
kept. --arithmetic adds bounds for other arithmetics; "all" stands for every one there is.

\b
Examples:
  hal corpus build
  hal corpus build --suite ops --arithmetic fp32 --arithmetic bf16

\b
Exit codes:
  0  done
  2  wrong usage
  4  something could not be made"""

VERIFY = """Make every case and reference anew, and compare them with the lock in the package.

Models and inputs must be the same to the bit; references, whose last bits differ between
processors and NumPy versions, to 2^-40. The cache is not used. The references of ImageDecoder
need Pillow (pip install 'onnx-hal[reference]').

\b
Examples:
  hal corpus verify
  NPY_DISABLE_CPU_FEATURES="X86_V3 X86_V4" hal corpus verify --suite ops

\b
Exit codes:
  0  everything is as frozen
  1  something differs
  2  wrong usage"""

FREEZE = """Write the lock anew from what the generator makes: for maintainers of the corpus.

\b
Exit codes:
  0  done
  2  wrong usage"""

EXPORT = """Write cases as folders of files, for users of any language.

Each has model.onnx and test_data_set_0/*.pb, as onnx's own suite has them; generated cases have
bounds.npz too: the reference in float64, and how far from it an answer may lie. corpus.json
lists the cases. `hal judge` judges what is computed of them elsewhere; docs/offline.md
has the formats. Without --suite: ops and graphs.

\b
Examples:
  hal corpus export cases -k 'ops/Conv/*'
  hal corpus export cases --suite graphs --arithmetic bf16
  hal corpus export cases --suite onnx --suite ops --sample 300 --questions --form raw

\b
Exit codes:
  0  done
  2  wrong usage, or no such case"""


class FormChoice(str, Enum):  # noqa: UP042  typer shows the values of a str enumeration
    """Forms of values beside .pb."""

    RAW = "raw"
    NPY = "npy"


class FrozenChoice(str, Enum):  # noqa: UP042  typer shows the values of a str enumeration
    """Which frozen corpora."""

    OPS = "ops"
    GRAPHS = "graphs"
    ONNX = "onnx"


def register(app: typer.Typer) -> None:
    """Add the group."""
    corpus = typer.Typer(help=CORPUS, rich_markup_mode=None)
    corpus.command("stats", help=STATS)(corpus_stats)
    corpus.command("list", help=LIST)(corpus_list)
    corpus.command("build", help=BUILD)(corpus_build)
    corpus.command("verify", help=VERIFY)(corpus_verify)
    corpus.command("export", help=EXPORT)(corpus_export)
    corpus.command("freeze", help=FREEZE)(corpus_freeze)
    app.add_typer(corpus, name="corpus")


SuiteOption = Annotated[
    list[FrozenChoice] | None, typer.Option("--suite", help="Only this one; may be repeated.")
]
ArithmeticOption = Annotated[
    list[str] | None,
    typer.Option("--arithmetic", metavar="NAME", help="Bounds for it; default: fp32."),
]
JobsOption = Annotated[
    int | None,
    typer.Option("-j", min=1, metavar="N", help="Processes at a time; default: the cores."),
]


def corpus_build(
    suite: SuiteOption = None,
    arithmetic: ArithmeticOption = None,
    jobs: JobsOption = None,
    cache: CacheOption = None,
    json: JsonOption = False,
) -> None:
    """The command; `BUILD` is its text."""
    from hal_conformance.commands import frozen

    raise typer.Exit(frozen.build(_asked(suite, arithmetic, jobs, cache), as_json=json))


def corpus_verify(
    suite: SuiteOption = None, jobs: JobsOption = None, json: JsonOption = False
) -> None:
    """The command; `VERIFY` is its text."""
    from hal_conformance.commands import frozen

    raise typer.Exit(frozen.verify(_asked(suite, None, jobs, None), as_json=json))


def corpus_freeze(
    suite: SuiteOption = None, jobs: JobsOption = None, json: JsonOption = False
) -> None:
    """The command; `FREEZE` is its text."""
    from hal_conformance.commands import frozen

    raise typer.Exit(frozen.freeze(_asked(suite, None, jobs, None), as_json=json))


def corpus_export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write.")],
    pattern: PatternOption = None,
    suite: SuiteOption = None,
    sample: SampleOption = None,
    questions: Annotated[
        bool, typer.Option("--questions", help="Leave out what is expected.")
    ] = False,
    form: Annotated[
        list[FormChoice] | None,
        typer.Option("--form", help="Values in this form too; may be repeated."),
    ] = None,
    arithmetic: ArithmeticOption = None,
    jobs: JobsOption = None,
    cache: CacheOption = None,
    json: JsonOption = False,
) -> None:
    """The command; `EXPORT` is its text."""
    from hal_conformance.commands import frozen

    asked = _asked(suite, arithmetic, jobs, cache, pattern)
    forms = tuple(each.value for each in form or ())
    what = frozen.Exported(sample, questions, forms)
    raise typer.Exit(frozen.export(asked, folder, what, as_json=json))


def _asked(
    suites: list[FrozenChoice] | None,
    arithmetics: list[str] | None,
    jobs: int | None,
    cache: Path | None,
    patterns: list[str] | None = None,
) -> Asked:
    from hal_conformance.commands.frozen import Asked
    from hal_conformance.making import cores

    return Asked(
        suites=tuple(suite.value for suite in suites or ()),
        arithmetics=tuple(arithmetics or ("fp32",)),
        patterns=tuple(patterns or ()),
        jobs=jobs or cores(),
        cache=cache,
    )


def corpus_stats(
    cache: Annotated[
        Path | None,
        typer.Option("--cache", metavar="DIR", help="Where to keep the standard's cases."),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Count what is there, not what would be noticed.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """The command; `STATS` is its text."""
    from hal_conformance.commands.corpus import stats

    raise typer.Exit(stats(cache, quick=quick, as_json=json))


def corpus_list(
    pattern: PatternOption = None,
    json: JsonOption = False,
) -> None:
    """The command; `LIST` is its text."""
    from hal_conformance.commands.corpus import listed

    raise typer.Exit(listed(pattern or (), as_json=json))
