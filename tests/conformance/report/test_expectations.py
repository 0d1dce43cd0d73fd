"""Known outcomes: what the file may say, and what it does to a record."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hal_conformance.expectation_files import load, parse
from hal_conformance.expectations import apply, apply_all, in_range, release
from hal_conformance.records import CaseRecord, Outcome, TargetHeader

from hal.errors import InputError

Record = Callable[..., CaseRecord]
Target = Callable[..., TargetHeader]

ENTRY = """\
schema = 1

[[expect]]
cases = ["onnx/node/test_abs*"]
kind = "not_yet"
outcome = "FAIL"
cause = "subnormals are flushed to zero"
"""
NEVER = """\
[[expect]]
cases = ["onnx/node/test_*complex*"]
kind = "never"
cause = "the hardware has no complex numbers"
"""


def test_an_entry_says_what_holds_for_whom() -> None:
    text = ENTRY + 'issue = "https://x.example/1"\ntargets = ["acme:*"]\nsdk = ">=2,<3"\n'
    (entry,) = parse(text + 'device = "*NPU*"\nexpires = 2027-01-01\n').entries
    known = entry.expectation
    assert known.cases == ("onnx/node/test_abs*",)
    assert (known.kind, known.outcome) == ("not_yet", Outcome.FAIL)
    assert (known.sdk, known.device, known.expires) == (">=2,<3", "*NPU*", date(2027, 1, 1))
    assert entry.where == "expectations:3"


@pytest.mark.parametrize(
    ("entry", "outcome", "unexpected"),
    [
        (ENTRY, Outcome.FAIL, False),
        (ENTRY, Outcome.PASS, True),
        (ENTRY, Outcome.CRASH, True),
        (ENTRY, Outcome.GAP, True),
        (ENTRY, Outcome.FLAKE, True),
        (ENTRY, Outcome.SKIP, False),
        (ENTRY, Outcome.COMPILED, False),
        (ENTRY, Outcome.UNJUDGED, False),
        (ENTRY.replace("FAIL", "FLAKE"), Outcome.FLAKE, False),
        (ENTRY.replace("FAIL", "FLAKE"), Outcome.PASS, False),
        (ENTRY.replace("FAIL", "FLAKE"), Outcome.CRASH, True),
        (ENTRY.replace("FAIL", "GAP"), Outcome.GAP, False),
        (ENTRY.replace("FAIL", "GAP"), Outcome.PASS, True),
        (NEVER.replace("*complex*", "abs"), Outcome.GAP, False),
        (NEVER.replace("*complex*", "abs"), Outcome.PASS, True),
        (NEVER.replace("*complex*", "abs"), Outcome.FAIL, True),
        (NEVER.replace("*complex*", "abs"), Outcome.COMPILED, True),
        (NEVER.replace("*complex*", "abs"), Outcome.SKIP, False),
        (NEVER, Outcome.PASS, False),
        (NEVER, Outcome.GAP, False),
        (NEVER, Outcome.SKIP, False),
        (NEVER, Outcome.COMPILED, False),
        (NEVER, Outcome.UNJUDGED, False),
        (NEVER, Outcome.FAIL, True),
        (NEVER, Outcome.FLAKE, True),
        (NEVER, Outcome.ELSEWHERE, True),
        (NEVER, Outcome.ERROR, True),
    ],
)
def test_an_outcome_is_unexpected_where_it_is_news(
    make_record: Record, make_target: Target, entry: str, outcome: Outcome, unexpected: bool
) -> None:
    marked = apply(make_record(outcome=outcome), parse(entry), make_target("acme:0"))
    assert marked.unexpected is unexpected


def test_a_marked_record_carries_the_expectation_and_its_cause(
    make_record: Record, make_target: Target
) -> None:
    marked = apply(make_record(outcome=Outcome.CRASH), parse(ENTRY), make_target("acme:0"))
    assert marked.expected is Outcome.FAIL
    assert marked.cause == "subnormals are flushed to zero"


def test_old_marks_are_wiped_where_nothing_is_expected(
    make_record: Record, make_target: Target
) -> None:
    stale = make_record(expected=Outcome.FAIL, unexpected=True, cause="long ago")
    marked = apply(stale, parse(NEVER), make_target("acme:0"))
    assert (marked.expected, marked.unexpected, marked.cause) == (None, False, None)


@pytest.mark.parametrize(
    ("line", "holds"),
    [
        ('targets = ["acme:0"]', True),
        ('targets = ["acme:1", "acme:?"]', True),
        ('targets = ["acme:1"]', False),
        ('device = "*EPYC*"', True),
        ('device = "0"', True),
        ('device = "*Xeon*"', False),
        ('sdk = ">=2026.4,<2026.5"', True),
        ('sdk = "<2026.4"', False),
    ],
)
def test_an_entry_holds_for_its_targets_devices_and_versions(
    make_record: Record, make_target: Target, line: str, holds: bool
) -> None:
    marked = apply(
        make_record(outcome=Outcome.FAIL), parse(f"{ENTRY}{line}\n"), make_target("acme:0")
    )
    assert marked.unexpected is not holds


@pytest.mark.parametrize(
    ("version", "number"),
    [("2026.4.1-21234-abcdef", "2026.4.1"), ("v1.23", "1.23"), ("nightly", None), ("", None)],
)
def test_only_the_leading_numbers_of_a_vendors_version_count(
    version: str, number: str | None
) -> None:
    assert release(version) == number
    assert in_range(">=1", version) is (number is not None)


def test_a_case_written_out_beats_a_glob(make_record: Record, make_target: Target) -> None:
    exact = ENTRY.replace("test_abs*", "test_abs").replace("FAIL", "CRASH").split("\n", 1)[1]
    marked = apply(
        make_record(outcome=Outcome.CRASH), parse(ENTRY + exact), make_target("acme:0")
    )
    assert marked.expected is Outcome.CRASH


def test_a_later_file_beats_an_earlier_one(
    make_record: Record, make_target: Target, tmp_path: Path
) -> None:
    shipped, own = tmp_path / "shipped.toml", tmp_path / "own.toml"
    shipped.write_text(ENTRY)
    own.write_text(ENTRY.replace("FAIL", "CRASH"))
    marked = apply(
        make_record(outcome=Outcome.CRASH), load([shipped, own]), make_target("acme:0")
    )
    assert marked.expected is Outcome.CRASH


def test_brackets_in_a_case_are_text(make_record: Record, make_target: Target) -> None:
    text = ENTRY.replace("test_abs*", "test_abs[x]*")
    known = parse(text).for_target(make_target("acme:0"))
    assert known.of(make_record("onnx/node/test_abs[x]1"))
    assert known.of(make_record("onnx/node/test_absx1")) is None


@pytest.mark.parametrize(
    ("outcome", "unexpected"),
    [
        (Outcome.FAIL, False),
        (Outcome.CRASH, False),
        (Outcome.PASS, False),
        (Outcome.HANG, True),
        (Outcome.GAP, True),
    ],
)
def test_an_entry_may_name_what_happens_now_and_then(
    make_record: Record, make_target: Target, outcome: Outcome, unexpected: bool
) -> None:
    known = parse(ENTRY + 'also = ["CRASH", "PASS"]\n')
    marked = apply(make_record(outcome=outcome), known, make_target("acme:0"))
    assert marked.unexpected is unexpected


def _held(label: str | None) -> dict[str, object]:
    return {"arithmetic": "fp32", "tier": "sound", "outcome": Outcome.FAIL, "held": label}


@pytest.mark.parametrize(
    ("outcome", "held", "unexpected"),
    [
        (Outcome.FAIL, "bf16", False),
        (Outcome.FAIL, "bf16, by its bounds", False),
        (Outcome.FAIL, "tf32", True),
        (Outcome.FAIL, None, True),
        (Outcome.PASS, None, False),
        (Outcome.GAP, None, False),
        (Outcome.CRASH, None, True),
    ],
)
def test_an_entry_that_asks_how_an_answer_behaves_is_silent_on_others(
    make_record: Record,
    make_target: Target,
    outcome: Outcome,
    held: str | None,
    unexpected: bool,
) -> None:
    known = parse(ENTRY + 'behaves_like = "bf16*"\n')
    record = make_record(outcome=outcome, bounds=_held(held))
    assert apply(record, known, make_target("acme:0")).unexpected is unexpected


def test_where_one_entry_stands_aside_the_next_decides(
    make_record: Record, make_target: Target
) -> None:
    case = "onnx/node/test_abs"
    first = ENTRY.replace("test_abs*", "test_abs") + 'behaves_like = "bf16"\n'
    second = ENTRY.replace("subnormals are flushed to zero", "something else").split("\n", 2)[2]
    known = parse(first + second)
    marked = [
        apply(make_record(case, Outcome.FAIL, bounds=_held(held)), known, make_target("acme:0"))
        for held in ("bf16", None)
    ]
    assert [each.cause for each in marked] == [
        "subnormals are flushed to zero",
        "something else",
    ]


def test_each_target_is_marked_by_its_own_expectations(
    make_record: Record, make_target: Target
) -> None:
    records = [make_record(outcome=Outcome.FAIL, target=name) for name in ("a:0", "b:0")]
    targets = [make_target("a:0"), make_target("b:0")]
    marked = apply_all(records, {"a:0": parse(ENTRY)}, targets)
    assert [record.unexpected for record in marked] == [False, True]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("outcome =", "outcom ="), r"e\.toml:6: unknown key 'outcom'; did you mean 'outcome'"),
        (('"FAIL"', '"FIAL"'), r"e\.toml:6: outcome 'FIAL': choose .*; did you mean 'FAIL'"),
        (('"FAIL"', '"PASS"'), r"e\.toml:3: PASS needs no expectation"),
        (('"not_yet"', '"notyet"'), r"e\.toml:5: kind 'notyet': .*; did you mean 'not_yet'"),
        (('"not_yet"', '"never"'), r"e\.toml:3: what the hardware can never do is a GAP"),
        (("schema = 1", "schema = 2"), r"e\.toml:1: schema 2 is not known here"),
        (("schema = 1", "shema = 1"), r"e\.toml:1: unknown key 'shema'; did you mean 'schema'"),
        (("[[expect]]", "[expect]"), r"under its own \[\[expect\]\]"),
        (("cause = ", "cause = = "), r"e\.toml:7: not TOML"),
        (('"subnormals are flushed to zero"', '" "'), r"e\.toml:7: cause: state the cause"),
        (
            ('cause = "subnormals are flushed to zero"', ""),
            r"e\.toml:3: the entry has no 'cause'",
        ),
        (('["onnx/node/test_abs*"]', "[]"), r"e\.toml:4: cases: "),
        (('["onnx/node/test_abs*"]', '[" "]'), r"e\.toml:4: cases: an empty pattern"),
        (('outcome = "FAIL"', 'sdk = "2026"'), r"e\.toml:6: sdk: '2026' is no range"),
        (
            ('outcome = "FAIL"', 'outcome = "CRASH"\nbehaves_like = "bf16"'),
            r"e\.toml:3: only a FAIL behaves like an arithmetic, not CRASH",
        ),
        (
            ('outcome = "FAIL"', 'outcome = "FAIL"\nalso = ["FIAL"]'),
            r"e\.toml:7: also .*'FAIL'",
        ),
        (('outcome = "FAIL"', ""), r"e\.toml:3: kind \"not_yet\" needs the outcome"),
    ],
)
def test_a_mistake_is_reported_with_its_line_and_the_nearest_word(
    tmp_path: Path, change: tuple[str, str], message: str
) -> None:
    path = tmp_path / "e.toml"
    path.write_text(ENTRY.replace(*change))
    with pytest.raises(InputError, match=message):
        load([path])


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read expectations"):
        load([tmp_path / "none.toml"])


def test_lines_are_right_behind_text_that_looks_like_a_heading() -> None:
    text = ENTRY.replace(
        '"subnormals are flushed to zero"', '"""\n[[expect]]\nis what a heading looks like"""'
    )
    assert [entry.line for entry in parse(text + NEVER).entries] == [3, 10]


def test_many_entries_are_applied_fast(make_record: Record, make_target: Target) -> None:
    import time

    entries = "".join(
        ENTRY.split("\n", 1)[1].replace("test_abs*", f"test_{n}_*_x") for n in range(100)
    )
    known = parse(entries)
    records: list[Any] = [make_record(f"onnx/node/test_{n}") for n in range(8000)]
    start = time.process_time()
    apply_all(records, {"acme:0": known}, [make_target("acme:0")])
    assert time.process_time() - start < 2.0
