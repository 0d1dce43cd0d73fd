"""Chooses the variants: `python -m hal_conformance.generated.variants_choice [OPERATOR...]`.

For the newest version of each operator: what no case of it has of the classes below, and what
some derived case can have. A data set is legal where onnx's strict inference takes its shapes,
the reference answers, and a correct device passes. Writes the lines to the standard output.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx

from hal.tensor import Tensor, Value
from hal_conformance.frozen.bounding import known
from hal_conformance.frozen.making import question_of
from hal_conformance.frozen.question import Known
from hal_conformance.generated import registry
from hal_conformance.generated.build import sources
from hal_conformance.generated.families import families_of
from hal_conformance.generated.registry import Pair
from hal_conformance.generated.source import Source
from hal_conformance.generated.values import is_float
from hal_conformance.generated.variants import Run, Variant, derived, structural
from hal_conformance.generated.variants_omitted import OMITTED
from hal_conformance.generated.variants_values import KINDS
from hal_conformance.numerics.arithmetic import FORMATS, Array, arithmetic
from hal_conformance.numerics.pair import Pair as Expected
from hal_conformance.numerics.simulated import exactly, run
from hal_conformance.numerics.verdict import judge
from hal_conformance.records import Outcome

Shape = tuple[int, ...]

LARGE, ROW, BUDGET, LARGEST = 1024, 17, 60, 20_000
"""Of many elements; a long row; candidates tried an operator; elements an input may have."""

SIZES_ALONE = frozenset({"ConstantOfShape", "Range"})
"""Operators whose operands say how much there is to compute, and nothing else."""

HALF, OPERANDS, SHARE, FAR = 16, 6, 0.2, 65504
"""Bits of the narrowest type; operands looked at; of subnormal numbers; beyond float16."""

_FP32 = arithmetic("fp32")


def _of_rank(rank: int) -> Callable[[Shape], bool]:
    return lambda shape: len(shape) == rank


CLASSES: Mapping[str, Callable[[Shape], bool]] = {
    "last a multiple of 8": lambda s: bool(s) and s[-1] > 0 and s[-1] % 8 == 0,
    "last even, not of 8": lambda s: bool(s) and s[-1] % 2 == 0 and s[-1] % 8 > 0,
    "last odd": lambda s: bool(s) and s[-1] % 2 == 1 and s[-1] > 1,
    "last 1": lambda s: bool(s) and s[-1] == 1 and len(s) > 1,
    "a 1 somewhere": lambda s: 1 in s and max(s) > 1,
    "long rows": lambda s: bool(s) and s[-1] >= ROW,
    "square": lambda s: len(s) > 1 and s[-1] == s[-2] > 1,
    "no square": lambda s: len(s) > 1 and s[-1] != s[-2],
    "batch": lambda s: bool(s) and s[0] > 1,
    "elements a multiple of 8": lambda s: _count(s) > 0 and _count(s) % 8 == 0,
    "elements no multiple of 8": lambda s: _count(s) % 8 > 0,
    "one element": lambda s: _count(s) == 1,
    "many elements": lambda s: _count(s) > LARGE,
    "none": lambda s: _count(s) == 0,
    **{f"rank {k}": _of_rank(k) for k in range(6)},
}
"""Of the shape of the first operand."""

RESULTS: Mapping[str, Callable[[Shape], bool]] = {
    "many results, odd": lambda s: _count(s) > LARGE and _count(s) % 2 == 1,
    "results, 4 n + 1": lambda s: _count(s) > 16 and _count(s) % 4 == 1,
    "results, 8 n": lambda s: _count(s) > 16 and _count(s) % 8 == 0,
    "a 1 in the result": lambda s: 1 in s and _count(s) > 1,
    "square result": lambda s: len(s) > 1 and s[-1] == s[-2] > 1,
}
"""Of the shape of the first output."""

ANSWERS: Mapping[str, Callable[[Array], bool]] = {
    "NaN": lambda v: bool(np.isnan(v).any()),
    "infinite": lambda v: bool(np.isposinf(v).any()),
    "minus infinite": lambda v: bool(np.isneginf(v).any()),
    "subnormal": lambda v: bool(((v != 0) & (np.abs(v) < FORMATS["float32"].tiny)).any()),
    "large": lambda v: bool((np.isfinite(v) & (np.abs(v) > FAR)).any()),
    "zeros": lambda v: bool((v == 0).any()),
}
"""Of the first output's values."""


def _count(shape: Shape) -> int:
    return int(np.prod(shape))


@dataclass
class Search:
    """What is missing for an operator, and what was found."""

    missing: set[str]
    tried: int = 0
    redrawn: bool = False


def main() -> None:
    """Print the variants of the operators named, or of all."""
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    names = sys.argv[1:]
    for pair in registry.pairs():
        if pair.newest and pair.op not in SIZES_ALONE and (not names or pair.name in names):
            for variant in filter(None, map(_admitted, variants(pair))):
                line = [variant.of, variant.label, *(r.to_text() for r in variant.runs)]
                print(json.dumps(line), flush=True)


def _admitted(variant: Variant) -> Variant | None:
    """The variant without the runs that variants_omitted.py names; None where none is left."""
    named = [entry for entries in OMITTED.values() for entry in entries]
    omitted = {run for of, label, run in named if (of, label) == (variant.of, variant.label)}
    kept = tuple(run for run in variant.runs if run.to_text() not in omitted)
    if "*" in omitted or all(run.same for run in kept):
        return None
    return Variant(variant.of, variant.label, kept)


def variants(pair: Pair) -> Iterator[Variant]:
    """The variants of an operator."""
    cases = [c for family in families_of(pair.domain, pair.op) for c in sources(pair, family)]
    judged = [case for case in cases if case.judged == "values" and case.datasets[0]]
    plain = [case for case in judged if case.binding == judged[0].binding] if judged else []
    plain += [c for c in judged if c not in plain and "tensor(float)" in c.binding.values()]
    had = _had(plain)
    special = _special(plain, had)
    if special is not None:
        yield special
    search = Search({*CLASSES, *RESULTS} - had)
    labels = {case.label for case in cases}
    for case in plain:
        if search.tried >= BUDGET:
            return
        for variant in _sized(case, search):
            if variant.label not in labels:
                yield variant


def _special(plain: Sequence[Source], had: set[str]) -> Variant | None:
    """Kinds of numbers that no case has, in the case that has most floating operands."""
    best = max(plain, key=lambda case: len(_operands(case)), default=None)
    if best is None or not _legal(best, Run(same=True)):
        return None
    runs: list[Run] = []
    for name in _operands(best)[:OPERANDS]:
        for kind in KINDS:
            one = Run(operand=name, kind=kind)
            found = _legal(best, one)
            if found and (f"{name}: {kind}" not in had or found & set(ANSWERS) - had):
                runs.append(one)
                had |= found
    return Variant(best.id, f"{best.label}_specials", tuple(runs)) if runs else None


def _operands(case: Source) -> list[str]:
    """The floating operands that are data."""
    return [
        name
        for name, v in case.datasets[0].items()
        if isinstance(v, Tensor)
        and is_float(v.dtype)
        and v.dtype.bits >= HALF
        and v.array.size
        and not structural(name)
        and _everyday(v)
    ]


def _everyday(value: Tensor) -> bool:
    """Whether nothing in it is special already."""
    wide = np.abs(value.array.astype(np.float64))
    return (
        bool(np.isfinite(wide).all() and not (wide > FAR).any())
        and not ((wide > 0) & (wide < FORMATS[value.dtype.name].tiny)).any()
    )


def _had(plain: Sequence[Source]) -> set[str]:
    """The classes that the cases have already."""
    found: set[str] = set()
    for case in plain:
        try:
            told = known(question_of(case), _FP32, statistics=False)
        except Exception:  # noqa: BLE001, S112  what cannot be asked has no class
            continue
        for feeds, one in zip(case.datasets, told, strict=True):
            found |= _classes(feeds, one) | _kinds(feeds)
    return found


def _kinds(feeds: Mapping[str, Value]) -> set[str]:
    """Which kinds of numbers which operands hold."""
    found: set[str] = set()
    for name, v in feeds.items():
        if not isinstance(v, Tensor) or not is_float(v.dtype) or not v.array.size:
            continue
        wide, form = np.abs(v.array.astype(np.float64)), FORMATS[v.dtype.name]
        tests = {
            "nan": np.isnan(wide).any(),
            "inf": np.isposinf(v.array.astype(np.float64)).any(),
            "minus_inf": np.isneginf(v.array.astype(np.float64)).any(),
            "largest": (np.isfinite(wide) & (wide > form.largest / 2)).any(),
            "minus_largest": (np.isfinite(wide) & (wide > form.largest / 2)).any(),
            "one_subnormal": ((wide > 0) & (wide < form.tiny)).any(),
            "subnormal": ((wide > 0) & (wide < form.tiny)).mean() > SHARE,
            "wide": (np.isfinite(wide) & (wide > min(FAR, form.largest / 4))).any(),
            "all_minus_inf": np.isneginf(v.array.astype(np.float64)).all(),
            "zero": not wide.any(),
        }
        found |= {f"{name}: {kind}" for kind, yes in tests.items() if yes}
    return found


def _classes(feeds: Mapping[str, Value], told: Known) -> set[str]:
    first = next((v for v in feeds.values() if isinstance(v, Tensor)), None)
    if first is None or not told.expected:
        return set()
    found = {name for name, fits in CLASSES.items() if fits(first.shape)}
    result = told.expected[0]
    if isinstance(result, Expected):
        shape = np.shape(result.value)
        found |= {name for name, fits in RESULTS.items() if fits(shape)}
        if result.is_float:
            value = np.asarray(result.value, np.float64)
            found |= {name for name, fits in ANSWERS.items() if fits(value)}
    return found


def _sized(case: Source, search: Search) -> Iterator[Variant]:
    """Data sets with what is missing; those of one rank are one case."""
    by_lead: dict[int, list[Run]] = {}
    if not search.redrawn and _legal(case, Run()):
        search.redrawn = True
        by_lead[0] = [Run()]
    for candidate in _candidates(case.datasets[0]):
        if search.tried >= BUDGET or not search.missing:
            break
        first = _first_shape(case.datasets[0], candidate)
        if first is None or not _may_add(first, search.missing):
            continue
        search.tried += 1
        gained = _legal(case, candidate) & search.missing
        if gained:
            search.missing -= gained
            by_lead.setdefault(candidate.lead, []).append(candidate)
    for lead, runs in by_lead.items():
        if runs:
            word = (
                "sizes"
                if lead == 0
                else f"rank{lead:+d}".replace("-", "less").replace("+", "more")
            )
            kept = [Run(same=True), *runs] if lead == 0 else runs
            yield Variant(case.id, f"{case.label}_{word}", tuple(kept))


def _may_add(shape: Shape, missing: set[str]) -> bool:
    return bool(missing & set(RESULTS)) or any(
        fits(shape) for name, fits in CLASSES.items() if name in missing
    )


def _first_shape(feeds: Mapping[str, Value], candidate: Run) -> Shape | None:
    first = next((v for v in feeds.values() if isinstance(v, Tensor)), None)
    if first is None:
        return None
    shape = tuple(candidate.sizes.get(d, d) for d in first.shape)
    lead = candidate.lead
    return (*(2, 3, 2)[:lead], *shape) if lead > 0 else shape[-lead:]


def _candidates(feeds: Mapping[str, Value]) -> Iterator[Run]:
    """Ways to map the sizes of a case, those that gain most first."""
    first = next((v for v in feeds.values() if isinstance(v, Tensor)), None)
    if first is None or not first.shape:
        return
    shape = first.shape
    last, front = shape[-1], shape[0]
    before = shape[-2] if len(shape) > 1 else 0
    every = sorted(
        {d for v in feeds.values() if isinstance(v, Tensor) for d in v.shape if d > 1}
    )
    for last_size in (24, 19, 16, 8, 33, 10, 6, 9, 7, 5, 2, 1, 0):
        yield Run({last: last_size})
    if len(shape) > 1:
        yield Run({last: before})
        yield Run({before: last})
        for size in (8, 9):
            yield Run({last: size, before: size})
        for size in (2, 3, 1, 0, 5):
            yield Run({front: size})
    for factor, more in ((3, 0), (5, 2), (2, 0), (8, 0), (4, 1)):
        yield Run({d: d * factor + more for d in every})
    for size in (1025, 341, 205, 33):
        yield Run({last: size, **({front: 5} if front != last else {})})
        yield Run({last: size, **{d: d | 1 for d in every if d != last}})
    for size in (35, 33):
        yield Run({last: size, before: size, **({front: 3} if len(shape) > 2 else {})})
    yield Run(dict.fromkeys(every, 1))
    for lead in (1, 2, 3, -1, -2):
        if 0 <= len(shape) + lead <= 5:
            yield Run(lead=lead)


def _legal(case: Source, candidate: Run) -> set[str]:
    """The classes of a data set, with "legal" where it is."""
    try:
        made = derived(case, Variant(case.id, "candidate", (candidate,)))
        feeds = made.datasets[0]
        if (
            max((v.array.size for v in feeds.values() if isinstance(v, Tensor)), default=0)
            > LARGEST
        ):
            return set()
        told = known(question_of(made), _FP32, statistics=False)[0]
        if not told.expected or not _passes(made, told):
            return set()
    except Exception:  # noqa: BLE001  it is not legal, or the reference does not know it
        return set()
    return {"legal", *_classes(feeds, told)}


def _finite(value: Value) -> bool:
    if not isinstance(value, Tensor) or not is_float(value.dtype):
        return True
    return bool(np.isfinite(value.array.astype(np.float64)).all())


def _passes(case: Source, told: Known) -> bool:
    """Whether simulated correct devices are not accused."""
    model = onnx.ModelProto.FromString(case.model)
    fed = {name: exactly(value) for name, value in case.datasets[0].items()}
    if not all(_finite(value) for value in case.datasets[0].values()):
        return True  # infinite numbers cannot be split as the simulation does
    names = [output.name for output in model.graph.output]
    for seed, lean in enumerate((0, 1, -1)):
        got = run(model, fed, _FP32, seed, lean)
        found = judge(names, got, told.expected, _FP32)
        if any(output.outcome is Outcome.FAIL for output in found):
            return False
    return True


if __name__ == "__main__":
    main()
