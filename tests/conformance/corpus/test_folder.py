"""Any corpus, not the standard's alone: parts, their joining, and what a hash covers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hal_conformance.corpus import Corpus, CorpusError, DataSet
from hal_conformance.corpus.folder import Part, Source, case_hash, join

from hal.spec import ModelFacts
from hal.tensor import Tensor

FACTS = ModelFacts(
    ir_version=10,
    opsets={"": 17},
    inputs=(),
    outputs=(),
    nodes=(),
    dtypes=frozenset({"float32"}),
)


def data(feed: float, expected: float | int) -> DataSet:
    return DataSet({"x": Tensor.of(np.float32(feed))}, (Tensor.of(np.asarray(expected)),))


def source(name: str = "ops/Add/1", *datasets: DataSet) -> Source:
    return Source(
        id=name,
        suite="ops",
        model=name.encode(),
        facts=FACTS,
        row={"suite": "ops", "opset": 17, "nodes": []},
        rtol=0.5,
        atol=0.25,
        datasets=datasets or (data(1.0, 2.0), data(3.0, 4.0)),
        judged_by=("bounds",),
    )


def corpus_of(folder: Path, *parts: list[Source]) -> Corpus:
    (folder / "models").mkdir()
    for number, sources in enumerate(parts):
        part = Part(folder, number)
        for each in sources:
            part.add(each)
        part.write()
    join(folder, len(parts), "ops", {"onnx": "1"})
    return Corpus.open(folder)


def test_a_corpus_of_parts_gives_back_what_was_put_in(tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path, [source("ops/Mul/1")], [source("ops/Add/1")])
    assert [case.id for case in corpus] == ["ops/Add/1", "ops/Mul/1"]
    case = corpus.case("ops/Add/1")
    assert (case.suite, case.kind, case.judged_by) == ("ops", "Add", ("bounds",))
    assert (case.rtol, case.atol, case.datasets) == (0.5, 0.25, 2)
    assert case.model.read_bytes() == b"ops/Add/1"
    loaded = corpus.load(case)
    assert [float(np.asarray(each.feeds["x"])) for each in loaded] == [1.0, 3.0]
    assert [float(np.asarray(each.expected[0])) for each in loaded] == [2.0, 4.0]


def test_parts_are_gone_once_they_are_joined(tmp_path: Path) -> None:
    corpus_of(tmp_path, [source()])
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "data.bin",
        "index.json",
        "manifest.json",
        "models",
        "rows.jsonl",
    ]


def test_a_case_in_two_parts_is_one_case(tmp_path: Path) -> None:
    assert len(corpus_of(tmp_path, [source()], [source()])) == 1


def test_a_case_that_two_parts_disagree_on_is_refused(tmp_path: Path) -> None:
    other = source("ops/Add/1", data(1.0, 2.0))
    with pytest.raises(CorpusError, match="ops/Add/1 was generated twice, and differently"):
        corpus_of(tmp_path, [source()], [other])


def test_the_hash_of_a_corpus_does_not_depend_on_its_parts(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, two = source("ops/Add/1"), source("ops/Add/2")
    together = corpus_of(tmp_path / "a", [one, two])
    apart = corpus_of(tmp_path / "b", [two], [one])
    assert (together.hash, together.goldens) == (apart.hash, apart.goldens)


def hash_of(changed: Source) -> str:
    return case_hash(changed, "model")


@pytest.mark.parametrize(
    "changed",
    [
        replace(source(), rtol=0.4),
        replace(source(), atol=0.4),
        replace(source(), judged_by=("standard",)),
        source("ops/Add/1", data(1.5, 2.0), data(3.0, 4.0)),
        source("ops/Add/1", data(1.0, 2), data(3.0, 4.0)),
        source("ops/Add/1", data(1.0, 2.0)),
    ],
)
def test_the_hash_of_a_case_changes_with_the_question(changed: Source) -> None:
    assert hash_of(changed) != hash_of(source())


def test_the_hash_of_a_case_changes_with_the_model() -> None:
    assert case_hash(source(), "a") != case_hash(source(), "b")


def test_the_hash_of_a_case_covers_whole_numbers_that_are_expected() -> None:
    assert hash_of(source("x", data(1.0, 2))) != hash_of(source("x", data(1.0, 3)))


def test_the_last_bit_of_a_golden_changes_the_goldens_hash_alone(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one = corpus_of(tmp_path / "a", [source("x/y/z", data(1.0, 2.0))])
    two = corpus_of(tmp_path / "b", [source("x/y/z", data(1.0, np.nextafter(2.0, 3.0)))])
    assert one.hash == two.hash
    assert one.goldens != two.goldens
