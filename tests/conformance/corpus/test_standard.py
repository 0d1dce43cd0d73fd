"""onnx's own suite as a corpus: all of it, always the same, whatever happens to the cache."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
from hal_conformance.corpus import Corpus, CorpusError, default_cache, standard
from hal_conformance.judge import judge
from hal_conformance.records import Outcome

from hal.errors import InputError
from hal.model import Model
from hal.tensor import Tensor, Value

HASH = "sha256:377e1ce703b8e419149669148b7b02706068e16f2026b54440647b4becc6d79e"
"""The corpus of onnx 1.23.2: the same on every machine."""


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache with the corpus in it."""
    folder = tmp_path_factory.mktemp("cache")
    standard(folder)
    return folder


@pytest.fixture(scope="module")
def corpus(cache: Path) -> Corpus:
    return standard(cache)


def folder_in(cache: Path) -> Path:
    (found,) = cache.glob("onnx-*")
    return found


def python(code: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-P", "-c", code, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )


OPEN = """
import sys
from hal_conformance.corpus import standard
corpus = standard(sys.argv[1])
print(len(corpus), corpus.hash, corpus.goldens, "onnx" in sys.modules)
"""


def test_it_is_all_of_the_standard_s_cases(corpus: Corpus) -> None:
    assert len({case.id for case in corpus}) == len(corpus) == 2033
    assert Counter(case.kind for case in corpus) == {
        "node": 1884,
        "pytorch-converted": 82,
        "pytorch-operator": 35,
        "real": 9,
        "simple": 23,
    }


def test_ids_are_those_of_the_standard_s_own_runner(corpus: Corpus) -> None:
    code = """
import json, onnx.backend.base, onnx.backend.test
backend = onnx.backend.test.BackendTest(onnx.backend.base.Backend)
print(json.dumps([name for case in backend.test_cases.values() for name in dir(case)]))
"""
    listed, _ = python(code, PYTHONWARNINGS="ignore").communicate()
    names = sorted(n for n in json.loads(listed) if n.startswith("test_"))
    names = [name.removesuffix("_cpu") for name in names if name.endswith("_cpu")]
    assert sorted(case.id.split("/")[2] for case in corpus) == sorted(names)


def test_the_corpus_is_the_one_that_results_are_compared_by(corpus: Corpus) -> None:
    assert corpus.hash == HASH


def test_cases_are_sorted_by_id(corpus: Corpus) -> None:
    assert [case.id for case in corpus] == sorted(case.id for case in corpus)


@dataclass(frozen=True)
class Builds:
    """Two builds at once in one cache, under different hash seeds: what each said and left."""

    outputs: list[str]
    codes: list[int]
    left: list[str]


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory) -> Builds:
    folder = tmp_path_factory.mktemp("builds")
    processes = [python(OPEN, str(folder), PYTHONHASHSEED=seed) for seed in ("1", "2")]
    outputs = [process.communicate()[0] for process in processes]
    return Builds(
        outputs=outputs,
        codes=[process.returncode for process in processes],
        left=[path.name for path in folder.iterdir()],
    )


def test_two_processes_that_build_at_once_both_succeed(builds: Builds) -> None:
    assert builds.codes == [0, 0]
    assert len(set(builds.outputs)) == 1


def test_two_processes_that_build_at_once_leave_one_corpus(builds: Builds, cache: Path) -> None:
    assert builds.left == [folder_in(cache).name]


def test_another_process_builds_the_same_to_the_last_bit(
    builds: Builds, corpus: Corpus
) -> None:
    assert builds.outputs[0].split() == ["2033", corpus.hash, corpus.goldens, "False"]


def test_an_installed_pillow_changes_nothing(corpus: Corpus, tmp_path: Path) -> None:
    (tmp_path / "PIL.py").write_text("raise RuntimeError('the standard used Pillow')")
    code = """
from hal_conformance.corpus import folder, onnx_suite
onnx_suite.settle()
for case in onnx_suite.cases("image_decoder"):
    print(case.id, folder.case_hash(case, __import__("hashlib").sha256(case.model).hexdigest()))
"""
    output, _ = python(code, PYTHONPATH=str(tmp_path)).communicate()
    assert dict(line.split() for line in output.splitlines()) == {
        case.id: case.hash for case in corpus if "test_image_decoder" in case.id
    }


def test_opening_needs_no_onnx(cache: Path) -> None:
    process = python(OPEN, str(cache))
    output, _ = process.communicate()
    assert output.split()[-1] == "False"


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("name", ["manifest.json", "index.json", "data.bin", "rows.jsonl"])
def test_a_damaged_cache_is_not_opened(cache: Path, tmp_path: Path, name: str) -> None:
    copy = shutil.copytree(folder_in(cache), tmp_path / "corpus")
    path = copy / name
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CorpusError, match="damaged"):
        Corpus.open(copy)


@pytest.mark.parametrize("name", ["index.json", "data.bin"])
def test_a_single_wrong_bit_is_damage(cache: Path, tmp_path: Path, name: str) -> None:
    copy = shutil.copytree(folder_in(cache), tmp_path / "corpus")
    flip(copy / name)
    with pytest.raises(CorpusError, match="damaged"):
        Corpus.open(copy)


def test_a_model_that_is_gone_is_damage(cache: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folder_in(cache), tmp_path / "corpus")
    next((copy / "models").iterdir()).unlink()
    with pytest.raises(CorpusError, match="missing"):
        Corpus.open(copy)


def test_a_changed_model_is_not_loaded(cache: Path, tmp_path: Path) -> None:
    copy = Corpus.open(shutil.copytree(folder_in(cache), tmp_path / "corpus"))
    flip(copy.cases[0].model)
    with pytest.raises(CorpusError, match="changed"):
        copy.load(copy.cases[0])


def test_changed_rows_are_not_read(cache: Path, tmp_path: Path) -> None:
    copy = Corpus.open(shutil.copytree(folder_in(cache), tmp_path / "corpus"))
    flip(copy.folder / "rows.jsonl")
    with pytest.raises(CorpusError, match="damaged"):
        copy.index_rows(copy.cases[:1])


@dataclass(frozen=True)
class Rebuilt:
    """A cache whose corpus was damaged, beside what killed builds had left, opened again."""

    corpus: Corpus
    cache: Path
    progress: list[tuple[int, int]]


@pytest.fixture(scope="module")
def rebuilt(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Rebuilt:
    copy = tmp_path_factory.mktemp("rebuilt")
    shutil.copytree(folder_in(cache), copy / folder_in(cache).name)
    flip(copy / folder_in(cache).name / "data.bin")
    (copy / ".building-young").mkdir()
    (copy / ".building-old").mkdir()
    os.utime(copy / ".building-old", (0, 0))
    seen: list[tuple[int, int]] = []
    corpus = standard(copy, progress=lambda done, cases: seen.append((done, cases)))
    return Rebuilt(corpus, copy, seen)


def test_a_damaged_cache_is_built_anew(rebuilt: Rebuilt, corpus: Corpus) -> None:
    assert (rebuilt.corpus.hash, rebuilt.corpus.goldens) == (corpus.hash, corpus.goldens)
    assert Corpus.open(folder_in(rebuilt.cache)).hash == corpus.hash


def test_progress_rises_to_all_cases(rebuilt: Rebuilt) -> None:
    assert rebuilt.progress == sorted(rebuilt.progress)
    assert rebuilt.progress[-1] == (2033, 2033)


def test_what_killed_builds_left_is_removed_a_day_later(rebuilt: Rebuilt) -> None:
    left = {path.name for path in rebuilt.cache.iterdir()}
    assert left == {".building-young", folder_in(rebuilt.cache).name}


def test_a_whole_cache_is_not_built(cache: Path) -> None:
    def refuse(done: int, cases: int) -> None:
        pytest.fail("it was built")

    standard(cache, progress=refuse)


def test_another_onnx_is_refused_with_the_line_to_type(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    real = metadata.version

    def version(name: str) -> str:
        return "1.19.0" if name == "onnx" else real(name)

    monkeypatch.setattr(metadata, "version", version)
    with pytest.raises(
        InputError, match=r"onnx 1\.19\.0 is installed.*pip install onnx==1\.23"
    ):
        standard(tmp_path)


def test_a_build_that_fails_says_why_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "onnx.py").write_text("raise RuntimeError('no onnx today')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(CorpusError, match="no onnx today"):
        standard(tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_generator_ends_when_its_parent_is_gone(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "hal_conformance.corpus.generate", "0", "1", str(tmp_path)],
        stdin=subprocess.PIPE,
    )
    assert process.stdin
    process.stdin.close()
    assert process.wait(timeout=5) == 1
    assert not list(tmp_path.glob("part-*"))


@pytest.mark.parametrize(
    ("platform", "variable", "place"),
    [
        ("linux", "XDG_CACHE_HOME", "onnx-hal/corpus"),
        ("win32", "LOCALAPPDATA", "onnx-hal/Cache/corpus"),
    ],
)
def test_the_cache_lies_where_the_platform_keeps_caches(
    monkeypatch: pytest.MonkeyPatch, platform: str, variable: str, place: str
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setenv(variable, "/somewhere")
    assert default_cache() == Path("/somewhere") / place


def test_the_cache_of_a_mac_lies_in_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert default_cache() == Path.home() / "Library/Caches/onnx-hal/corpus"


def tensors(value: Value) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    return [t for item in value for t in tensors(item)] if isinstance(value, list) else []


def test_every_case_s_golden_passes_its_own_judgement(corpus: Corpus) -> None:
    for case in corpus:
        for data in corpus.load(case):
            outcome, records = judge(case, case.facts.outputs, data.expected, data.expected)
            assert outcome is Outcome.PASS, (case.id, records)
            assert len(records) == len(case.facts.outputs)


def test_feeds_are_what_the_model_declares(corpus: Corpus) -> None:
    for case in corpus:
        for data in corpus.load(case):
            assert list(data.feeds) == [spec.name for spec in case.facts.inputs]
            for spec in case.facts.inputs:
                for tensor in tensors(data.feeds[spec.name]):
                    assert tensor.dtype.name == spec.dtype, case.id
                    assert tensor.array.dtype == tensor.dtype.numpy, case.id


def test_scalars_became_arrays(corpus: Corpus) -> None:
    (data,) = corpus.load(corpus.case("onnx/node/test_clip_example"))
    low = data.feeds["min"]
    assert isinstance(low, Tensor)
    assert isinstance(low.array, np.ndarray)
    assert low.shape == ()


def test_values_cannot_be_written_to(corpus: Corpus) -> None:
    for case in corpus:
        for data in corpus.load(case):
            for value in (*data.feeds.values(), *data.expected):
                assert all(not tensor.array.flags.writeable for tensor in tensors(value))


def test_the_empty_optional_is_none(corpus: Corpus) -> None:
    case = corpus.case("onnx/node/test_optional_has_element_empty_optional_input")
    assert list(corpus.load(case)[0].feeds.values()) == [None]


def test_sequences_hold_their_tensors(corpus: Corpus) -> None:
    (data,) = corpus.load(corpus.case("onnx/node/test_sequence_insert_at_back"))
    (sequence, inserted) = data.feeds.values()
    (result,) = data.expected
    assert isinstance(sequence, list)
    assert isinstance(result, list)
    assert isinstance(inserted, Tensor)
    np.testing.assert_array_equal(np.asarray(result[-1]), inserted.array)


def test_text_survives(corpus: Corpus) -> None:
    (data,) = corpus.load(corpus.case("onnx/node/test_string_concat"))
    (first, second) = (tensor.array for tensor in tensors(list(data.feeds.values())))
    (expected,) = tensors(list(data.expected))
    assert expected.array.tolist() == [a + b for a, b in zip(first, second, strict=True)]


def test_a_model_is_usable_without_parsing_and_its_facts_are_true(corpus: Corpus) -> None:
    for case in (*corpus.cases[::50], corpus.case("onnx/real/test_resnet50")):
        assert Model(case.model, facts=case.facts, digest=case.model_digest).facts is case.facts
        assert Model(case.model).facts == case.facts
        assert Model(case.model).digest == case.model_digest


def test_rows_name_the_nodes_of_the_facts(corpus: Corpus) -> None:
    rows = corpus.index_rows(corpus.cases)
    for case, row in zip(corpus.cases, rows, strict=True):
        assert (row.case, row.case_hash, row.suite) == (case.id, case.hash, "onnx")
        named = [(node.op, node.domain, node.version) for node in row.nodes]
        assert named == [(node.op, node.domain, node.version) for node in case.facts.nodes]


def test_a_row_says_what_its_case_exercises(corpus: Corpus) -> None:
    (row,) = corpus.index_rows([corpus.case("onnx/node/test_conv_with_strides_padding")])
    (node,) = row.nodes
    assert (node.op, node.version, node.types) == ("Conv", 22, {"T": "float32"})
    assert node.attributes["strides"] == [2, 2]
    assert node.inputs == ["float32[1,1,7,5]", "float32[1,1,3,3]"]
    assert node.outputs == ["float32[1,1,4,3]"]


def test_rows_reach_into_subgraphs(corpus: Corpus) -> None:
    (row,) = corpus.index_rows([corpus.case("onnx/node/test_if")])
    assert [node.op for node in row.nodes] == ["If", "Constant", "Constant"]


def test_tolerances_are_the_standard_s(corpus: Corpus) -> None:
    assert Counter((case.rtol, case.atol) for case in corpus) == {
        (1e-3, 1e-7): 2032,
        (2e-3, 1e-7): 1,
    }
    assert corpus.case("onnx/real/test_densenet121").rtol == 2e-3


def test_an_unknown_case_is_named(corpus: Corpus) -> None:
    with pytest.raises(InputError, match="no case 'onnx/node/test_nothing' among the 2033"):
        corpus.case("onnx/node/test_nothing")
