"""Environments of targets: made when asked, found by what is in them, removed when asked.

An environment is a folder named after its specification, so that targets which ask for the same
packages share one, and a changed `requires` is another environment. A file in it, written last,
says that it is whole. It is made with uv where that is installed, else with `venv` and pip;
both read the requirements from a file, so that a line may be whatever they take there.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, TypeAlias

from hal.errors import HALError, InputError
from hal.paths import cache_folder
from hal.targets import EnvSpec, Target

Tool: TypeAlias = Literal["uv", "pip"]
Say: TypeAlias = Callable[[str], None]

WORKER_NEEDS = ("numpy", "ml_dtypes")
"""What every worker needs beside its vendor's packages; the vendor's pins choose which."""

_MARK = "onnx-hal.json"
_FACTS = """\
import importlib.metadata, json, platform
names = {d.metadata["Name"]: d.version for d in importlib.metadata.distributions()}
print(json.dumps({"python": platform.python_version(), "packages": names}))
"""


@dataclass(frozen=True, slots=True)
class Made:
    """An environment that is there: its folder, what made it, and what it holds by name."""

    folder: Path
    tool: str
    python: str
    packages: Mapping[str, str]

    @property
    def interpreter(self) -> str:
        """The path of its Python."""
        return str(_interpreter(self.folder))


def spec_of(target: Target) -> EnvSpec:
    """What the target's environment is to hold.

    Raises:
        InputError: the target has no environment of its own.
    """
    if target.env is None:
        raise InputError(
            f"target {target.name!r} has no environment of its own; give it one in a "
            "devices.yaml with env: {requires: [PACKAGE, ...]}",
            device=target.name,
        )
    return target.env


def folder(spec: EnvSpec) -> Path:
    """Where an environment of this specification lies, or would lie."""
    parts = [spec.python or _running(), [*spec.requires], sys.platform, platform.machine()]
    key = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
    return cache_folder() / "envs" / key


def found(spec: EnvSpec) -> Made | None:
    """The environment of this specification; None where it has not been made, or not whole."""
    place = folder(spec)
    try:
        told = json.loads((place / _MARK).read_text(encoding="utf-8"))
        made = Made(place, told["tool"], told["python"], told["packages"])
    except (OSError, ValueError, LookupError):
        return None
    return made if os.access(made.interpreter, os.X_OK) else None


def interpreter(target: Target) -> str:
    """The Python of the target's environment.

    Raises:
        InputError: the environment has not been made; the message says how to make it.
    """
    made = found(spec_of(target))
    if made is None:
        raise InputError(
            f"target {target.name!r} lives in an environment of its own, which has not been "
            f"made here; make it with: hal env create {target.name}",
            device=target.name,
        )
    return made.interpreter


def choose_tool() -> Tool:
    """What environments are made with where the user does not say: uv where there is one."""
    return "uv" if _uv() else "pip"


def create(spec: EnvSpec, *, tool: Tool | None = None, say: Say = print) -> Made:
    """Make the environment, unless it is there; `say` gets the tool's lines as they come.

    Raises:
        InputError: there is no such tool, or no such Python.
        HALError: the tool failed; nothing is left of the environment.
    """
    place = folder(spec)
    place.parent.mkdir(parents=True, exist_ok=True)
    with _alone(place):
        made = found(spec)
        if made is not None:
            return made
        shutil.rmtree(place, ignore_errors=True)  # half of one, from a run that was ended
        used = tool or choose_tool()
        try:
            _make(place, spec, used, say)
            told: dict[str, Any] = facts(str(_interpreter(place)))
            told |= {"tool": used, "spec": spec.to_json()}
            (place / _MARK).write_text(json.dumps(told, indent=1), encoding="utf-8")
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise
    return Made(place, used, told["python"], told["packages"])


def remove(spec: EnvSpec) -> bool:
    """Delete the environment; False where there is none."""
    place = folder(spec)
    if not place.exists():
        return False
    with _alone(place):
        (place / _MARK).unlink(missing_ok=True)  # first, so that what is left is not taken
        shutil.rmtree(place)
    return True


def facts(python: str) -> dict[str, Any]:
    """The version of an interpreter and its packages, as it tells them.

    Raises:
        HALError: it cannot be run.
    """
    try:
        done = subprocess.run(
            [python, "-c", _FACTS], env=_clean(), capture_output=True, text=True, check=True
        )
        told: dict[str, Any] = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        raise HALError(f"the interpreter {python} cannot be run: {error}") from error
    return told


def _make(place: Path, spec: EnvSpec, tool: Tool, say: Say) -> None:
    base = _base(spec.python)
    if tool == "uv":
        uv = _uv()
        if uv is None:
            raise InputError("uv is not installed; pip install uv, or use --tool pip")
        python = base or str(spec.python)  # which uv looks for, and fetches
        _run([uv, "venv", "--python", python, str(place)], say)
        install = [uv, "pip", "install", "--python", str(_interpreter(place))]
    else:
        if base is None:
            raise InputError(
                f"there is no Python {spec.python} here; install it (python{spec.python} on "
                "the PATH), or pip install uv, which fetches one"
            )
        _run([base, "-m", "venv", str(place)], say)
        install = [str(_interpreter(place)), "-m", "pip", "install"]
    listed = place / "requirements.txt"
    listed.write_text("\n".join([*spec.requires, *WORKER_NEEDS, ""]), encoding="utf-8")
    _run([*install, "-r", str(listed)], say)


def _run(command: Sequence[str], say: Say) -> None:
    """Run a tool, and pass on what it says.

    Raises:
        HALError: it could not be started, or failed; its last lines are in the message.
    """
    last: deque[str] = deque(maxlen=12)
    say(f"$ {' '.join(command)}")
    try:
        with subprocess.Popen(
            command,
            env=_clean(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as running:
            for line in running.stdout or ():
                last.append(line.rstrip())
                say(line.rstrip())
    except OSError as error:
        raise HALError(f"cannot run {command[0]}: {error}") from error
    if running.returncode:
        raise HALError(
            f"the environment was not made: {' '.join(command)} ended with status "
            f"{running.returncode}:\n" + "\n".join(last)
        )


def _clean() -> dict[str, str]:
    """The environment variables without those that put our packages before its own."""
    ours = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")
    return {name: value for name, value in os.environ.items() if name not in ours}


def _uv() -> str | None:
    if find_spec("uv") is None:
        return shutil.which("uv")
    return str(import_module("uv").find_uv_bin())


def _base(version: str | None) -> str | None:
    """An interpreter of that version which runs here: this one, on the PATH, or pyenv's."""
    if version is None or version == _running():
        return sys.executable
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    places = [shutil.which(f"python{version}"), *pyenv.glob(f"{version}.*/bin/python")]
    return next((str(place) for place in places if place and _is(place, version)), None)


def _is(python: str | Path, version: str) -> bool:
    """Whether it runs, and is of that version: a shim may be neither."""
    try:
        return str(facts(str(python))["python"]).startswith(f"{version}.")
    except HALError:
        return False


def _running() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def _interpreter(place: Path) -> Path:
    return place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


@contextmanager
def _alone(place: Path) -> Generator[None]:
    """Nobody else makes or removes this environment meanwhile; the end of a process lets go."""
    try:
        import fcntl
    except ImportError:  # Windows: two at once are not kept apart
        yield
        return
    with place.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
