"""Promises: what a contract test is called, what it needs, and where to find it.

A contract test is a plain function under `@promise("results/survive-the-next-run")`. Its case
is `api/results/survive-the-next-run`, whatever file or function holds it. `catalogue` lists all
of them by reading the sources, without importing them; `find` imports the module it needs.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypeVar, get_args

from hal.errors import InputError
from hal.spec import FEATURES

SUITE = "api"
PACKAGE = __package__ or "hal_conformance.suite"
TIMEOUT_S = 60.0
_SHARED = (
    "check.py",
    "complaint.py",
    "crowd.py",
    "fixtures.py",
    "hostile.py",
    "models.py",
)  # what every test leans on

Need: TypeAlias = Literal[
    "computes",
    "bind",
    "deterministic",
    "dynamic_shapes",
    "placement",
    "profile",
    "query",
    "save",
]
"""A claim of the device that a test is about, or `computes`: the device is no null device."""


class Skip(Exception):
    """This promise does not concern this device; the message says why."""


@dataclass(frozen=True, slots=True)
class Promise:
    """One contract test; `name` has no suite in front."""

    name: str
    function: Callable[..., None]
    needs: tuple[Need, ...]

    @property
    def fixtures(self) -> tuple[str, ...]:
        """The names of the fixtures the function takes."""
        code = self.function.__code__
        return code.co_varnames[: code.co_argcount]


@dataclass(frozen=True, slots=True)
class Case:
    """One contract test as a run lists it; `hash` changes when the test or its helpers do.

    A test that has not ended after `timeout_s` is hanging.
    """

    id: str
    hash: str
    module: str
    function: str
    timeout_s: float


_promises: dict[str, Promise] = {}
_Test = TypeVar("_Test", bound=Callable[..., None])


def promise(
    name: str,
    *needs: Need,
    timeout_s: float = TIMEOUT_S,  # noqa: ARG001  read from the source by `catalogue`
) -> Callable[[_Test], _Test]:
    """Register a contract test under a name that stays when files and functions move.

    Args:
        name: group/sentence-in-lower-case.
        needs: what the device must claim; without it, the case is a SKIP.
        timeout_s: when a test that has not ended is hanging; a number written out.
    """
    unknown = set(needs) - set(get_args(Need))
    if unknown or not set(needs) <= {*FEATURES, "computes"}:
        raise InputError(f"promise {name!r} needs {sorted(needs)}; known are {get_args(Need)}")

    def register(function: _Test) -> _Test:
        known = _promises.get(name)
        if known is not None and known.function.__qualname__ != function.__qualname__:
            raise InputError(f"two contract tests promise {name!r}")
        _promises[name] = Promise(name, function, needs)
        return function

    return register


def of(function: Any) -> Promise | None:
    """The promise that a test function keeps; None for anybody else's function."""
    return next((p for p in _promises.values() if p.function is function), None)


def find(case: str) -> Promise:
    """The promise behind a case id.

    Raises:
        InputError: there is no such case.
    """
    listed = {entry.id: entry for entry in catalogue()}
    if case not in listed:
        raise InputError(f"no contract test {case!r}; there are {len(listed)}, in {PACKAGE}")
    import_module(f"{PACKAGE}.{listed[case].module}")
    return _promises[case.removeprefix(f"{SUITE}/")]


@lru_cache(maxsize=1)
def catalogue() -> tuple[Case, ...]:
    """Every contract test, sorted by id.

    Raises:
        InputError: two tests promise the same.
    """
    folder = Path(__file__).parent
    shared = hashlib.sha256()
    for name in _SHARED:
        shared.update((folder / name).read_bytes())
    cases: dict[str, Case] = {}
    for path in sorted(folder.glob("test_*.py")):
        for case in cases_of(path, shared.digest()):
            if case.id in cases:
                raise InputError(f"two contract tests promise {case.id!r}")
            cases[case.id] = case
    return tuple(cases[name] for name in sorted(cases))


def cases_of(path: Path, shared: bytes) -> Iterator[Case]:
    """The contract tests of one file; `shared` stands for the helpers they lean on."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    for node in ast.parse(text).body:
        if not isinstance(node, ast.FunctionDef):
            continue
        found = next(filter(None, map(_promised, node.decorator_list)), None)
        if found is not None:
            name, timeout_s = found
            source = "\n".join(lines[node.decorator_list[0].lineno - 1 : node.end_lineno])
            digest = hashlib.sha256(shared + source.encode()).hexdigest()
            yield Case(f"{SUITE}/{name}", f"sha256:{digest}", path.stem, node.name, timeout_s)


def _promised(decorator: ast.expr) -> tuple[str, float] | None:
    """The name and the time limit of a promise; None for any other decorator."""
    match decorator:
        case ast.Call(
            func=ast.Name(id="promise"),
            args=[ast.Constant(value=str(name)), *_],
            keywords=keywords,
        ):
            limits = [k.value.value for k in keywords if isinstance(k.value, ast.Constant)]
            return name, next((float(s) for s in limits if isinstance(s, int)), TIMEOUT_S)
        case _:
            return None
