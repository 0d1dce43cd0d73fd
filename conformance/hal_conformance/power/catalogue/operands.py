"""Operands lost, counted twice, exchanged or transposed; weights laid out otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from hal.tensor import Tensor, Value
from hal_conformance.numerics.arithmetic import Array
from hal_conformance.power.fault import (
    Call,
    Fault,
    Mutate,
    Operator,
    Values,
    among,
    changing_input,
    taking,
    with_array,
)

LOST, LAYOUT = "operand lost or mixed up", "layout and order"
CONVOLUTIONS = ("Conv", "ConvTranspose", "ConvInteger", "QLinearConv", "DeformConv")
PRODUCTS = ("MatMul", "Gemm", "MatMulInteger", "QLinearMatMul", "Einsum")
_IMAGES = (
    *CONVOLUTIONS,
    *("AveragePool", "MaxPool", "LpPool", "GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool"),
    *("Resize", "GridSample", "RoiAlign", "MaxRoiPool", "LRN", "InstanceNormalization"),
    *("GroupNormalization", "BatchNormalization", "DepthToSpace", "SpaceToDepth", "MaxUnpool"),
)


def _many(operator: Operator) -> bool:
    variadic = any("Variadic" in str(formal.option) for formal in operator.newest.inputs)
    return len(operator.inputs) > 1 or variadic


def _variadic(operator: Operator) -> bool:
    return any("Variadic" in str(formal.option) for formal in operator.newest.inputs)


def _optional_at(place: int) -> Callable[[Operator], bool]:
    def where(operator: Operator) -> bool:
        formals = list(operator.newest.inputs)
        return place < len(formals) and "Optional" in str(formals[place].option)

    return where


def _at_least(count: int) -> Callable[[Operator], bool]:
    return lambda operator: len(operator.inputs) > count


def _without(place: int) -> Mutate:
    def mutate(call: Call) -> Values:
        if place >= len(call.inputs) or call.inputs[place] is None:
            return call.evaluate()
        return call.evaluate(call.replaced(place, None))

    return mutate


def _scaled(value: Value, factor: float) -> Value:
    if not isinstance(value, Tensor) or value.dtype.name in ("string", "bool"):
        return value
    return with_array(value, value.array * value.array.dtype.type(factor))


def _exchanged(a: int, b: int) -> Mutate:
    def mutate(call: Call) -> Values:
        if len(call.inputs) <= max(a, b):
            return call.evaluate()
        order = list(call.inputs)
        order[a], order[b] = order[b], order[a]
        return call.evaluate(order)

    return mutate


def _twice(a: int, b: int) -> Mutate:
    """The operand at b is read from where a is."""

    def mutate(call: Call) -> Values:
        if len(call.inputs) <= max(a, b) or call.inputs[b] is None:
            return call.evaluate()
        return call.evaluate(call.replaced(b, call.inputs[a]))

    return mutate


def _zeroed(place: int) -> Mutate:
    def mutate(call: Call) -> Values:
        given = call.tensor(place)
        if given is None or given.dtype.name == "string":
            return call.evaluate()
        zeros = with_array(given, np.zeros(given.shape, given.array.dtype))
        return call.evaluate(call.replaced(place, zeros))

    return mutate


def _listed(change: Callable[[Sequence[Value]], Sequence[Value]]) -> Mutate:
    """The operands of a variadic input changed."""

    def mutate(call: Call) -> Values:
        fixed = len(call.operator.inputs) - 1
        changed = [*call.inputs[:fixed], *change(call.inputs[fixed:])]
        return call.evaluate(changed)

    return mutate


def _bias_twice(call: Call) -> Values:
    place = call.position("B", "C", "bias", "b")
    if place is None:
        return call.evaluate()
    return call.evaluate(call.replaced(place, _scaled(call.inputs[place], 2.0)))


def _moved(change: Callable[[Array], Array], *names: str) -> Mutate:
    """An input's elements moved, its shape kept."""

    def move(tensor: Tensor) -> Value:
        return Tensor(
            np.ascontiguousarray(change(tensor.array)).reshape(tensor.shape), tensor.dtype
        )

    return changing_input(move, *names)


def _spatial(change: Callable[[Array], Array]) -> Callable[[Array], Array]:
    return lambda a: change(a) if a.ndim > 2 else a


def _flipped(array: Array) -> Array:
    return np.flip(array, tuple(range(2, array.ndim)))


def _nhwc(call: Call) -> Values:
    """The input's bytes are read as N, H, W, C."""
    given = call.tensor(0)
    if given is None or len(given.shape) < 3:
        return call.evaluate()
    n, c, *area = given.shape
    read = np.moveaxis(given.array.reshape(n, *area, c), -1, 1)
    return call.evaluate(call.replaced(0, Tensor(np.ascontiguousarray(read), given.dtype)))


def _written_nhwc(call: Call) -> Values:
    """The output's bytes are written as N, H, W, C."""
    results = call.evaluate()
    first = results[0]
    if not isinstance(first, Tensor) or len(first.shape) < 3:
        return results
    written = np.ascontiguousarray(np.moveaxis(first.array, 1, -1)).reshape(first.shape)
    return [Tensor(written, first.dtype), *results[1:]]


def _area_transposed(call: Call) -> Values:
    given = call.tensor(0)
    if given is None or len(given.shape) < 4 or given.shape[-1] != given.shape[-2]:
        return call.evaluate()
    return call.evaluate(call.replaced(0, with_array(given, np.swapaxes(given.array, -1, -2))))


def _groups_interleaved(call: Call) -> Values:
    """Channels are dealt to groups in turn, not in blocks."""
    groups = call.attributes.get("group") or call.attributes.get("num_groups") or 1
    given = call.tensor(0)
    if given is None or groups == 1 or len(given.shape) < 2:
        return call.evaluate()
    channels = np.arange(given.shape[1]).reshape(groups, -1).T.ravel()
    return call.evaluate(call.replaced(0, with_array(given, given.array[:, channels])))


def _square_transposed(place: int) -> Mutate:
    """A matrix is read transposed; its shape hides that where it is square."""

    def mutate(call: Call) -> Values:
        given = call.tensor(place)
        if given is None or len(given.shape) < 2:
            return call.evaluate()
        a = given.array
        if a.shape[-1] == a.shape[-2]:
            moved = np.swapaxes(a, -1, -2)
        else:  # the bytes of the other layout under this shape
            moved = np.swapaxes(a.reshape(*a.shape[:-2], a.shape[-1], a.shape[-2]), -1, -2)
        return call.evaluate(call.replaced(place, with_array(given, moved)))

    return mutate


def _batch_of_right_ignored(call: Call) -> Values:
    """The first matrix of the right operand serves all batches."""
    given = call.tensor(1)
    if given is None or len(given.shape) < 3 or 0 in given.shape:
        return call.evaluate()
    first = np.broadcast_to(given.array[:1], given.shape).copy()
    return call.evaluate(call.replaced(1, with_array(given, first)))


def _last_term_missing(call: Call) -> Values:
    """The last term of each sum is left out."""
    given = call.tensor(0)
    if given is None or not given.shape or not given.shape[-1]:
        return call.evaluate()
    made = given.array.copy()
    at_front = call.operator.op == "Gemm" and call.attributes.get("transA")
    made[(-1,) if at_front else (..., -1)] = 0
    return call.evaluate(call.replaced(0, with_array(given, made)))


def _last_channel_missing(call: Call) -> Values:
    given = call.tensor(0)
    if given is None or len(given.shape) < 2 or not given.shape[1]:
        return call.evaluate()
    made = given.array.copy()
    made[:, -1] = 0
    return call.evaluate(call.replaced(0, with_array(given, made)))


def faults() -> Iterator[Fault]:
    """Faults of operands."""
    for place in range(1, 8):
        yield Fault(
            f"operand/optional-{place}-ignored",
            LOST,
            f"input {place}, which is optional, is not looked at",
            _optional_at(place),
            _without(place),
        )
    for place, word in enumerate(("first", "second", "third")):
        yield Fault(
            f"operand/{word}-is-zero",
            LOST,
            f"the {word} operand is read as zeros",
            _at_least(place),
            _zeroed(place),
        )
    yield Fault(
        "operand/exchanged", LOST, "the first two are exchanged", _many, _exchanged(0, 1)
    )
    yield Fault(
        "operand/last-two-exchanged", LOST, "2 and 3 are exchanged", _many, _exchanged(1, 2)
    )
    yield Fault("operand/second-is-first", LOST, "the first is read twice", _many, _twice(0, 1))
    yield Fault(
        "operand/third-is-second", LOST, "the second is read twice", _many, _twice(1, 2)
    )
    changes: tuple[tuple[str, str, Callable[[Sequence[Value]], Sequence[Value]]], ...] = (
        (
            "last-left-out",
            "the last of many is left out",
            lambda v: v[:-1] if len(v) > 1 else v,
        ),
        ("beyond-two", "only two of many are read", lambda v: v[:2]),
        ("reversed", "many are read from the last", lambda v: list(v)[::-1]),
        ("first-for-all", "the first of many stands for all", lambda v: [v[0]] * len(v)),
        ("last-twice", "the last of many counts twice", lambda v: [*v, v[-1]]),
    )
    for label, summary, change in changes:
        yield Fault(f"operand/variadic-{label}", LOST, summary, _variadic, _listed(change))
    yield Fault(
        "operand/bias-twice",
        LOST,
        "the bias is added twice",
        taking("B", "C", "bias"),
        _bias_twice,
    )
    yield from _weights()
    yield from _sums()


def _weights() -> Iterator[Fault]:
    names = ("W", "w", "weight")
    convolution = among(*CONVOLUTIONS)
    kernels: tuple[tuple[str, str, Callable[[Array], Array]], ...] = (
        ("flipped", "the kernel is flipped: a true convolution", _spatial(_flipped)),
        (
            "transposed",
            "height and width of the kernel are exchanged",
            _spatial(lambda a: a.swapaxes(-1, -2)),
        ),
        (
            "in-out-exchanged",
            "input and output channels are exchanged",
            lambda a: a.swapaxes(0, 1),
        ),
        (
            "hwio",
            "weights are read as H, W, I, O",
            _spatial(lambda a: np.moveaxis(a, (0, 1), (-1, -2))),
        ),
        (
            "first-filter-for-all",
            "all filters are the first",
            lambda a: np.repeat(a[:1], a.shape[0], 0),
        ),
    )
    for label, summary, change in kernels:
        yield Fault(f"weights/{label}", LAYOUT, summary, convolution, _moved(change, *names))
    images = among(*_IMAGES)
    yield Fault("layout/read-nhwc", LAYOUT, "images are read as NHWC", images, _nhwc)
    yield Fault("layout/written-nhwc", LAYOUT, "images are written NHWC", images, _written_nhwc)
    yield Fault(
        "layout/area-transposed",
        LAYOUT,
        "height and width are exchanged",
        images,
        _area_transposed,
    )
    yield Fault(
        "layout/groups-interleaved",
        LAYOUT,
        "channels are dealt to the groups in turn",
        lambda operator: bool({"group", "num_groups"} & operator.attributes.keys()),
        _groups_interleaved,
    )
    products = among(*PRODUCTS)
    for place, word in ((0, "left"), (1, "right")):
        yield Fault(
            f"layout/{word}-transposed",
            LAYOUT,
            f"the {word} matrix is read in the other order",
            products,
            _square_transposed(0 if place == 0 else 1),
        )
    yield Fault(
        "layout/right-batch-ignored",
        LAYOUT,
        "the first matrix of the right operand serves all batches",
        among("MatMul", "MatMulInteger", "Einsum"),
        _batch_of_right_ignored,
    )


def _sums() -> Iterator[Fault]:
    yield Fault(
        "sum/last-term-missing",
        LOST,
        "the last term of each sum is left out",
        among("MatMul", "Gemm", "MatMulInteger"),
        _last_term_missing,
    )
    yield Fault(
        "sum/last-channel-missing",
        LOST,
        "the last input channel is not summed",
        among(*CONVOLUTIONS, "Einsum", "LRN"),
        _last_channel_missing,
    )
