"""Do the bounds accuse a correct device? `python -m hal_conformance.numerics.soundness`.

Runs simulated correct devices over the standard suite, the generated operators or the generated
graphs, and prints what a bound accuses: there must be nothing. With `--device` it prints what
real devices exceed instead, by case, with the ULP. For those who write rules.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx

import hal
from hal.device import Device
from hal.errors import HALError
from hal.tensor import Tensor, Value
from hal_conformance.numerics.arithmetic import FORMATS, Arithmetic, arithmetic
from hal_conformance.numerics.engine import bounds
from hal_conformance.numerics.pair import Quantity
from hal_conformance.numerics.simulated import exactly, run
from hal_conformance.numerics.vacuity import vacuous
from hal_conformance.numerics.verdict import OutputVerdict, judge
from hal_conformance.records import Outcome

KINDS = ("node", "simple", "pytorch-converted", "pytorch-operator")
"""The parts of the standard suite whose models are small enough for sound bounds."""

REFERENCE = frozenset(
    {
        "onnx/node/test_resize_downsample_scales_cubic_align_corners",
        "onnx/node/test_resize_downsample_scales_linear_align_corners",
    }
)
"""Cases in which the evaluator, and so what is simulated by it, departs from the text."""


@dataclass(frozen=True)
class Asked:
    """One model, and what it is fed."""

    id: str
    model: bytes
    feeds: Mapping[str, Value]


@dataclass
class Tally:
    """What was found under one heading: a simulated arithmetic, or a device."""

    outcomes: Counter[str] = field(default_factory=Counter[str])
    accused: list[tuple[str, str, OutputVerdict]] = field(
        default_factory=list[tuple[str, str, OutputVerdict]]
    )
    troubles: Counter[str] = field(default_factory=Counter[str])
    cases: int = 0

    def add(self, case: str, who: str, outputs: Sequence[OutputVerdict]) -> None:
        """Count one answer, and remember it where it is accused."""
        found = [output.outcome for output in outputs]
        worst = next(o for o in (Outcome.FAIL, Outcome.UNJUDGED, Outcome.PASS) if o in found)
        self.outcomes[worst.value] += 1
        self.accused += [(case, who, o) for o in outputs if o.outcome is Outcome.FAIL]

    def lines(self, heading: str) -> Iterator[str]:
        """What was found, the worst exceedance of each case once."""
        yield f"{heading}: {self.cases} cases, {dict(self.outcomes)}"
        worst: dict[str, tuple[str, str, OutputVerdict]] = {}
        for entry in self.accused:
            if _margin(entry[2]) >= _margin(worst.get(entry[0], entry)[2]):
                worst[entry[0]] = entry
        for case, who, output in sorted(worst.values(), key=lambda entry: -_margin(entry[2])):
            ulp = "" if output.ulp is None else f", {output.ulp:.4g} ULP"
            yield f"  {case} [{who}] x{_margin(output):.4g}{ulp}: {output.reason}"
        for trouble, count in self.troubles.most_common():
            yield f"  {count} x {trouble}"

    def row(self) -> Mapping[str, int]:
        """The numbers alone."""
        return {
            "cases": self.cases,
            **{outcome: self.outcomes[outcome] for outcome in ("PASS", "UNJUDGED", "FAIL")},
            "vacuous": self.outcomes["vacuous"],
            "not simulated": sum(self.troubles.values()),
        }


def main(arguments: Sequence[str] | None = None) -> int:
    """Print accusations; the exit status says whether a simulated device was accused."""
    options = _parsed(arguments)
    tallies: dict[str, Tally] = {}
    start = time.perf_counter()
    for name in options.arithmetic:
        heading = f"{options.corpus}: simulated {name}, {options.seeds} devices"
        tallies[heading] = Tally()
        for asked in _chosen(options):
            _simulate(asked, _arithmetic(name), options.seeds, tallies[heading])
    false = sum(len(tally.accused) for tally in tallies.values())
    for target in options.device:
        tallies[target] = Tally()
        _real(_chosen(options), target, arithmetic(options.declared), tallies[target])
    for heading, tally in tallies.items():
        print("\n".join(tally.lines(heading)))
    seconds = time.perf_counter() - start
    print(f"{false} false accusations, {seconds:.0f} s")
    if options.write:
        _write(options.write, tallies)
    return 1 if false else 0


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="soundness", description=__doc__)
    parser.add_argument("--corpus", choices=sorted(CORPORA), default="onnx", help="whose cases")
    parser.add_argument("--case", default="*", help="which cases, a glob")
    parser.add_argument("--every", type=int, default=1, help="take one case of so many")
    parser.add_argument("--seeds", type=int, default=4, help="simulated devices a case")
    parser.add_argument(
        "--arithmetic",
        nargs="*",
        default=["fp32"],
        help="of the simulated: a name, with +transformed or +flush as they may be",
    )
    parser.add_argument("--device", nargs="*", default=[], help="targets to judge as well")
    parser.add_argument("--declared", default="fp32", help="the arithmetic of those targets")
    parser.add_argument("--write", type=Path, help="a JSON file to add the numbers to")
    return parser.parse_args(arguments)


def _arithmetic(name: str) -> Arithmetic:
    """An arithmetic by its name, with what it may do besides."""
    plain, *more = name.split("+")
    how = arithmetic(plain)
    if "transformed" in more:
        how = replace(how, convolution="transformed")
    return replace(how, flush="all") if "flush" in more else how


def _chosen(options: argparse.Namespace) -> Iterator[Asked]:
    for number, asked in enumerate(CORPORA[options.corpus](options.case)):
        if number % options.every == 0:
            yield asked


def _standard(pattern: str) -> Iterator[Asked]:
    from hal_conformance.corpus import standard

    corpus = standard()
    for case in corpus.cases:
        if (
            case.kind in KINDS
            and case.id not in REFERENCE
            and fnmatch.fnmatch(case.id, pattern)
        ):
            data = corpus.load(case)[0]
            if any(_is_float(value) for value in data.expected):
                yield Asked(case.id, case.model.read_bytes(), data.feeds)


def _operators(pattern: str) -> Iterator[Asked]:
    from hal_conformance.generated import generate

    for source in generate():
        if source.judged == "values" and fnmatch.fnmatch(source.id, pattern):
            for feeds in source.datasets:
                yield Asked(source.id, source.model, feeds)


def _graphs(pattern: str) -> Iterator[Asked]:
    from hal_conformance.generated.graphs import generate_graphs

    for source in generate_graphs():
        if source.judged == "values" and fnmatch.fnmatch(source.id, pattern):
            for feeds in source.datasets:
                yield Asked(source.id, source.model, feeds)


CORPORA: Mapping[str, Callable[[str], Iterator[Asked]]] = {
    "onnx": _standard,
    "ops": _operators,
    "graphs": _graphs,
}
"""Where cases come from, each given a glob for their ids."""


@np.errstate(all="ignore")
def _simulate(asked: Asked, how: Arithmetic, seeds: int, tally: Tally) -> None:
    found = _bounded(asked, how, tally)
    if found is None:
        return
    model, feeds, expected = found
    names = [output.name for output in model.graph.output]
    tally.cases += 1
    if vacuous(names, expected, feeds, how):
        tally.outcomes["vacuous"] += 1
    for seed in range(seeds):
        lean = (0, 1, -1)[seed % 3]
        try:
            got = run(model, feeds, how, seed, lean)
        except Exception as error:  # noqa: BLE001  the evaluator raises anything
            tally.troubles[f"{_kind(asked.id)}: simulation: {_short(error)}"] += 1
            return
        tally.add(asked.id, f"seed {seed}", judge(names, got, expected, how))


def _real(cases: Iterator[Asked], target: str, how: Arithmetic, tally: Tally) -> None:
    devices: list[Device] = []
    for asked in cases:
        found = _bounded(asked, how, tally)
        if found is None:
            continue
        if not devices:
            devices.append(hal.open(target, isolated=True))
        tally.cases += 1
        try:
            with devices[0].compile(asked.model) as executable:
                feeds = {n: v for n, v in asked.feeds.items() if isinstance(v, Tensor)}
                got = executable.run_values(feeds)
        except HALError as error:
            tally.troubles[type(error).__name__] += 1
            if "Lost" in type(error).__name__:
                devices.pop().close()
            continue
        names = [output.name for output in found[0].graph.output]
        tally.add(asked.id, target, judge(names, got, found[2], how))
    for device in devices:
        device.close()


def _bounded(
    asked: Asked, how: Arithmetic, tally: Tally
) -> tuple[onnx.ModelProto, Mapping[str, Quantity], list[Quantity]] | None:
    """The model of a case, its feeds and bounds; None where they could not be computed."""
    model = onnx.ModelProto.FromString(asked.model)
    try:
        feeds = {name: exactly(value) for name, value in asked.feeds.items()}
        return model, feeds, bounds(model, feeds, how)
    except Exception as error:  # noqa: BLE001  a rule or the evaluator may raise anything
        tally.troubles[f"{_kind(asked.id)}: bounds: {_short(error)}"] += 1
        return None


def _write(path: Path, tallies: Mapping[str, Tally]) -> None:
    """Add the numbers to what the file has."""
    known: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    known.update({heading: tally.row() for heading, tally in tallies.items()})
    path.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", "utf-8")


def _is_float(value: Value) -> bool:
    if isinstance(value, list):
        return any(_is_float(item) for item in value)
    return isinstance(value, Tensor) and value.dtype.name in FORMATS


def _margin(output: OutputVerdict) -> float:
    return float("inf") if output.margin is None else output.margin


def _kind(case: str) -> str:
    return "/".join(case.split("/")[:3])


def _short(error: Exception) -> str:
    return f"{type(error).__name__} {' '.join(str(error).split())[:100]}"


if __name__ == "__main__":
    sys.exit(main())
