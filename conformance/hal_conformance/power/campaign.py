"""Every fault in every operator: what finds it, and whether anything could.

Work is an operator at a time, in processes of its own. A trial that found a fault is tried
first on the next one.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from functools import cache, cached_property
from importlib.util import find_spec
from typing import Any

import numpy as np
import onnx

from hal_conformance.corpus import standard
from hal_conformance.frozen.making import question_of
from hal_conformance.generated import generate
from hal_conformance.generated.graphs import generate_graphs
from hal_conformance.generated.source import Source
from hal_conformance.power.catalogue import faults
from hal_conformance.power.device import Faulty
from hal_conformance.power.fault import Fault, Operator, operators
from hal_conformance.power.trials import ByBounds, ByTolerance, Trial
from hal_conformance.power.witnesses import fresh
from hal_conformance.soak.sample import SAMPLE

FRESH = 60
"""Fresh inputs an operator."""

MEMORY = 8 << 30
"""Bytes that a process may have: a misread number of repeats asks for more than there are."""

NODES = 400
"""The standard's models with more nodes are left out: whole networks."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A fault in an operator.

    `ours` and `standard` name the case that finds it, "" where none does. `witness` is "case",
    "repeats", "standard" or "fresh" where the fault moves some output beyond its bound, ""
    where nothing shows that: it is counted as equivalent.
    """

    fault: str
    family: str
    operator: str
    ours: str
    standard: str
    witness: str

    def to_json(self) -> dict[str, Any]:
        """As a line of the results."""
        return asdict(self)


def run(names: Sequence[str] | None = None, jobs: int = 2) -> Iterator[tuple[str, list[Pair]]]:
    """The pairs of each operator, as they come.

    Args:
        names: only these operators.
        jobs: how many processes.
    """
    wanted = [o.name for o in operators() if names is None or o.name in names]
    wanted.sort(key=lambda name: (-_COST.get(name, 1), name))
    if jobs == 1 or len(wanted) == 1:
        for name in wanted:
            yield name, of_operator(name)
        return
    with ProcessPoolExecutor(jobs, initializer=_alone) as pool:
        futures = {pool.submit(of_operator, name): name for name in wanted}
        for future in as_completed(futures):
            yield futures[future], future.result()


_COST = {"Cast": 99, "CastLike": 60, "If": 50, "Pad": 40, "QuantizeLinear": 40, "Loop": 40}


def _alone() -> None:
    """One thread, and so little memory that a fault which asks for it all is refused it."""
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ[name] = "1"
    if find_spec("resource") is not None:  # not on Windows
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, hard))


def of_operator(name: str) -> list[Pair]:
    """Every fault that the operator can have."""
    warnings.simplefilter("ignore")
    operator = next(o for o in operators() if o.name == name)
    with np.errstate(all="ignore"):
        bench = Bench(operator)
        return [bench.pair(fault) for fault in faults() if fault.where(operator)]


class Bench:
    """An operator's trials."""

    def __init__(self, operator: Operator) -> None:
        self.operator = operator
        sources = [s for s in generate(op=operator.op) if s.id.startswith(_prefix(operator))]
        self._sources = [s for s in sources if s.judged != "refusal"]
        cases = [ByBounds(question_of(source)) for source in self._sources]
        self._repeated = [case for case in cases if case.id in _repeated()]
        self._others = cases[:20]
        self.ours: list[Trial] = _spread(cases)

    @cached_property
    def _standard(self) -> list[Trial]:
        return list(_standard(self.operator))

    @cached_property
    def _fresh(self) -> list[Trial]:
        sets = [source for source in self._sources if len(source.datasets) > 1][-3:]
        turned = [replace(s, id=f"fresh/{s.id}", datasets=s.datasets[::-1]) for s in sets]
        made = [ByBounds(question_of(source)) for source in turned]
        return [*made, *fresh(self.operator, self._sources, FRESH)]

    @cached_property
    def _graphs(self) -> list[Trial]:
        found = _graphs().get((self.operator.domain, self.operator.op), ())
        return [ByBounds(question_of(source)) for source in found]

    def pair(self, fault: Fault) -> Pair:
        """What finds a fault."""
        ours, standards = self._found(self.ours, fault), self._found(self._standard, fault)
        witness = "case" if ours else ""
        if fault.lasting and not ours:
            ours, witness = self._repeats(fault)
        witness = witness or self._witness(fault, standards)
        if witness and not ours:
            ours = self._found(self._graphs, fault)
        return Pair(fault.id, fault.family, self.operator.name, ours, standards, witness)

    def _found(self, trials: list[Trial], fault: Fault) -> str:
        """The case that finds it; it moves to the front."""
        for place, trial in enumerate(trials):
            if trial.sound and trial.finds(Faulty(self.operator, fault)):
                trials.insert(0, trials.pop(place))
                return trial.id
        return ""

    def _repeats(self, fault: Fault) -> tuple[str, str]:
        """What the soak suite's repeats find, and whether repeats move anything."""
        for trial in self._repeated:
            if trial.sound and trial.soaked.repeats(Faulty(self.operator, fault)):
                return f"soak/{trial.id}", "repeats"
        for trial in [trial for trial in self._others if trial.sound][:3]:
            if trial.soaked.repeats(Faulty(self.operator, fault)):
                return "", "repeats"
        return "", ""

    def _witness(self, fault: Fault, standards: str) -> str:
        """Which input but ours moves an output beyond its bound."""
        if standards:
            trial = next(trial for trial in self._standard if trial.id == standards)
            assert isinstance(trial, ByTolerance)
            if self._found([trial.by_bounds], fault):
                return "standard"
        return "fresh" if self._found(self._fresh, fault) else ""


def _prefix(operator: Operator) -> str:
    return f"ops/{operator.name}/"


def _spread(trials: Sequence[Trial]) -> list[Trial]:
    """Trials in an order that has each part early: every 7th, then the ones between."""
    return [trial for start in range(7) for trial in trials[start::7]]


@cache
def _repeated() -> frozenset[str]:
    return frozenset(case for cases in SAMPLE.values() for case in cases)


@cache
def _graphs() -> dict[tuple[str, str], list[Source]]:
    """The generated graphs in which an operator is."""
    found: dict[tuple[str, str], list[Source]] = {}
    for source in generate_graphs():
        if source.judged == "values":
            for key in set(_called(onnx.ModelProto.FromString(source.model).graph)):
                found.setdefault(key, []).append(source)
    return found


@cache
def _corpus() -> tuple[Any, dict[tuple[str, str], list[Any]]]:
    corpus = standard()
    found: dict[tuple[str, str], list[Any]] = {}
    for case in corpus:
        if case.kind == "real":
            continue
        model = onnx.ModelProto.FromString(case.model.read_bytes())
        if len(model.graph.node) > NODES:
            continue
        for key in set(_called(model.graph)) | {k for f in model.functions for k in _called(f)}:
            found.setdefault(key, []).append((len(model.graph.node), case))
    for cases in found.values():
        cases.sort(key=lambda entry: entry[0])
    return corpus, found


def _called(graph: Any) -> Iterator[tuple[str, str]]:
    for node in graph.node:
        yield ("" if node.domain == "ai.onnx" else node.domain), node.op_type
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _called(attribute.g)


def _standard(operator: Operator) -> Iterator[Trial]:
    corpus, cases = _corpus()
    for _, case in cases.get((operator.domain, operator.op), ()):
        yield ByTolerance(case, corpus.load(case))


def sources_of(operator: Operator) -> list[Source]:
    """Our cases of an operator."""
    return [s for s in generate(op=operator.op) if s.id.startswith(_prefix(operator))]
