"""Results as a run would write them, made up here: `make_results` and what it is made of."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hal_conformance.records import (
    Attempt,
    CaseRecord,
    CorpusInfo,
    IndexNode,
    IndexRow,
    Outcome,
    OutputRecord,
    PlacementCounts,
    RunHeader,
    TargetHeader,
)
from hal_conformance.results import Results

OPS = (
    "Abs",
    "Add",
    "ArgMax",
    "AveragePool",
    "BatchNormalization",
    "Cast",
    "Clip",
    "Concat",
    "Conv",
    "ConvTranspose",
    "CumSum",
    "DequantizeLinear",
    "Einsum",
    "Expand",
    "GRU",
    "Gather",
    "Gemm",
    "GridSample",
    "If",
    "Identity",
    "LSTM",
    "LayerNormalization",
    "Loop",
    "MatMul",
    "MaxPool",
    "Mod",
    "NonMaxSuppression",
    "OneHot",
    "Pad",
    "QLinearMatMul",
    "QuantizeLinear",
    "ReduceSum",
    "Relu",
    "Reshape",
    "Resize",
    "ScatterND",
    "SequenceInsert",
    "Softmax",
    "Split",
    "StringNormalizer",
    "TopK",
    "Transpose",
    "Unique",
)
DTYPES = ("float32", "float16", "int64", "int8", "uint8", "bool", "bfloat16", "float8e4m3fn")
WHY = {
    Outcome.FAIL: "y: {n} of 120 elements differ; the worst is 3.{n} times the tolerance",
    Outcome.GAP: "Unsupported: no implementation of {op}({n}) for tensor(bfloat16)",
    Outcome.ERROR: "RuntimeError: Exception from src/core/node.cpp:{n}: check failed in '{op}'",
    Outcome.CRASH: "the worker ended with signal 11 (SIGSEGV)",
    Outcome.HANG: "no answer after 60 s; the worker was ended",
    Outcome.OOM: "std::bad_alloc while compiling",
    Outcome.FLAKE: "FAIL after 312 others in worker w1.4, PASS alone",
    Outcome.ELSEWHERE: "{op} ran on CPUExecutionProvider",
    Outcome.SKIP: "needs the locale en_US.UTF-8",
    Outcome.UNJUDGED: "the bound is larger than the value",
}


def target_header(name: str, **changes: Any) -> TargetHeader:
    """A target as a run describes it."""
    adapter, _, device = name.partition(":")
    identity = {
        "id": device or "cpu",
        "name": "AMD EPYC 9R14",
        "vendor": "AMD",
        "kind": "cpu",
        "sdk": "2026.4.1",
        "driver": "",
    }
    base = TargetHeader(
        target=name,
        adapter=adapter,
        device=device or "cpu",
        adapter_version="0.1.0",
        identity=identity,
        options={"arithmetic": "fp32", "allow_fallback": False, "vendor": {}},
        arithmetic="fp32",
        fingerprint={"cpu_flags": "avx512f avx512_bf16", "threads": 2},
    )
    return base.model_copy(update=changes)


def run_header(names: Sequence[str], size: int, **changes: Any) -> RunHeader:
    """A header of a whole and finished run of a corpus of `size` cases."""
    base = RunHeader(
        command=["hal", "conform", *names, "-o", "results"],
        suites=["onnx"],
        selection={"k": None, "shard": None, "shuffle": None, "failed_from": None},
        versions={"onnx-hal": "0.1.0", "onnx": "1.23.2", "numpy": "2.4.0"},
        machine={"system": "Linux", "processor": "AMD EPYC 9R14", "machine": "x86_64"},
        targets=[target_header(name) for name in names],
        corpus={"onnx": CorpusInfo(hash="b3:5f1d0c8e77", cases=size, onnx="1.23.2")},
        cases=size * len(names),
        started="2026-03-02T10:00:00+00:00",
        ended="2026-03-02T10:01:12+00:00",
        jobs=2,
    )
    return base.model_copy(update=changes)


def record(
    case: str = "onnx/node/test_abs",
    outcome: Outcome = Outcome.PASS,
    target: str = "acme:0",
    **fields: Any,
) -> CaseRecord:
    """One record; what is not given is plausible."""
    plain: dict[str, Any] = {
        "case": case,
        "case_hash": f"b3:{hash_of(case)}",
        "target": target,
        "outcome": outcome,
        "ops": ["Abs"],
        "dtypes": ["float32"],
        "arithmetic": "fp32",
        "judged_by": ["standard"],
    }
    return CaseRecord.model_validate(plain | fields)


def hash_of(text: str) -> str:
    """A short stand-in for a hash."""
    return f"{random.Random(text).getrandbits(40):010x}"


def case_names(size: int) -> list[tuple[str, str]]:
    """Case ids and their operators, spread over the kinds of the standard's suite."""
    found: list[tuple[str, str]] = []
    for index in range(size):
        op = OPS[index % len(OPS)]
        kind = (
            "pytorch-converted"
            if index % 23 == 22
            else "simple"
            if index % 41 == 40
            else "node"
        )
        found.append((f"onnx/{kind}/test_{op.lower()}_variant_{index // len(OPS):02d}", op))
    return found


def synthetic_record(
    case: str, op: str, target: str, wrong: float, rng: random.Random
) -> CaseRecord:
    """One record of a device that is wrong in a share of `wrong` of its cases."""
    bad = [o for o in WHY if o not in (Outcome.GAP, Outcome.SKIP, Outcome.UNJUDGED)]
    weights = [60, 25, 5, 2, 1, 3, 4]
    dice = rng.random()
    outcome = Outcome.PASS
    if dice < wrong:
        outcome = rng.choices(bad, weights)[0]
    elif dice < wrong + 0.09:
        outcome = Outcome.GAP
    elif dice < wrong + 0.1:
        outcome = rng.choice([Outcome.SKIP, Outcome.UNJUDGED])
    reason = WHY.get(outcome, "").format(op=op, n=rng.randint(1, 40)) or None
    known = outcome in (Outcome.FAIL, Outcome.ERROR) and rng.random() < 0.7
    ran = outcome in (Outcome.PASS, Outcome.FAIL, Outcome.ELSEWHERE)
    first = Attempt(outcome=outcome, compile_s=0.01, run_s=0.0004, worker="w1.3")
    again = first.model_copy(update={"alone": True, "worker": "w1.4"})
    margin = None if outcome is not Outcome.PASS else round(rng.random(), 4)
    return record(
        case,
        outcome,
        target,
        ops=[op],
        dtypes=sorted({rng.choice(DTYPES), "float32"}),
        expected=outcome if known else None,
        unexpected=not known and outcome not in (*NEUTRAL_NAMES,),
        cause="subnormals are flushed to zero" if known else None,
        reason=reason,
        signal=11 if outcome is Outcome.CRASH else None,
        placement=PlacementCounts(device=1, evidence="assigned")
        if ran and dice < 0.9
        else PlacementCounts(unknown=1)
        if ran
        else None,
        outputs=[OutputRecord(name="y", dtype="float32", shape=[2, 3], margin=margin)]
        if ran
        else [],
        attempts=[first, again] if outcome not in NEUTRAL_NAMES else [first],
    )


NEUTRAL_NAMES = (Outcome.PASS, Outcome.GAP, Outcome.SKIP, Outcome.UNJUDGED, Outcome.COMPILED)


def synthetic(
    targets: Sequence[str] = ("acme:0",), size: int = 200, wrong: float = 0.05, seed: int = 7
) -> Results:
    """A whole run of made-up devices; of several, the first is right, later ones are worse."""
    rng = random.Random(seed)
    names = case_names(size)
    records = [
        synthetic_record(case, op, target, wrong * (place if len(targets) > 1 else 1), rng)
        for place, target in enumerate(targets)
        for case, op in names
    ]
    index = [
        IndexRow(
            case=case,
            case_hash=f"b3:{hash_of(case)}",
            suite="onnx",
            opset=21,
            nodes=[IndexNode(op=op, version=13, inputs=["float32[2,3]"])],
        )
        for case, op in names
    ]
    return Results(run_header(targets, size), tuple(records), tuple(index), label="synthetic")


def of_records(*records: CaseRecord, **header: Any) -> Results:
    """A whole and finished run with exactly these records."""
    targets = list(dict.fromkeys(record.target for record in records)) or ["acme:0"]
    size = max((sum(r.target == t for r in records) for t in targets), default=0)
    return Results(run_header(targets, size, **header), records, label="made")


@pytest.fixture
def make_results() -> Callable[..., Results]:
    """`synthetic`: a run of made-up devices."""
    return synthetic


@pytest.fixture
def make_record() -> Callable[..., CaseRecord]:
    """`record`: one record."""
    return record


@pytest.fixture
def make_run() -> Callable[..., Results]:
    """`of_records`: a run with exactly these records."""
    return of_records


@pytest.fixture
def make_target() -> Callable[..., TargetHeader]:
    """`target_header`: a target as a run describes it."""
    return target_header
