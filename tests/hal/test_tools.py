"""Vendors' tools: what their ends mean."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from hal import tools
from hal.errors import DeviceLost, SDKMissing


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


def test_a_status_and_both_streams_are_told(tmp_path: Path) -> None:
    code = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"
    ended = tools.run(python(code), "it", folder=tmp_path)
    assert (ended.status, ended.out, ended.err) == (3, "out\n", "err\n")


def test_an_end_by_a_signal_is_a_crash_that_names_it(tmp_path: Path) -> None:
    code = "import os; print('last words', flush=True); os.kill(os.getpid(), 11)"
    with pytest.raises(DeviceLost, match="the tool was ended by SIGSEGV") as caught:
        tools.run(python(code), "the tool", folder=tmp_path)
    assert caught.value.signal == 11
    assert caught.value.stderr == "last words"


def test_a_long_dying_speech_keeps_its_beginning_and_its_end(tmp_path: Path) -> None:
    code = "import os; print('first' + 'x' * 9999 + 'last', flush=True); os.abort()"
    with pytest.raises(DeviceLost) as caught:
        tools.run(python(code), "the tool", folder=tmp_path)
    words = caught.value.stderr or ""
    assert words.startswith("first")
    assert words.endswith("last")
    assert len(words) < 5000


def test_one_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    with pytest.raises(DeviceLost, match=r"did not end within 0\.2 s") as caught:
        tools.run(python("import time; time.sleep(60)"), "it", folder=tmp_path, timeout_s=0.2)
    assert caught.value.timed_out


def test_it_runs_in_the_folder_with_the_variables_given(tmp_path: Path) -> None:
    code = "import os; print(os.getcwd(), os.environ['WHERE'], bool(os.environ.get('PATH')))"
    ended = tools.run(python(code), "it", folder=tmp_path, env={"WHERE": "here"})
    assert ended.out.split() == [str(tmp_path.resolve()), "here", "True"]


def test_a_package_is_found_without_importing_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "acme_tools").mkdir()
    (tmp_path / "acme_tools" / "__init__.py").write_text("raise RuntimeError", encoding="utf-8")
    (tmp_path / "acme_plain").mkdir()
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    for name in ("acme_tools", "acme_plain"):
        assert tools.package_folder(name, "It is not here", "pip") == tmp_path / name


def test_a_package_that_is_missing_says_what_installs_it() -> None:
    with pytest.raises(SDKMissing, match="It is not here: pip install it") as caught:
        tools.package_folder("acme_missing", "It is not here", "pip install it")
    assert caught.value.install == "pip install it"
