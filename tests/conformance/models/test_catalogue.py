from __future__ import annotations

import re
from collections import Counter

from hal_conformance.models import catalogue


def test_ids_name_the_model_and_the_input_once() -> None:
    ids = [id for id, _, _ in catalogue.cases()]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"models/[a-z0-9-]+/[a-z0-9-]+", id) for id in ids)


def test_there_are_enough_models_in_both_halves() -> None:
    halves = Counter(model.half for model in catalogue.MODELS)
    assert sum(halves.values()) >= 14
    assert min(halves.values()) >= 7


def test_the_half_is_the_parity_of_the_first_digit_of_the_hash() -> None:
    for model in catalogue.MODELS:
        even = model.sha256[0] in "02468ace"
        assert model.half == ("chosen" if even else "validated")


def test_every_package_is_pinned_and_every_file_has_a_hash() -> None:
    for model in catalogue.MODELS:
        assert re.fullmatch(r"[a-z0-9-]+==[0-9.]+", model.package)
        assert re.fullmatch(r"[0-9a-f]{64}", model.sha256)


def test_who_can_read_an_answer_knows_the_right_one() -> None:
    given = [given for _, _, given in catalogue.cases()]
    assert all((one.read is None) == (one.right is None) for one in given)
    assert sum(one.right is not None for one in given) >= 10
