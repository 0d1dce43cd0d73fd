"""A profile takes the cases that its rules describe, each in one part."""

from __future__ import annotations

from typing import Any

import pytest
from hal_conformance.profiles.loading import groups, load, names, parsed
from hal_conformance.profiles.matching import in_force, subject
from hal_conformance.profiles.profile import AS_GOOD, Profile

from hal.errors import InputError


def made(*mandatory: dict[str, Any], optional: tuple[dict[str, Any], ...] = ()) -> Profile:
    def parts(rules: tuple[dict[str, Any], ...], tier: str) -> list[dict[str, Any]]:
        return [
            {"name": f"{tier}-{number}", "reason": "a test", "rules": [rule]}
            for number, rule in enumerate(rules)
        ]

    data = {"schema": 1, "name": "test", "version": "1", "title": "t", "arithmetic": "fp32"}
    return parsed(
        data | {"mandatory": parts(mandatory, "m"), "optional": parts(optional, "o")}, "here"
    )


def test_a_rule_that_says_nothing_takes_all_of_its_suites() -> None:
    profile = made({"suites": ["ops"]})
    assert profile.selects("ops/Abs/13/float32/plain") == "mandatory"
    assert profile.selects("graphs/convolution/conv_bn/float32/plain") is None


def test_operators_are_those_of_the_id_with_their_domain() -> None:
    profile = made({"suites": ["ops"], "operators": ["ai.onnx.ml/Scaler"]})
    assert profile.selects("ops/ai.onnx.ml/Scaler/1/int64/plain") == "mandatory"
    assert profile.selects("ops/Scaler/1/int64/plain") is None


def test_an_opset_takes_the_version_in_force() -> None:
    profile = made({"suites": ["ops"], "opset": 21})
    assert profile.selects("ops/Conv/11/float32/plain") == "mandatory"
    assert profile.selects("ops/Conv/22/float32/plain") is None
    assert profile.selects("ops/Conv/1/float32/plain") is None


def test_opsets_take_every_version_in_force_in_between() -> None:
    profile = made({"suites": ["ops"], "opsets": [13, 22]})
    taken = {v for v in (1, 11, 22) if profile.selects(f"ops/Conv/{v}/float32/plain")}
    assert taken == {11, 22}


def test_all_types_must_be_allowed_and_one_must_be_there() -> None:
    rule = {"suites": ["ops"], "types": ["float32", "int64"], "having": ["float32"]}
    profile = made(rule)
    assert profile.selects("ops/Gather/13/float32-int64/plain") == "mandatory"
    assert profile.selects("ops/Gather/13/int64/plain") is None
    assert profile.selects("ops/Gather/13/float32-int32/plain") is None


def test_containers_must_be_allowed_by_name() -> None:
    case = "ops/SequenceAt/11/seq-float32-int64/plain"
    types = ["float32", "int64"]
    assert made({"suites": ["ops"], "types": types}).selects(case) is None
    allowed = {"suites": ["ops"], "types": [*types, "sequence"]}
    assert made(allowed).selects(case) == "mandatory"


def test_patterns_choose_and_leave_out() -> None:
    profile = made({"suites": ["ops"], "cases": ["*/Abs/*"], "but": ["*/*dynamic*"]})
    assert profile.selects("ops/Abs/13/float32/plain") == "mandatory"
    assert profile.selects("ops/Abs/13/float32/dynamic_batch") is None
    assert profile.selects("ops/Add/13/float32/plain") is None


def test_graphs_are_told_apart_by_family_and_type() -> None:
    profile = made({"suites": ["graphs"], "types": ["float32"], "cases": ["graphs/a/*"]})
    assert profile.selects("graphs/a/pattern/float32/plain") == "mandatory"
    assert profile.selects("graphs/a/pattern/float16/plain") is None
    assert profile.selects("graphs/b/pattern/float32/plain") is None


def test_the_standard_s_cases_are_told_by_their_facts() -> None:
    profile = made({"suites": ["onnx"], "operators": ["Abs", "Add"], "types": ["float32"]})
    facts = {"ops": ["Abs"], "dtypes": ["float32"]}
    assert profile.selects("onnx/node/test_abs", facts) == "mandatory"
    assert profile.selects("onnx/node/test_abs", facts | {"ops": ["Abs", "If"]}) is None
    assert profile.selects("onnx/node/test_abs", facts | {"dtypes": ["float64"]}) is None
    assert profile.selects("onnx/node/test_abs") is None


def test_a_case_belongs_to_the_first_part_that_takes_it() -> None:
    profile = made({"suites": ["ops"], "operators": ["Abs"]}, optional=({"suites": ["ops"]},))
    assert profile.part("ops/Abs/13/float32/plain") == ("mandatory", "m-0")
    assert profile.part("ops/Add/14/float32/plain") == ("optional", "o-0")


def test_types_of_an_id_are_elements_and_containers() -> None:
    assert subject("ops/X/1/fixed/plain").types == frozenset()
    found = subject("ops/X/1/map-int64-float32/plain").types
    assert found == {"map", "int64", "float32"}


def test_the_version_in_force_follows_the_schema_registry() -> None:
    assert [in_force("Relu", opset) for opset in (7, 13, 21)] == [6, 13, 14]
    assert in_force("Gelu", 19) is None
    assert in_force("Upsample", 13) is None  # deprecated
    assert in_force("ai.onnx.ml/Scaler", 21) == 1


def test_the_hash_covers_every_word() -> None:
    rule = {"suites": ["ops"], "operators": ["Abs"]}
    assert made(rule).hash == made(rule).hash
    assert made(rule).hash != made(rule | {"operators": ["Add"]}).hash


def test_a_profile_survives_the_journey_through_json() -> None:
    for name in names():
        profile = load(name)
        again = parsed(profile.to_json(), "there")
        assert (again, again.hash) == (profile, profile.hash)


@pytest.mark.parametrize(
    ("declared", "admitted"),
    [(None, True), ("fp32", True), ("fp64", True), ("bf16", False), ("int8", False)],
)
def test_a_target_declares_the_profile_s_arithmetic_or_better(
    declared: str | None, admitted: bool
) -> None:
    assert made({"suites": ["ops"]}).admits(declared) is admitted


def test_every_arithmetic_is_as_good_as_itself() -> None:
    assert all(name in good for name, good in AS_GOOD.items())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"arithmetic": "fp31"}, "arithmetic"),
        ({"version": "one"}, "version"),
        ({"mandatory": []}, "mandatory"),
        ({"surprise": 1}, "surprise"),
        ({"schema": 2}, "schema"),
    ],
)
def test_a_mistake_is_told_with_its_place(change: dict[str, Any], said: str) -> None:
    data = load("edge").to_json() | change
    with pytest.raises(InputError, match=rf"ours\.toml: {said}"):
        parsed(data, "ours.toml")


def test_two_ways_to_say_a_version_are_one_too_many() -> None:
    with pytest.raises(InputError, match="opset or opsets"):
        made({"suites": ["ops"], "opset": 13, "opsets": [13, 21]})


def test_parts_have_names_of_their_own() -> None:
    data = load("edge").to_json()
    with pytest.raises(InputError, match="two parts are named operators"):
        parsed(data | {"mandatory": [data["mandatory"][0]] * 2}, "here")


def test_a_group_is_written_out_and_can_be_cut() -> None:
    rule = {"suites": ["ops"], "operators": ["@logic", "-Xor", "Abs"]}
    (part,) = made(rule).mandatory
    assert part.rules[0].operators == ("And", "Not", "Or", "Abs")


@pytest.mark.parametrize(("listed", "said"), [("@nix", "no group @nix"), ("-Abs", "not in")])
def test_a_group_that_is_not_there_is_told(listed: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        made({"suites": ["ops"], "operators": [listed]})


def test_an_unknown_profile_is_told_with_those_that_there_are() -> None:
    with pytest.raises(InputError, match="shipped are bf16, edge, fp16, fp32, int8"):
        load("fp31")


def test_groups_name_operators_of_the_standard() -> None:
    unknown = [
        operator
        for operators in groups().values()
        for operator in operators
        if in_force(operator, 24) is None
    ]
    assert unknown == []
