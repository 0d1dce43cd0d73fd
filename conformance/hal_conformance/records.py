"""What a run writes down: outcomes, case records, the run's header.

`run.json` is a RunHeader, each line of `results.jsonl` a CaseRecord, each line of `index.jsonl`
an IndexRow, `findings.json` made of FindingRecords; docs/results-format.md explains them,
`hal_conformance/schemas/` holds their JSON Schemas. These are the borders between the runner
(writes), the reports, the merge and the expectations (read).
"""

from __future__ import annotations

import math
from enum import Enum
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
    model_validator,
)

SCHEMA: Literal[1] = 1


class Outcome(str, Enum):  # noqa: UP042  StrEnum would change repr and format for JSON users
    """What happened to a case, whatever was expected."""

    PASS = "PASS"
    FAIL = "FAIL"  # wrong value, shape, dtype or count
    GAP = "GAP"  # a clean Unsupported
    ERROR = "ERROR"  # a dirty refusal
    CRASH = "CRASH"  # the worker ended: signal or exit
    HANG = "HANG"
    OOM = "OOM"
    FLAKE = "FLAKE"  # disagrees with itself
    ELSEWHERE = "ELSEWHERE"  # right, but not computed by this device
    COMPILED = "COMPILED"  # built, cannot run here
    UNJUDGED = "UNJUDGED"  # the bound says nothing at this size
    SKIP = "SKIP"  # with a reason

    __hash__ = str.__hash__  # that of Enum is Python code, and counting is what reports do


JUDGED = frozenset(
    {
        Outcome.PASS,
        Outcome.FAIL,
        Outcome.ERROR,
        Outcome.CRASH,
        Outcome.HANG,
        Outcome.OOM,
        Outcome.FLAKE,
        Outcome.ELSEWHERE,
    }
)
"""The denominator: outcomes that say whether the device is right. The others stand apart."""

NEUTRAL = frozenset(
    {Outcome.PASS, Outcome.GAP, Outcome.COMPILED, Outcome.UNJUDGED, Outcome.SKIP}
)
"""Outcomes that surprise nobody where nothing was expected."""

PART_OF_CORPUS = ("k", "sample", "sample_slow", "shard", "failed_from", "profile")
"""Keys of `RunHeader.selection` that leave cases out; others ("shuffle") only order them."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")


def _written(value: float) -> float | str:
    """Five digits: nobody compares errors closer, and a line of a hundred thousand is short."""
    if math.isfinite(value):
        return float(f"{value:.5g}")
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


Measure = Annotated[
    float,
    PlainSerializer(_written, when_used="json"),
    WithJsonSchema({"anyOf": [{"type": "number"}, {"enum": ["Infinity", "-Infinity", "NaN"]}]}),
]
"""A number that may be infinite; JSON has no word for that, so it is written as text."""


class PlacementCounts(_Frozen):
    """How many nodes of the case's model ran where, and how that is known."""

    device: int = 0
    host: int = 0
    folded: int = 0
    fused: int = 0
    unknown: int = 0
    evidence: Literal["assigned", "profiled", "logged", "claimed"] | None = None


class OutputRecord(_Frozen):
    """How one output compared; `margin` is the largest |got - expected| / tolerance."""

    name: str
    dtype: str | None = None
    shape: list[int] | None = None
    ok: bool = True
    margin: Measure | None = None
    worst_ulp: Measure | None = None
    grade: str | None = None
    reason: str | None = None


class BoundsRecord(_Frozen):
    """What the derived bounds say of a case: its outcome, or a word beside the standard's.

    `arithmetic` is what the device declares, or what is assumed; `held` the arithmetic that
    explains the answer. `margin` is the largest |d - r| / B; there, `ulp` is the error and
    `limit_ulp` the bound, in units of the last place of the output's type. `bits` are the
    effective bits: -log2 of the smallest unit roundoff under which the case passes.
    """

    arithmetic: str
    tier: Literal["sound", "typical", "relation", "type", "refusal"]
    outcome: Outcome
    grade: Literal["A", "B", "C"] | None = None
    held: str | None = None
    bits: Measure | None = None
    margin: Measure | None = None
    ulp: Measure | None = None
    limit_ulp: Measure | None = None
    reason: str | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.grade == "C" and self.outcome is not Outcome.FAIL:
            raise ValueError("grade C, within a lower arithmetic only, is a FAIL")
        return self


class Attempt(_Frozen):
    """One execution of the case in one worker; times in seconds."""

    outcome: Outcome
    compile_s: float | None = None
    run_s: float | None = None
    worker: str | None = None  # "w1.3": third worker of the first slot
    alone: bool = False
    history: list[str] | None = None  # ids the worker had run before, when it matters
    signal: int | None = None
    exit_code: int | None = None
    reason: str | None = None


class CaseRecord(_Frozen):
    """The final record of one case on one target."""

    schema_: Literal[1] = Field(default=SCHEMA, alias="schema")
    case: str
    case_hash: str
    target: str
    outcome: Outcome
    expected: Outcome | None = None
    unexpected: bool = False
    cause: str | None = None  # of the expectation
    ops: list[str] = Field(default_factory=list)
    dtypes: list[str] = Field(default_factory=list)
    arithmetic: str | None = None
    judged_by: list[str] = Field(default_factory=list)
    bounds: BoundsRecord | None = None
    placement: PlacementCounts | None = None
    outputs: list[OutputRecord] = Field(default_factory=list[OutputRecord])
    attempts: list[Attempt] = Field(default_factory=list[Attempt])
    signal: int | None = None
    reason: str | None = None

    @property
    def is_news(self) -> bool:
        """Whether it is unexpected, by its mark or because nothing bad was foreseen at all."""
        return self.unexpected or (self.expected is None and self.outcome not in NEUTRAL)


class TargetHeader(_Frozen):
    """One target of a run: what it was asked for and what was found there."""

    target: str
    adapter: str
    device: str
    adapter_version: str
    identity: dict[str, Any]  # DeviceInfo.to_json()
    options: dict[str, Any] = Field(default_factory=dict)
    arithmetic: str | None = None
    labels: list[str] = Field(default_factory=list)
    fingerprint: dict[str, Any] = Field(default_factory=dict)
    expectations: dict[str, Any] = Field(default_factory=dict)  # file name -> hash


class CorpusInfo(_Frozen):
    """One suite as this run used it; `cases` counts the whole corpus, not a choice."""

    hash: str
    cases: int
    onnx: str | None = None


class RunPart(_Frozen):
    """One of the runs that a merged run was made of."""

    command: list[str]
    selection: dict[str, Any] = Field(default_factory=dict)
    machine: dict[str, str] = Field(default_factory=dict)
    cases: int = 0
    started: str
    ended: str | None = None


class ProfilePart(_Frozen):
    """One part of a profile, and how many cases its scope has."""

    name: str
    tier: Literal["mandatory", "optional"]
    cases: int


class ProfileRecord(_Frozen):
    """The profile of a run: `hash` is over what its file says, `scope` over its cases.

    `published` says that both are as the package's scopes.lock has them; `definition` is the
    profile itself, for reports.
    """

    name: str
    version: str
    arithmetic: str
    hash: str
    scope: str
    published: bool
    parts: list[ProfilePart]
    definition: dict[str, Any] = Field(default_factory=dict)


class RunHeader(_Frozen):
    """What was run, with what, on what; `started` and `ended` are ISO 8601 in UTC."""

    schema_: Literal[1] = Field(default=SCHEMA, alias="schema")
    command: list[str]
    suites: list[str]
    selection: dict[str, Any] = Field(default_factory=dict)  # k, shard, shuffle, ...
    versions: dict[str, str] = Field(default_factory=dict)
    machine: dict[str, str] = Field(default_factory=dict)
    targets: list[TargetHeader]
    corpus: dict[str, CorpusInfo] = Field(default_factory=dict)  # by suite
    cases: int = 0  # selected, over all targets
    started: str
    ended: str | None = None
    jobs: int = 1
    parts: list[RunPart] = Field(default_factory=list[RunPart])  # of a merged run
    profile: ProfileRecord | None = None


class IndexNode(_Frozen):
    """One node of a case's model."""

    op: str
    domain: str = ""
    version: int
    types: dict[str, str] = Field(default_factory=dict)  # type parameter -> type
    attributes: dict[str, Any] = Field(default_factory=dict)
    inputs: list[str | None] = Field(
        default_factory=list[str | None]
    )  # "float32[2,3]" in order
    outputs: list[str | None] = Field(default_factory=list[str | None])


class IndexRow(_Frozen):
    """One case of the corpus as a run used it; `evidence`: "proved" or "sampled N"."""

    case: str
    case_hash: str
    suite: str
    evidence: str | None = None
    opset: int | None = None
    nodes: list[IndexNode] = Field(default_factory=list[IndexNode])


class FindingRecord(_Frozen):
    """What is wrong with one operator on one target; the numbers are those of the worst case.

    `operator` is an operator, a family of graphs or the operators of a model. `judged` counts
    its cases that were judged, `cases` those that end like this.
    """

    target: str
    operator: str
    outcome: Outcome
    cases: int
    judged: int
    types: dict[str, int] = Field(default_factory=dict)  # first type -> cases
    versions: list[int] = Field(default_factory=list[int])
    worst_ulp: Measure | None = None
    limit_ulp: Measure | None = None
    margin: Measure | None = None
    worst_ulp_by_type: dict[str, Measure] = Field(default_factory=dict[str, Measure])
    behaves_like: dict[str, int] = Field(default_factory=dict)  # arithmetic -> cases
    source: str = ""  # of the limit
    example: str
    reason: str = ""
    repro: str
    causes: list[str] = Field(default_factory=list)  # that expectations state
    all_cases: list[str] = Field(default_factory=list)


class Findings(_Frozen):
    """All findings of a run, by target, the farthest beyond a bound first."""

    schema_: Literal[1] = Field(default=SCHEMA, alias="schema")
    findings: list[FindingRecord] = Field(default_factory=list[FindingRecord])
