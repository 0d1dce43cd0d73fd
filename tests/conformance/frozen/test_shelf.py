"""Parts are made where they are missing, and again where they are damaged."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hal_conformance.corpus.values import CorpusError
from hal_conformance.frozen import storage
from hal_conformance.frozen.corpus import FrozenCorpus
from hal_conformance.frozen.making import Order
from hal_conformance.frozen.parts import file_of
from hal_conformance.frozen.shelf import Shelf
from hal_conformance.frozen.workshop import Workshop
from hal_conformance.making import in_silence

from hal.errors import InputError

SELU = "ops/Selu"


@pytest.fixture
def copy(shelf: Shelf, tmp_path: Path) -> Shelf:
    made = Shelf(tmp_path, jobs=1)
    shutil.copytree(shelf.folder, made.folder, dirs_exist_ok=True)
    return made


def case_of(corpus: FrozenCorpus) -> str:
    return next(case for case in corpus.frozen if case.startswith(f"{SELU}/"))


@pytest.mark.parametrize("kind", ["questions", "fp32"])
def test_a_damaged_file_is_made_again(copy: Shelf, kind: str) -> None:
    place = file_of(copy.folder, SELU, kind)
    whole = place.read_bytes()
    place.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    corpus = FrozenCorpus("ops", copy)
    question = corpus.question(case_of(corpus))
    assert corpus.known(question, "fp32")[0].expected
    assert place.read_bytes() == whole


def test_another_arithmetic_is_made_when_it_is_asked_for(copy: Shelf) -> None:
    corpus = FrozenCorpus("ops", copy)
    assert corpus.known(corpus.question(case_of(corpus)), "bf16")[0].expected
    assert file_of(copy.folder, SELU, "bf16").exists()


def test_what_is_there_is_not_made_again(copy: Shelf) -> None:
    told: list[int] = []
    copy.prepare([SELU], ["fp32"], lambda done, of: told.append(of))
    assert told == []


def test_two_builds_write_the_same_bytes(copy: Shelf, tmp_path: Path) -> None:
    again = Shelf(tmp_path / "again", jobs=1)
    again.prepare([SELU], ["fp32"], in_silence)
    for kind in ("questions", "fp32"):
        one, two = (file_of(shelf.folder, SELU, kind) for shelf in (copy, again))
        assert one.read_bytes() == two.read_bytes()


def test_an_unknown_case_is_said_to_be_none(corpus: FrozenCorpus) -> None:
    with pytest.raises(InputError, match="no case 'ops/Selu/1/float32/none' among the"):
        corpus.question("ops/Selu/1/float32/none")


def test_a_part_that_cannot_be_made_says_why(tmp_path: Path) -> None:
    with Workshop(1) as workshop, pytest.raises(CorpusError, match="could not be made"):
        list(workshop.make([Order(tmp_path, "ops/Selu", ["fp31"])], in_silence))


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    place = tmp_path / "x"
    place.write_bytes(b"something else that is long enough to have a header of its own")
    with pytest.raises(CorpusError, match="damaged"):
        storage.read(place)
    place.write_bytes(b"short")
    with pytest.raises(CorpusError, match="too short"):
        storage.read(place)
