"""The verdict on a profile: complete, or what stands in the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from hal_conformance.profiles.loading import parsed
from hal_conformance.profiles.profile import Profile
from hal_conformance.profiles.scope import scope
from hal_conformance.profiles.verdict import ProfileVerdict, of_run, verdict
from hal_conformance.records import Outcome, ProfileRecord

ABS, ADD = "ops/Abs/13/float32/plain", "ops/Add/14/float32/plain"
COS, ERF = "ops/Cos/7/float32/plain", "ops/Erf/13/float32/plain"


@dataclass(frozen=True)
class Record:
    case: str
    outcome: Outcome
    ops: list[str] = field(default_factory=list[str])
    dtypes: list[str] = field(default_factory=list[str])


def profile() -> Profile:
    def part(name: str, *operators: str) -> dict[str, object]:
        rule = {"suites": ["ops"], "operators": list(operators)}
        return {"name": name, "reason": "a test", "rules": [rule]}

    return parsed(
        {
            "schema": 1,
            "name": "tiny",
            "version": "1.0",
            "title": "t",
            "arithmetic": "fp32",
            "mandatory": [part("core", "Abs", "Add")],
            "optional": [part("more", "Cos", "Erf")],
        },
        "here",
    )


def judged(outcomes: Mapping[str, Outcome], *, published: bool = True) -> ProfileVerdict:
    records = [Record(case, outcome) for case, outcome in outcomes.items()]
    return verdict(profile(), records, {"core": 2, "more": 2}, published=published)


def test_a_device_is_conformant_where_every_mandatory_case_passes() -> None:
    found = judged({ABS: Outcome.PASS, ADD: Outcome.PASS})
    assert found.standing == "conformant"
    assert found.line.startswith("tiny 1.0: conformant; 2 of 2 mandatory cases pass")


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome.GAP,
        Outcome.FAIL,
        Outcome.ERROR,
        Outcome.CRASH,
        Outcome.HANG,
        Outcome.OOM,
        Outcome.FLAKE,
        Outcome.ELSEWHERE,
    ],
)
def test_one_mandatory_case_that_is_not_right_is_enough(outcome: Outcome) -> None:
    assert judged({ABS: Outcome.PASS, ADD: outcome}).standing == "not conformant"


@pytest.mark.parametrize("outcome", [Outcome.SKIP, Outcome.COMPILED])
def test_what_was_not_run_to_its_end_leaves_it_open(outcome: Outcome) -> None:
    found = judged({ABS: Outcome.PASS, ADD: outcome})
    assert found.standing == "incomplete"
    assert "1 not run" in found.line


def test_a_case_without_a_record_leaves_it_open() -> None:
    assert judged({ABS: Outcome.PASS}).standing == "incomplete"


def test_what_no_bound_can_judge_is_counted_and_does_not_stand_in_the_way() -> None:
    found = judged({ABS: Outcome.PASS, ADD: Outcome.UNJUDGED})
    assert found.standing == "conformant"
    assert "1 unjudged" in found.line


def test_a_device_of_which_nothing_can_be_judged_has_shown_nothing() -> None:
    assert judged({ABS: Outcome.UNJUDGED, ADD: Outcome.UNJUDGED}).standing == "incomplete"


def test_optional_cases_have_a_share_and_decide_nothing() -> None:
    right = {ABS: Outcome.PASS, ADD: Outcome.PASS}
    found = judged({**right, COS: Outcome.PASS, ERF: Outcome.GAP})
    assert found.standing == "conformant"
    assert "optional: 50.0% of 2" in found.line


def test_optional_faults_are_told_apart_from_gaps() -> None:
    right = {ABS: Outcome.PASS, ADD: Outcome.PASS}
    (optional,) = judged({**right, COS: Outcome.FAIL, ERF: Outcome.GAP}).of("optional")
    assert (optional.faults, optional.gaps) == (1, 1)


def test_cases_outside_the_profile_are_passed_over() -> None:
    right = {ABS: Outcome.PASS, ADD: Outcome.PASS, "ops/Tan/7/float32/plain": Outcome.FAIL}
    assert judged(right).standing == "conformant"


def test_a_scope_that_is_not_the_published_one_is_told() -> None:
    found = judged({ABS: Outcome.PASS, ADD: Outcome.PASS}, published=False)
    assert found.line.endswith("not the published scope")


def test_a_run_s_header_is_enough_for_the_verdict() -> None:
    found = scope(profile(), {"ops": [ABS, ADD, COS]}, {})
    kept = ProfileRecord.model_validate(found.record()).model_dump(mode="json")
    records = [Record(case, Outcome.PASS) for case in (ABS, ADD, COS)]
    made = of_run(kept, records)
    assert (made.standing, made.published) == ("conformant", False)
    assert [part.cases for part in made.parts] == [2, 1]


def test_it_is_told_to_programs_part_by_part() -> None:
    told = judged({ABS: Outcome.PASS, ADD: Outcome.GAP}).to_json()
    assert told["standing"] == "not conformant"
    assert told["parts"][0]["outcomes"] == {"GAP": 1, "PASS": 1}
