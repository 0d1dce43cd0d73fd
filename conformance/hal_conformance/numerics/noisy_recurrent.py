"""RNN, GRU and LSTM with the rounding noise of every step.

Noise on their outputs alone would be that of one operator, where a device rounds some dozens of
times a step and carries what it rounded to the next. The equations are the operator documents'
(RNN-22, GRU-22, LSTM-22); what is rare (lengths a sequence, peepholes, a clip, attributes of
activations) is left to the rule, and to the noise of one operator.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from hal_conformance.numerics.arithmetic import Array
from hal_conformance.numerics.gates import GATES
from hal_conformance.numerics.kernels import Call
from hal_conformance.numerics.noise import LIBRARY, Noise, product

State: TypeAlias = "tuple[Array, ...]"

_DEFAULTS: Mapping[str, tuple[str, ...]] = {
    "RNN": ("Tanh",),
    "GRU": ("Sigmoid", "Tanh"),
    "LSTM": ("Sigmoid", "Tanh", "Tanh"),
}
_RARE = ("clip", "activation_alpha", "activation_beta", "layout")
_LENGTHS, _HIDDEN, _CELL, _PEEPHOLES = 4, 5, 6, 7


@dataclass(frozen=True)
class _Cell:
    """One direction: gates of W and R side by side, (input, G H) and (H, G H)."""

    noise: Noise
    call: Call
    recurrence: Array
    biases: tuple[Array, Array]
    activations: Sequence[str]

    @property
    def hidden(self) -> int:
        return int(self.recurrence.shape[0])

    def gate(self, values: Array, place: int) -> Array:
        """The columns of one gate."""
        return values[..., place * self.hidden : (place + 1) * self.hidden]

    def recurred(self, state: Array) -> Array:
        return product(self.noise, state, self.recurrence, self.call.dtype)

    def rounded(self, values: Array) -> Array:
        return self.noise.primitive(values, self.call.dtype, 1.0)

    def active(self, which: int, values: Array) -> Array:
        """An activation of a sum, which is itself rounded."""
        gate = GATES[self.activations[which].lower()]
        made = gate.formula(self.rounded(values), gate.alpha or 0.0, gate.beta or 0.0)
        exact = self.activations[which] == "Relu"
        return self.noise.primitive(made, self.call.dtype, 0.0 if exact else LIBRARY)


def recurrent(noise: Noise, call: Call) -> list[Array] | None:
    """Y, Y_h and, of an LSTM, Y_c; None where the operator asks for something rare."""
    rare = any(call.attributes.get(name) for name in _RARE)
    given = any(call.optional(place) is not None for place in (_LENGTHS, _PEEPHOLES))
    if call.op not in _DEFAULTS or rare or given or call.attributes.get("input_forget"):
        return None
    x, weights = (np.asarray(call.values[k]) for k in (0, 1))
    directions = len(weights)
    kept = [_direction(noise, call, x, k) for k in range(directions)]
    outputs = np.stack([rows for rows, _ in kept], axis=1)
    last = [np.stack(states) for states in zip(*(states for _, states in kept), strict=True)]
    return [outputs, *last]


def _direction(noise: Noise, call: Call, x: Array, which: int) -> tuple[Array, State]:
    """The hidden states of one direction, step by step as the input has them, and the last."""
    cell = _cell(noise, call, which)
    backwards = call.attributes.get("direction") == "reverse" or which == 1
    given = product(noise, x, np.asarray(call.values[1])[which].T, call.dtype)
    steps = given[::-1] if backwards else given
    state = _initial(call, which, x.shape[1], cell.hidden)
    rows: list[Array] = []
    for step in steps:
        state = _STEPS[call.op](cell, step, state)
        rows.append(state[0])
    stacked = np.stack(rows) if rows else np.zeros((0, x.shape[1], cell.hidden))
    return stacked[::-1] if backwards else stacked, state


def _cell(noise: Noise, call: Call, which: int) -> _Cell:
    recurrence = np.asarray(call.values[2])[which].T
    width = recurrence.shape[1]
    both = call.optional(3)
    parts = np.zeros(2 * width) if both is None else np.asarray(both)[which]
    names = list(call.attributes.get("activations") or [])
    count = len(_DEFAULTS[call.op])
    chosen = names[which * count : (which + 1) * count] or _DEFAULTS[call.op]
    return _Cell(noise, call, recurrence, (parts[:width], parts[width:]), chosen)


def _initial(call: Call, which: int, batch: int, hidden: int) -> State:
    places = (_HIDDEN, _CELL) if call.op == "LSTM" else (_HIDDEN,)
    values = [call.optional(place) for place in places]
    zeros = np.zeros((batch, hidden))
    return tuple(zeros if value is None else np.asarray(value)[which] for value in values)


def _rnn(cell: _Cell, given: Array, state: State) -> State:
    total = given + cell.recurred(state[0]) + sum(cell.biases)
    return (cell.active(0, total),)


def _lstm(cell: _Cell, given: Array, state: State) -> State:
    """C = f C + i c, H = o h(C); the gates lie in the order i, o, f, c."""
    before, memory = state
    total = given + cell.recurred(before) + sum(cell.biases)
    i, o, f = (cell.active(0, cell.gate(total, place)) for place in (0, 1, 2))
    c = cell.active(1, cell.gate(total, 3))
    made = cell.rounded(cell.rounded(f * memory) + cell.rounded(i * c))
    return cell.rounded(o * cell.active(2, made)), made


def _gru(cell: _Cell, given: Array, state: State) -> State:
    """H = (1 - z) h + z H; the gates lie in the order z, r, h."""
    (before,) = state
    outer, inner = cell.biases
    recurred = cell.recurred(before)
    total = given + recurred + outer + inner
    z, r = (cell.active(0, cell.gate(total, place)) for place in (0, 1))
    if cell.call.attributes.get("linear_before_reset"):
        reset = cell.rounded(r * cell.rounded(cell.gate(recurred + inner, 2)))
    else:
        reset = cell.gate(cell.recurred(cell.rounded(r * before)) + inner, 2)
    h = cell.active(1, cell.gate(given + outer, 2) + reset)
    return (cell.rounded(cell.rounded(cell.rounded(1 - z) * h) + cell.rounded(z * before)),)


_STEPS: Mapping[str, Callable[[_Cell, Array, State], State]] = {
    "RNN": _rnn,
    "GRU": _gru,
    "LSTM": _lstm,
}
