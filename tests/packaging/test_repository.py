"""What a reader of the repository would trip over."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

REGISTRY = re.compile(
    r"index[-_]url|find[-]links|files[.]pythonhosted|pypi[.]org/simple|registry[.]npmjs|"
    r"trusted[-]host|\"resolved\": *\"https?:"
)
BUILD_MACHINE = re.compile(r"(?:^|[^\w.])/(?:work|root|farm|tmp/pytest-of)/[A-Za-z.]")
BARE_IGNORE = re.compile(r"#\s*(?:type: ignore|pyright: ignore|noqa)\s*(?!\[|: ?[A-Z])")
UNEXPLAINED_IGNORE = re.compile(
    r"#\s*(?:(?:type|pyright): ignore\[[^]]*\]|noqa: ?[A-Z]+\d+(?:, ?[A-Z]+\d+)*)\s*$"
)
LATER = re.compile(r"\b(?:TODO|FIXME|XXX)\b")
SHARED = ("hal/", "conformance/")
CODE = ("hal/", "adapters/", "conformance/", "tests/", "benchmarks/", "examples/")
LINES = 420
BYTES = 1 << 20
LOCK_BYTES = 4 << 20
RESULTS_BYTES = 12 << 20
THIS = Path(__file__).name


@pytest.fixture(scope="module")
def texts(root: Path, tracked: list[str]) -> dict[str, str]:
    """Every tracked text file that is still there, but for this one, which names the sins."""
    found: dict[str, str] = {}
    for name in tracked:
        path = root / name
        if path.is_file() and path.name != THIS and b"\0" not in (data := path.read_bytes()):
            found[name] = data.decode()
    return found


def _hits(pattern: re.Pattern[str], texts: dict[str, str], under: tuple[str, ...]) -> list[str]:
    return [
        f"{name}:{number}: {line.strip()}"
        for name, text in texts.items()
        if name.startswith(under)
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_file_names_a_package_registry(texts: dict[str, str]) -> None:
    assert _hits(REGISTRY, texts, ("",)) == []


def test_no_file_names_a_path_of_the_machine_it_was_written_on(texts: dict[str, str]) -> None:
    assert _hits(BUILD_MACHINE, texts, ("",)) == []


def test_no_file_is_large(root: Path, tracked: list[str]) -> None:
    sizes = {name: (root / name).stat().st_size for name in tracked if (root / name).is_file()}
    results = {name: size for name, size in sizes.items() if name.startswith("docs/results/")}
    assert {
        name
        for name, size in sizes.items()
        if size > (LOCK_BYTES if name.endswith("/ops.lock") else BYTES) and name not in results
    } == set()
    assert sum(results.values()) <= RESULTS_BYTES


def test_every_code_file_is_short_enough_to_read(texts: dict[str, str]) -> None:
    lines = {
        name: text.count("\n")
        for name, text in texts.items()
        if name.startswith(CODE) and name.endswith(".py")
    }
    assert {name: count for name, count in lines.items() if count > LINES} == {}


def test_every_ignore_has_a_code(texts: dict[str, str]) -> None:
    assert _hits(BARE_IGNORE, texts, CODE) == []


def test_every_ignore_outside_the_tests_has_a_reason(texts: dict[str, str]) -> None:
    places = tuple(place for place in CODE if place != "tests/")
    assert _hits(UNEXPLAINED_IGNORE, texts, places) == []


def test_nothing_is_left_for_later_in_the_code(texts: dict[str, str]) -> None:
    assert _hits(LATER, texts, CODE) == []


def test_shared_code_imports_no_vendor(root: Path, texts: dict[str, str]) -> None:
    """Adapters are found through entry points, and their SDKs imported by them alone."""
    ours = [folder.name for folder in (root / "adapters").glob("hal_*")]
    sdks = [name.removeprefix("hal_") for name in ours if name != "hal_reference"]
    vendors = "|".join([*ours, *sdks])
    pattern = re.compile(
        rf"^\s*(?:import|from)\s+(?:{vendors})\b|import_module\(\"(?:{vendors})"
    )
    assert ours
    assert _hits(pattern, texts, SHARED) == []
