"""The pytest plugin: the suite under pytest, for any device, from an installed wheel.

    pytest -p hal_conformance.plugin --pyargs hal_conformance.suite --target acme:0

Contract tests are ordinary test functions, so pytest's own options hold for them: -k, -x,
--pdb. With `--suite onnx` or `all` the standard's cases are items too, and with `--isolated`
every case runs in a worker that may die. A GAP (a clean `Unsupported`) and a promise that does
not concern the device are skips, with the reason. `hal conform` is this with retries,
expectations and reports. The fixtures (`suite/fixtures.py`) serve a vendor's own tests as well.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import hal.device
from hal import registry, targets
from hal.device import Device
from hal.errors import DeviceLost, HALError, Unsupported
from hal.targets import Target
from hal.worker.client import WorkerAdapter
from hal.worker.opening import adapter_of
from hal_conformance.runner import outcome
from hal_conformance.runner.api_suite import ApiSuite
from hal_conformance.runner.outcome import Observation
from hal_conformance.runner.standard_suite import StandardSuite
from hal_conformance.runner.suites import Suite
from hal_conformance.suite import promise
from hal_conformance.suite.fixtures import FIXTURES, Bench
from hal_conformance.suite.promise import Skip

_SUITE = Path(promise.__file__).parent
_CASES = _SUITE / "execute.py"  # the file whose items are cases, not functions
_NO_VERDICT = frozenset({"GAP", "SKIP", "COMPILED", "UNJUDGED"})


@dataclass(frozen=True)
class Asked:
    """What the command line asks for."""

    targets: dict[str, Target]
    suite: str
    isolated: bool

    @property
    def as_items(self) -> list[Suite]:
        """The suites whose cases are items of their own, not functions."""
        api: list[Suite] = [ApiSuite()] if self.suite != "onnx" and self.isolated else []
        standard: list[Suite] = [StandardSuite()] if self.suite != "api" else []
        return api + standard


_ASKED = pytest.StashKey[Asked]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("onnx-hal", "conformance of a device")
    group.addoption(
        "--target", action="append", default=[], metavar="NAME", help="a device; repeatable"
    )
    group.addoption(
        "--devices",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="a devices.yaml to read on top of the shipped one; repeatable",
    )
    group.addoption(
        "--suite",
        choices=("api", "onnx", "all"),
        default="api",
        help="contract tests, the standard's cases, or both (api)",
    )
    group.addoption(
        "--isolated", action="store_true", help="run each case in a worker that may die"
    )


def pytest_configure(config: pytest.Config) -> None:
    option = config.option
    try:
        named = {name: targets.resolve(name, option.devices) for name in option.target}
    except HALError as error:
        raise pytest.UsageError(str(error)) from error
    config.stash[_ASKED] = Asked(named, option.suite, option.isolated)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Drop the functions where their cases are items, or are not asked for."""
    asked = config.stash[_ASKED]
    wanted = asked.suite != "onnx" and not asked.isolated
    ours = collection_path.parent == _SUITE and collection_path.name.startswith("test_")
    return True if ours and not wanted else None


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if file_path != _CASES or not parent.config.stash[_ASKED].as_items:
        return None
    return CaseFile.from_parent(  # pyright: ignore[reportUnknownMemberType]  pytest's gap
        parent, path=file_path
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "bench" in metafunc.fixturenames:
        names = list(metafunc.config.stash[_ASKED].targets)
        metafunc.parametrize("bench", names, indirect=True, scope="session")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    ours = [item for item in items if _is_ours(item)]
    if ours and not config.stash[_ASKED].targets:
        raise pytest.UsageError("name a device: --target adapter:device")
    for item in ours:
        found = promise.of(getattr(item, "function", None))
        if found is not None:
            item.user_properties.append(("case", f"{promise.SUITE}/{found.name}"))


def _is_ours(item: pytest.Item) -> bool:
    return isinstance(item, CaseItem) or "bench" in getattr(item, "fixturenames", ())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    with _outcomes_are_skips(item):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    with _outcomes_are_skips(pyfuncitem):
        return (yield)


@contextmanager
def _outcomes_are_skips(item: pytest.Item) -> Generator[None, None, None]:
    """Turn a GAP, or a promise that does not concern the device, into a skip."""
    if not _is_ours(item):
        yield
        return
    try:
        yield
    except Skip as error:
        item.user_properties.append(("outcome", "SKIP"))
        raise pytest.skip.Exception(str(error)) from error
    except Unsupported as error:
        item.user_properties.append(("outcome", "GAP"))
        raise pytest.skip.Exception(f"GAP: {error.message}") from error


@pytest.fixture(scope="session")
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """One adapter instance with one target of the command line."""
    target = request.config.stash[_ASKED].targets[request.param]
    version = registry.entry(target.adapter).version
    made = Bench(adapter_of(target), target, version)
    yield made
    made.device.close()


@pytest.fixture(autouse=True)
def _concerned(request: pytest.FixtureRequest) -> None:
    """Skip a promise that needs what the device does not claim, before anything is compiled."""
    found = promise.of(getattr(request, "function", None))
    if found is not None:
        request.getfixturevalue("bench").require(found.needs)


def _fixture(name: str) -> Any:
    def made(bench: Bench) -> Iterator[object]:
        with FIXTURES[name](bench) as value:
            yield value

    made.__doc__ = FIXTURES[name].__doc__
    return pytest.fixture(name=name)(made)


device, raw, zoo, exe, feeds, again, folder = map(_fixture, FIXTURES)


class CaseFailed(Exception):
    """A case that ended in anything but PASS or a skip; the first argument is its outcome."""


class CaseFile(pytest.File):
    """The cases of the suites that are asked for, on every target."""

    def collect(self) -> Iterable[pytest.Item]:
        asked = self.config.stash[_ASKED]
        suites = [(suite, case) for suite in asked.as_items for case in suite.ids()]
        for name, target in asked.targets.items():
            lane = Lane(target, isolated=asked.isolated)
            self.config.add_cleanup(lane.close)
            for suite, case in suites:
                yield CaseItem.from_parent(  # pyright: ignore[reportUnknownMemberType]  same
                    self, name=f"{case}[{name}]", lane=lane, suite=suite, case=case
                )


class CaseItem(pytest.Item):
    """One case of a suite on one target."""

    def __init__(self, *, lane: Lane, suite: Suite, case: str, **more: Any) -> None:
        super().__init__(**more)  # pyright: ignore[reportUnknownMemberType]  pytest's gap
        self.lane, self.suite, self.case = lane, suite, case
        self.user_properties.append(("case", case))

    def runtest(self) -> None:
        seen = self.lane.observe(self.suite, self.case)
        self.user_properties.append(("outcome", seen.outcome))
        if seen.outcome in _NO_VERDICT:
            raise pytest.skip.Exception(f"{seen.outcome}: {seen.reason}")
        if seen.outcome != "PASS":
            raise CaseFailed(seen.outcome, seen.reason)

    def repr_failure(
        self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None
    ) -> Any:
        if isinstance(excinfo.value, CaseFailed):
            kind, reason = excinfo.value.args
            return f"{self.case}: {kind}: {reason}"
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, None, str]:
        return self.path, None, self.name


class Lane:
    """A target with the device that is open on it; a lost one is opened anew."""

    def __init__(self, target: Target, *, isolated: bool) -> None:
        self._target = target
        self._isolated = isolated
        self._device: Device | None = None

    def observe(self, suite: Suite, case: str) -> Observation:
        """Run a case; what the device does to it is an outcome, never an exception."""
        try:
            seen = suite.observe(self._open(), case)
        except HALError as error:
            if isinstance(error, DeviceLost):
                self.close()
            return outcome.of_error(error)
        return outcome.elsewhere(seen, self._target.options.allow_fallback)

    def _open(self) -> Device:
        if self._device is None:
            self._device = hal.device.open(self._target, isolated=self._isolated)
        return self._device

    def close(self) -> None:
        """Close the device, or let go of it where its worker is gone."""
        opened, self._device = self._device, None
        if opened is None:
            return
        if isinstance(opened.adapter, WorkerAdapter) and opened.adapter.is_lost:
            opened.adapter.close()
        else:
            opened.close()
