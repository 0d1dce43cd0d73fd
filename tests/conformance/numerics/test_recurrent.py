"""RNN, GRU and LSTM, against the equations in 50 digits and devices in float32."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from hal_conformance.numerics.arithmetic import Array, arithmetic
from hal_conformance.numerics.machine import Machine
from hal_conformance.numerics.pair import Pair
from hypothesis import given, settings
from hypothesis import strategies as st

mpmath: Any = import_module("mpmath")  # it has no types
SEEDS = st.integers(0, 2**32 - 1)
GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
SEQUENCE, BATCH, INPUT, HIDDEN = 4, 3, 3, 2


def numbers(seed: int, *shape: int) -> Array:
    random = np.random.default_rng(seed)
    return np.asarray(random.normal(size=shape), np.float32)


def inputs(op: str, seed: int, directions: int = 1) -> list[Any]:
    """X, W, R, B, no lengths, the initial states, and an LSTM's peepholes."""
    wide = GATES[op] * HIDDEN
    made: list[Any] = [
        numbers(seed, SEQUENCE, BATCH, INPUT),
        numbers(seed + 1, directions, wide, INPUT),
        numbers(seed + 2, directions, wide, HIDDEN),
        numbers(seed + 3, directions, 2 * wide),
        None,
        numbers(seed + 4, directions, BATCH, HIDDEN),
    ]
    if op == "LSTM":
        made += [numbers(seed + 5, directions, BATCH, HIDDEN)]
        made += [numbers(seed + 6, directions, 3 * HIDDEN)]
    return made


class Device:
    """The equations of the operator documents, each result rounded by a machine."""

    def __init__(self, machine: Machine, given: list[Any], index: int = 0) -> None:
        self.machine = machine
        self.x, self.w, self.r, self.b = given[0], *(v[index] for v in given[1:4])
        self.states = [v[index] for v in given[5:7]]
        self.peep = given[7][index] if len(given) > 7 else np.zeros(3 * HIDDEN)

    def store(self, values: Any) -> Array:
        return self.machine.store(np.asarray(values, np.float64), "float32")

    def gate(self, x: Array, h: Array, k: int) -> Array:
        """X W^T + H R^T + Wb + Rb of a gate, in one sum or in two."""
        rows, wide = slice(k * HIDDEN, (k + 1) * HIDDEN), len(self.b) // 2
        left, right = [x, h], [self.w[rows], self.r[rows]]
        bias = self.store(self.store(self.b[rows]) + self.store(self.b[wide:][rows]))
        if self.machine.one_of([True, False]):
            left, right = [np.concatenate(left, -1)], [np.concatenate(right, -1)]
        total = self.store(0.0)
        for a, b in zip(left, right, strict=True):
            first, second = (self.machine.operand(v, "float32") for v in (a, b.T))
            part = self.machine.contract(first, second, "float32")
            total = self.store(total + self.store(part))
        return self.store(total + bias)

    def sigmoid(self, x: Array) -> Array:
        return self.machine.inexact(1 / (1 + np.exp(-x)), "float32", 4)

    def tanh(self, x: Array) -> Array:
        return self.machine.inexact(np.tanh(x), "float32", 4)

    def rnn(self, x: Array, state: list[Array]) -> list[Array]:
        return [self.tanh(self.gate(x, state[0], 0))]

    def gru(self, x: Array, state: list[Array]) -> list[Array]:
        (h,) = state
        z, r = (self.sigmoid(self.gate(x, h, k)) for k in (0, 1))
        new = self.tanh(self.gate(x, self.store(r * h), 2))
        if self.machine.one_of([True, False]):
            return [self.store(new + self.store(z * self.store(h - new)))]
        kept = self.store(self.store(1 - z) * new)
        return [self.store(kept + self.store(z * h))]

    def lstm(self, x: Array, state: list[Array]) -> list[Array]:
        h, c = state
        peep = [self.store(part) for part in np.split(self.peep, 3)]
        sums = [self.gate(x, h, k) for k in range(4)]
        i = self.sigmoid(self.store(sums[0] + self.store(peep[0] * c)))
        f = self.sigmoid(self.store(sums[2] + self.store(peep[2] * c)))
        new = self.store(self.store(f * c) + self.store(i * self.tanh(sums[3])))
        o = self.sigmoid(self.store(sums[1] + self.store(peep[1] * new)))
        return [self.store(o * self.tanh(new)), new]

    def run(self, op: str) -> tuple[Array, list[Array]]:
        state = [self.store(v) for v in self.states]
        rows = list[Array]()
        for x in self.x:
            state = getattr(self, op.lower())(self.store(x), state)
            rows.append(state[0])
        return np.stack(rows), state


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, op=st.sampled_from(sorted(GATES)), model=st.sampled_from(["fp32", "fp16"]))
def test_a_correct_device_stays_within_the_bound(
    bounds_of: Callable[..., Any], seed: int, op: str, model: str
) -> None:
    given_ = inputs(op, seed)
    made = bounds_of(
        op, given_, outputs=2 + (op == "LSTM"), model=model, opset=22, hidden_size=HIDDEN
    )
    rows, state = Device(Machine(arithmetic(model), seed), given_).run(op)
    assert made.accepts(rows[:, None].astype(np.float32))
    for k, last in enumerate(state):
        assert made.accepts(last[None].astype(np.float32), output=k + 1)
    assert not made.accepts(np.roll(rows[:, None], 1, axis=0).astype(np.float32))


class Exact(Device):
    """The same equations in as many digits as mpmath is told."""

    def store(self, values: Any) -> Array:
        array = np.asarray(values)
        if array.dtype == object:
            return array
        convert = np.vectorize(mpmath.mpf, otypes=[object])
        return np.asarray(convert(array.astype(np.float64)))

    def gate(self, x: Array, h: Array, k: int) -> Array:
        rows, wide = slice(k * HIDDEN, (k + 1) * HIDDEN), len(self.b) // 2
        product = x.dot(self.store(self.w[rows]).T) + h.dot(self.store(self.r[rows]).T)
        return np.asarray(product + self.store(self.b[rows]) + self.store(self.b[wide:][rows]))

    def sigmoid(self, x: Array) -> Array:
        return np.asarray(1 / (1 + np.vectorize(mpmath.exp, otypes=[object])(-x)))

    def tanh(self, x: Array) -> Array:
        return np.asarray(np.vectorize(mpmath.tanh, otypes=[object])(x))


@pytest.mark.parametrize("op", GATES)
def test_values_are_exact_far_below_the_bound(bounds_of: Callable[..., Any], op: str) -> None:
    given_ = inputs(op, 3)
    made = bounds_of(op, given_, opset=22, hidden_size=HIDDEN).pair
    with mpmath.workdps(50):
        rows, _ = Exact(Machine(arithmetic("fp64"), 0), given_).run(op)
        assert (np.abs(rows[:, None] - made.value) <= made.errors() / 64).all()


@pytest.mark.parametrize("op", GATES)
def test_batch_first_is_the_same_transposed(bounds_of: Callable[..., Any], op: str) -> None:
    given_ = inputs(op, 4, 2)
    form = {"hidden_size": HIDDEN, "direction": "bidirectional", "outputs": 2, "opset": 22}
    plain = bounds_of(op, given_, **form)
    swapped = [None if v is None else np.swapaxes(v, 0, 1) for v in given_]
    mixed = [swapped[0], *given_[1:5], *swapped[5:7], *given_[7:]]
    other = bounds_of(op, mixed, layout=1, **form)
    assert np.array_equal(other.pair.value, plain.pair.value.transpose(2, 0, 1, 3))
    assert np.array_equal(other.others[0].errors(), plain.others[0].errors().swapaxes(0, 1))


@pytest.mark.parametrize("op", GATES)
def test_backwards_is_forwards_over_the_reversed_part(
    bounds_of: Callable[..., Any], op: str
) -> None:
    given_ = inputs(op, 5)
    lengths = np.array([4, 2, 3], np.int32)
    form = {"hidden_size": HIDDEN, "opset": 22, "outputs": 2}
    given_[4] = lengths
    back = bounds_of(op, given_, direction="reverse", **form)
    turned = given_[0].copy()
    for index, length in enumerate(lengths):
        turned[:length, index] = given_[0][:length, index][::-1]
    ahead = bounds_of(op, [turned, *given_[1:]], **form)
    for index, length in enumerate(lengths):
        rows = back.pair.value[:, 0, index]
        assert np.array_equal(rows[:length], ahead.pair.value[:length, 0, index][::-1])
        assert (rows[length:] == 0).all()
        last = back.others[0].value[0, index]
        assert np.array_equal(last, rows[0])


@pytest.mark.parametrize("op", GATES)
def test_both_directions_are_each_by_itself(bounds_of: Callable[..., Any], op: str) -> None:
    given_ = inputs(op, 6, 2)
    form = {"hidden_size": HIDDEN, "opset": 22}
    both = bounds_of(op, given_, direction="bidirectional", **form).pair
    for index, direction in enumerate(("forward", "reverse")):
        part = [given_[0], *[None if v is None else v[index : index + 1] for v in given_[1:]]]
        alone = bounds_of(op, part, direction=direction, **form).pair
        assert np.array_equal(alone.value[:, 0], both.value[:, index])


def test_an_uncertain_length_leaves_everything_unknown(bounds_of: Callable[..., Any]) -> None:
    given_ = inputs("RNN", 7)
    given_[4] = Pair(np.array([4, 2, 3], np.int32), np.ones(3), "int32")
    made = bounds_of("RNN", given_, outputs=2, hidden_size=HIDDEN, opset=22)
    assert np.isinf(made.pair.errors()).all()
    assert made.pair.value.shape == (SEQUENCE, 1, BATCH, HIDDEN)


def one_step(bounds_of: Callable[..., Any], value: float, **form: Any) -> Any:
    """f(value) of an RNN of one unit."""
    one = np.ones((1, 1, 1), np.float32)
    nothing = np.zeros((1, 1, 1), np.float32)
    x = np.full((1, 1, 1), value, np.float32)
    return bounds_of("RNN", [x, one, nothing], hidden_size=1, opset=22, **form)


@pytest.mark.parametrize(
    ("name", "alpha", "beta", "value", "right"),
    [
        ("Relu", None, None, -0.5, 0.0),
        ("Sigmoid", None, None, 0.5, 0.6224593312018546),
        ("Affine", 0.5, 0.25, 0.5, 0.5),
        ("LeakyRelu", 0.25, None, -2.0, -0.5),
        ("LeakyRelu", None, None, -2.0, -0.02),
        ("ThresholdedRelu", 0.5, None, 0.75, 0.75),
        ("ThresholdedRelu", None, None, 0.75, 0.0),
        ("ScaledTanh", 2.0, 0.5, 1.0, 0.9242343145200195),
        ("HardSigmoid", 0.25, 0.5, 1.0, 0.75),
        ("HardSigmoid", None, None, 1.0, 0.7),
        ("Elu", 2.0, None, -1.0, -1.2642411176571153),
        ("Softsign", None, None, -3.0, -0.75),
        ("Softplus", None, None, 1.0, 1.3132616875182228),
    ],
)
def test_activations_follow_their_formulas(
    bounds_of: Callable[..., Any],
    name: str,
    alpha: float | None,
    beta: float | None,
    value: float,
    right: float,
) -> None:
    form: dict[str, Any] = {"activations": [name]}
    form |= {} if alpha is None else {"activation_alpha": [alpha]}
    form |= {} if beta is None else {"activation_beta": [beta]}
    made = one_step(bounds_of, value, **form)
    assert made.pair.value.item() == pytest.approx(right, rel=1e-6)
    assert made.accepts(np.full((1, 1, 1, 1), right, np.float32))
    assert not made.accepts(np.full((1, 1, 1, 1), right + 1e-3, np.float32))


def test_clip_bounds_what_an_activation_is_given(bounds_of: Callable[..., Any]) -> None:
    made = one_step(bounds_of, 3.0, clip=0.5)
    assert made.pair.value.item() == pytest.approx(np.tanh(0.5))


def test_an_lstm_may_clip_its_cell_for_the_last_activation_or_not(
    bounds_of: Callable[..., Any],
) -> None:
    given_ = inputs("LSTM", 8)
    given_[6] = given_[6] * 0 + np.float32(3)
    form = {"hidden_size": HIDDEN, "opset": 22}
    made = bounds_of("LSTM", given_, clip=0.5, **form)
    assert made.pair.accepts is not None
    assert made.pair.ambiguous > 0
    assert bounds_of("LSTM", given_, clip=50.0, **form).pair.ambiguous == 0


def test_a_coupled_lstm_forgets_what_it_does_not_let_in(bounds_of: Callable[..., Any]) -> None:
    given_ = inputs("LSTM", 9)
    made = bounds_of("LSTM", given_, input_forget=1, hidden_size=HIDDEN, outputs=3, opset=22)
    device = Device(Machine(arithmetic("fp64"), 0), given_)
    x, (h, c) = given_[0][0].astype(float), [v.astype(float) for v in device.states]
    sums = [exact_plain(device, x, h, k) for k in range(4)]
    i = 1 / (1 + np.exp(-(sums[0] + device.peep[:HIDDEN] * c)))
    cell = (1 - i) * c + i * np.tanh(sums[3])
    o = 1 / (1 + np.exp(-(sums[1] + device.peep[HIDDEN : 2 * HIDDEN] * cell)))
    assert np.allclose(made.pair.value[0, 0], o * np.tanh(cell), rtol=1e-12)


def exact_plain(device: Device, x: Array, h: Array, k: int) -> Array:
    rows = slice(k * HIDDEN, (k + 1) * HIDDEN)
    wide = len(device.b) // 2
    bias = device.b[rows].astype(float) + device.b[wide:][rows]
    return np.asarray(x @ device.w[rows].T + h @ device.r[rows].T + bias)


def test_linear_before_reset_resets_after_the_product(bounds_of: Callable[..., Any]) -> None:
    given_ = inputs("GRU", 10)
    made = bounds_of("GRU", given_, linear_before_reset=1, hidden_size=HIDDEN, opset=22)
    device = Device(Machine(arithmetic("fp64"), 0), given_)
    x, h = given_[0][0].astype(float), device.states[0].astype(float)
    z, r = (1 / (1 + np.exp(-exact_plain(device, x, h, k))) for k in (0, 1))
    rows, wide = slice(2 * HIDDEN, 3 * HIDDEN), 3 * HIDDEN
    inner = h @ device.r[rows].T.astype(float) + device.b[wide:][rows]
    new = np.tanh(x @ device.w[rows].T + r * inner + device.b[rows])
    assert np.allclose(made.pair.value[0, 0], (1 - z) * new + z * h, rtol=1e-12)
