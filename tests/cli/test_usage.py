"""Help, version, errors and exit codes, whatever the command."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import hal as package

Hal = Callable[..., Any]

COMMANDS = ("devices", "inspect", "run", "bench")
HAL = Path(sys.executable).parent / "hal"


def test_the_version_is_the_packages(hal: Hal) -> None:
    assert hal("--version").out == f"onnx-hal {package.__version__}\n"


def test_the_version_loads_neither_typer_nor_numpy(folder: Path) -> None:
    code = (
        "import sys, hal.cli\n"
        "try: hal.cli.main(['--version'])\n"
        "except SystemExit: print({'typer', 'numpy', 'onnx', 'pydantic'} & set(sys.modules))"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert out.stdout.splitlines()[-1] == "set()"


@pytest.mark.parametrize("program", [[HAL], [HAL.with_name("onnx-hal")]])
def test_both_names_are_the_same_command(program: list[Path]) -> None:
    module = subprocess.run([sys.executable, "-m", "hal"], capture_output=True, check=True)
    done = subprocess.run(program, capture_output=True, check=True)
    assert done.stdout == module.stdout


def test_the_help_lists_every_command(hal: Hal) -> None:
    done = hal("--help")
    assert done.code == 0
    assert [word for word in COMMANDS if f"\n  {word} " not in done.out] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_help_has_examples_and_exit_codes(hal: Hal, command: str) -> None:
    done = hal(command, "--help")
    assert done.code == 0
    assert f"\n    hal {command}" in done.out.split("Examples:")[1]
    codes = done.out.split("Exit codes:")[1].split("\n\n")[0].splitlines()
    listed = {line.split()[0] for line in codes if line.strip()}
    assert {"0", "2", "3", "4"} <= listed


@pytest.mark.parametrize("command", COMMANDS)
def test_a_help_fits_a_terminal_of_eighty_columns(hal: Hal, command: str) -> None:
    assert max(map(len, hal(command, "--help").out.splitlines())) <= 80


WRONG = {
    "no such command": (["conjure"], "No such command"),
    "no such option": (["devices", "--colour"], "No such option"),
    "no model": (["run", "-d", "reference"], "Missing argument"),
    "no target": (["run", "conv.onnx"], "Missing option"),
    "a model that is not there": (["run", "no.onnx", "-d", "reference"], "no model at no.onnx"),
    "a model that is none": (["inspect", "devices.yaml"], "is not an ONNX model"),
    "a target nobody named": (
        ["run", "conv.onnx", "-d", "referense"],
        "did you mean 'reference'",
    ),
    "half an input": (["run", "conv.onnx", "-d", "reference", "-i", "x"], "NAME=FILE.npy"),
    "an input it lacks": (
        ["run", "conv.onnx", "-d", "reference", "-i", "x=random"],
        "no input",
    ),
    "a dimension it lacks": (
        ["bench", "conv.onnx", "-d", "reference", "--dim", "M=2"],
        "has N",
    ),
    "a devices file that is not there": (["devices", "--devices", "no.yaml"], "no.yaml"),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_wrong_usage_is_one_message_and_code_2(hal: Hal, conv: Path, mistake: str) -> None:
    (conv.parent / "devices.yaml").write_text("targets: {}\n")
    words, told = WRONG[mistake]
    done = hal(*words)
    assert done.code == 2, done
    assert told in done.err
    assert done.err.startswith("hal: ")
    assert "Traceback" not in done.err
    assert done.out == ""


@pytest.mark.parametrize("target", ["nobody:0", "onnxruntime:gpu.77"])
def test_no_such_adapter_or_device_is_code_3(hal: Hal, conv: Path, target: str) -> None:
    done = hal("run", conv, "-d", target)
    assert done.code == 3, done
    assert "Traceback" not in done.err


def test_a_missing_sdk_is_code_3_with_the_line_to_type(
    hal_with_toys: Hal, double: Path
) -> None:
    done = hal_with_toys("run", double, "-d", "toy-without-sdk:0")
    assert done.code == 3, done
    assert "pip install hal-toy" in done.err


@pytest.mark.parametrize("target", ["segfaults", "hangs", "raises", "dies-compiling"])
def test_a_run_that_breaks_is_one_message_and_code_4(
    hal_with_toys: Hal, double: Path, target: str
) -> None:
    done = hal_with_toys("run", double, "-d", target)
    assert done.code == 4, done
    assert done.err.startswith("hal: ")
    assert "Traceback" not in done.err.replace("  | ", "").split("\n")[0]


def test_a_crash_names_its_signal(hal_with_toys: Hal, double: Path) -> None:
    assert "SIGSEGV" in hal_with_toys("run", double, "-d", "segfaults").err


def test_a_hang_says_how_to_allow_more(hal_with_toys: Hal, double: Path) -> None:
    assert "--timeout" in hal_with_toys("run", double, "-d", "hangs").err


def test_debug_shows_the_traceback(hal: Hal) -> None:
    done = hal("--debug", "run", "no.onnx", "-d", "reference")
    assert done.code == 2
    assert "Traceback" in done.err
    assert "hal: no model at no.onnx" in done.err


@pytest.mark.parametrize(
    ("words", "kind", "code"),
    [
        (["run", "no.onnx", "-d", "reference", "--json"], "InputError", 2),
        (["run", "double.onnx", "--json", "-d", "nobody:0"], "AdapterError", 3),
        (["run", "double.onnx", "--json", "-d", "segfaults"], "DeviceLost", 4),
        (["run", "double.onnx", "--json"], "UsageError", 2),
        (["bench", "--json", "--seconds", "soon"], "UsageError", 2),
    ],
)
def test_with_json_a_failure_is_an_object_on_stdout(
    hal_with_toys: Hal, double: Path, words: list[str], kind: str, code: int
) -> None:
    done = hal_with_toys(*words)
    assert done.code == code
    assert done.json["error"]["kind"] == kind
    assert done.json["error"]["exit_code"] == code
    assert done.json["error"]["message"] in done.err


def test_with_json_a_crash_carries_its_fields(hal_with_toys: Hal, double: Path) -> None:
    done = hal_with_toys("run", double, "-d", "segfaults", "--json")
    assert done.json["error"]["fields"]["signal"] == signal.SIGSEGV


@pytest.mark.parametrize("where", [[], ["--in-process"]])
def test_with_json_a_vendor_that_prints_on_descriptor_1_spoils_nothing(
    hal_with_toys: Hal, double: Path, where: list[str]
) -> None:
    done = hal_with_toys("run", double, "-d", "prints", "--json", *where)
    assert done.code == 0, done
    assert done.json["target"] == "prints"


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_a_reader_who_leaves_early_is_no_error(conv: Path, form: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command: list[str | Path] = [HAL, "inspect", conv, "--no-targets", *form]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
def test_ctrl_c_ends_the_command_and_its_workers_with_130(folder: Path, double: Path) -> None:
    toy = Path(__file__).parents[1] / "fixtures" / "toy"
    program = subprocess.Popen(
        [HAL, "bench", double, "-d", "toy:0", "--seconds", "100"],
        env={**os.environ, "PYTHONPATH": str(toy)},
        stderr=subprocess.PIPE,
        text=True,
    )
    children = _children_of(program.pid)
    program.send_signal(signal.SIGINT)
    _, err = program.communicate(timeout=10)
    assert program.returncode == 130
    assert err == "hal: interrupted\n"
    assert not [child for child in children if Path(f"/proc/{child}").exists()]


def _children_of(pid: int) -> list[str]:
    """Its child processes, once it has one."""
    place = Path(f"/proc/{pid}/task/{pid}/children")
    if not place.exists():
        pytest.skip("this system does not list a process's children")
    until = time.monotonic() + 30
    while time.monotonic() < until:
        found = place.read_text().split()
        if found:
            time.sleep(1)  # it is being prepared, or spinning: both must end at once
            return found
        time.sleep(0.05)
    raise AssertionError("the command started no worker within 30 s")
