"""What a run takes: every legal array, unchanged; everything else is the caller's error."""

from __future__ import annotations

import numpy as np

from hal.device import Device
from hal.errors import InputError
from hal.executable import Executable
from hal.tensor import Array
from hal_conformance.suite import check
from hal_conformance.suite.models import Zoo
from hal_conformance.suite.promise import promise


@promise("feeds/are-not-modified")
def test_feeds_are_not_modified(exe: Executable, zoo: Zoo, feeds: dict[str, Array]) -> None:
    exe(feeds)
    check.same_all(feeds, zoo.feeds(), "feed")


@promise("feeds/not-contiguous", "computes")
def test_arrays_need_not_be_contiguous(
    exe: Executable, zoo: Zoo, feeds: dict[str, Array]
) -> None:
    promised = zoo.arithmetic_of(feeds)
    for how, view in _VIEWS.items():
        views = {name: view(array) for name, array in feeds.items()}
        check.equal(views["left"].flags.c_contiguous, False, f"{how} view is contiguous")
        check.same_all(exe(views), promised, f"{how} output")


@promise("feeds/broadcast-views", "computes")
def test_arrays_may_repeat_their_elements(exe: Executable, zoo: Zoo) -> None:
    row = zoo.array([21, 22, 23])
    feeds = {"left": np.broadcast_to(row, (2, 3)), "right": np.broadcast_to(row, (2, 3))}
    promised = {"total": np.stack([row + row] * 2), "difference": np.stack([row - row] * 2)}
    check.same_all(exe(feeds), promised)


@promise("feeds/misaligned", "computes")
def test_arrays_need_not_be_aligned(exe: Executable, zoo: Zoo, feeds: dict[str, Array]) -> None:
    moved = {name: _misaligned(array) for name, array in feeds.items()}
    check.same_all(exe(moved), zoo.arithmetic_of(feeds))


@promise("feeds/read-only", "computes")
def test_arrays_may_be_read_only(exe: Executable, zoo: Zoo, feeds: dict[str, Array]) -> None:
    for array in feeds.values():
        array.flags.writeable = False
    check.same_all(exe(feeds), zoo.arithmetic_of(feeds))


@promise("feeds/borrowed-memory", "computes")
def test_arrays_may_borrow_their_memory(
    exe: Executable, zoo: Zoo, feeds: dict[str, Array]
) -> None:
    borrowed = {
        name: np.frombuffer(bytearray(array.tobytes()), array.dtype).reshape(array.shape)
        for name, array in feeds.items()
    }
    check.same_all(exe(borrowed), zoo.arithmetic_of(feeds))


@promise("feeds/zero-size", "computes")
def test_arrays_may_be_empty(device: Device, zoo: Zoo) -> None:
    feeds = zoo.feeds(rows=0)
    with device.compile(zoo.arithmetic(0)) as exe:
        check.same_all(exe(feeds), zoo.arithmetic_of(feeds))


@promise("feeds/rank-zero", "computes")
def test_arrays_may_have_rank_zero(device: Device, zoo: Zoo) -> None:
    with device.compile(zoo.scalar()) as exe:
        check.same(exe({"x": zoo.array(21)})["y"], zoo.array(42), "y")


@promise("feeds/unknown-name-is-refused")
def test_a_feed_of_an_unknown_name_is_refused(
    device: Device, zoo: Zoo, feeds: dict[str, Array]
) -> None:
    with device.compile(zoo.chain()) as exe:
        for name in ("hidden", "nobody"):  # an intermediate value, and nothing at all
            with check.refuses(InputError, what=f"a feed {name!r}", saying=name):
                exe({**feeds, name: feeds["left"]})


@promise("feeds/missing-name-is-refused")
def test_a_missing_feed_is_refused(exe: Executable, feeds: dict[str, Array]) -> None:
    for name in ("left", "right"):
        others = {other: array for other, array in feeds.items() if other != name}
        with check.refuses(InputError, what=f"no feed {name!r}", saying=name):
            exe(others)


@promise("feeds/wrong-type-is-refused")
def test_a_feed_of_a_wrong_type_is_refused(exe: Executable, feeds: dict[str, Array]) -> None:
    for wrong in (np.float64, np.int64, np.bool_):
        if feeds["left"].dtype != wrong:
            given = {**feeds, "left": feeds["left"].astype(wrong)}
            with check.refuses(InputError, what=f"left as {wrong.__name__}", saying="left"):
                exe(given)


@promise("feeds/wrong-rank-is-refused")
def test_a_feed_of_a_wrong_rank_is_refused(exe: Executable, feeds: dict[str, Array]) -> None:
    left = feeds["left"]
    for wrong in (left[0], left[np.newaxis], left.reshape(-1)):
        with check.refuses(InputError, what=f"left of shape {wrong.shape}", saying="left"):
            exe({**feeds, "left": wrong})


@promise("feeds/wrong-shape-is-refused")
def test_a_feed_of_a_wrong_shape_is_refused(exe: Executable, feeds: dict[str, Array]) -> None:
    left = feeds["left"]
    for wrong in (left[:1], left[:, :1], left[:0], left.T):
        with check.refuses(InputError, what=f"left of shape {wrong.shape}", saying="left"):
            exe({**feeds, "left": wrong})


@promise("feeds/unequal-symbols-are-refused", "dynamic_shapes")
def test_one_symbol_cannot_have_two_values(device: Device, zoo: Zoo) -> None:
    left, right = zoo.feeds(rows=4)["left"], zoo.feeds(rows=1)["right"]
    with (
        device.compile(zoo.arithmetic("N")) as exe,
        check.refuses(InputError, what="N = 4 and N = 1 in one run"),
    ):
        exe({"left": left, "right": right})


def _misaligned(array: Array) -> Array:
    """The same values, one byte off every alignment."""
    buffer = np.zeros(array.nbytes + 1, np.uint8)
    moved = buffer[1:].view(array.dtype).reshape(array.shape)
    moved[...] = array
    return moved


def _transposed(array: Array) -> Array:
    return np.ascontiguousarray(array.T).T


def _reversed(array: Array) -> Array:
    return np.ascontiguousarray(array[::-1, ::-1])[::-1, ::-1]


def _strided(array: Array) -> Array:
    wide = np.zeros((array.shape[0] * 2, array.shape[1] * 3), array.dtype)
    wide[::2, ::3] = array
    return wide[::2, ::3]


_VIEWS = {"transposed": _transposed, "reversed": _reversed, "strided": _strided}
