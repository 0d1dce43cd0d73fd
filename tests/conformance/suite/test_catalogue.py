"""The list of contract tests: ids that last, hashes that change with what they stand for."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from importlib import import_module
from pathlib import Path

import pytest
from hal_conformance import suite
from hal_conformance.suite import promise
from hal_conformance.suite.fixtures import FIXTURES

from hal.errors import InputError

CASES = suite.cases()
_FOLDER = Path(promise.__file__).parent


def test_an_id_is_group_and_sentence() -> None:
    wrong = [
        c.id for c in CASES if not re.fullmatch(r"api/[a-z]+(/[a-z0-9]+(-[a-z0-9]+)*)", c.id)
    ]
    assert wrong == []


def test_every_test_function_of_the_suite_is_a_case() -> None:
    written = Counter(
        (path.stem, name)
        for path in _FOLDER.glob("test_*.py")
        for name in re.findall(
            r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE
        )
    )
    assert written == Counter((case.module, case.function) for case in CASES)


def test_a_case_finds_its_function() -> None:
    for case in CASES:
        found = promise.find(case.id)
        assert found.function.__name__ == case.function
        assert found.fixtures
        assert set(found.fixtures) <= set(FIXTURES)


def test_a_test_function_knows_its_promise() -> None:
    case = CASES[0]
    module = import_module(f"hal_conformance.suite.{case.module}")
    found = promise.of(getattr(module, case.function))
    assert found is not None
    assert f"api/{found.name}" == case.id
    assert promise.of(test_a_case_finds_its_function) is None


def test_an_unknown_case_is_refused() -> None:
    with pytest.raises(InputError, match="no contract test 'api/nothing/at-all'"):
        promise.find("api/nothing/at-all")


def test_a_promise_cannot_be_made_twice() -> None:
    def test_something_else() -> None:
        """Promise nothing."""

    taken = CASES[0].id.removeprefix("api/")
    promise.find(CASES[0].id)
    with pytest.raises(InputError, match="two contract tests promise"):
        promise.promise(taken)(test_something_else)


def test_a_promise_can_need_known_claims_only() -> None:
    with pytest.raises(InputError, match="telepathy"):
        promise.promise("group/name", "telepathy")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def test_tests_of_many_rounds_may_take_longer() -> None:
    limits = {case.id: case.timeout_s for case in CASES}
    assert limits["api/results/values"] == promise.TIMEOUT_S
    assert limits["api/leaks/memory-of-programs"] > 2 * promise.TIMEOUT_S


def test_no_two_cases_have_one_hash() -> None:
    assert len({case.hash for case in CASES}) == len(CASES)


def test_a_hash_changes_with_its_test_alone(tmp_path: Path) -> None:
    text = (
        '@promise("group/one")\ndef test_one(): pass\n\n'
        '@promise("group/two", "computes")\ndef test_two(): pass\n'
    )
    path = tmp_path / "test_some.py"
    path.write_text(text)
    one, two = promise.cases_of(path, b"")
    path.write_text("import os\n\n" + text.replace("test_two(): pass", "test_two(): return"))
    one_now, two_now = promise.cases_of(path, b"")
    assert (one.id, two.id) == ("api/group/one", "api/group/two")
    assert one_now == one
    assert two_now.hash != two.hash
    assert [case.hash for case in promise.cases_of(path, b"other")] != [
        one_now.hash,
        two_now.hash,
    ]


def test_listing_imports_no_test_framework_and_no_model_library() -> None:
    script = (
        "import sys, json; from hal_conformance import suite; n = len(suite.cases());"
        "print(json.dumps([n, sorted({'pytest', 'onnx', 'numpy'} & set(sys.modules))]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == [len(CASES), []]


def test_no_vendor_is_named() -> None:
    vendors = re.compile(
        r"onnxruntime|openvino|tensorrt|\btvm\b|\biree\b|tinygrad|qualcomm|\bqnn\b"
    )
    named = [
        path.name for path in _FOLDER.glob("*.py") if vendors.search(path.read_text().lower())
    ]
    assert named == []
