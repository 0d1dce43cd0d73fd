"""RNN, GRU and LSTM: pairs carried through the gates, step by step.

The equations are the operator documents'; each product with the weights is an accumulation,
each activation has the ULP of the operator of its name, each result between them may be stored.
Errors grow with the number of steps, as running error analysis has it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from hal_conformance.numerics.algebra import constant, minus, one_of, plus, size, times
from hal_conformance.numerics.arithmetic import Array
from hal_conformance.numerics.families.contraction import (
    JEANNEROD_RUMP,
    between,
    gathered,
    held,
    needed,
    product,
)
from hal_conformance.numerics.gates import Activation, activations
from hal_conformance.numerics.pair import Pair, Quantity
from hal_conformance.numerics.rules import Step, rule

State: TypeAlias = "tuple[Pair, ...]"

SOURCE = JEANNEROD_RUMP + "; ONNX RNN-22, GRU-22, LSTM-22; activations: OpenCL C 3.0 table 38"


@dataclass(frozen=True)
class Cell:
    """One direction of a recurrent node: its weights and activations."""

    step: Step
    weights: Pair
    recurrence: Pair
    bias: tuple[Pair, Pair] | None
    peepholes: Pair | None
    activations: Sequence[Activation]

    def project(self, given: Pair, gate: int) -> Pair:
        """x W^T of one gate."""
        return self._times(given, self.weights, gate)

    def recur(self, hidden: Pair, gate: int) -> Pair:
        """H R^T of one gate."""
        return self._times(hidden, self.recurrence, gate)

    def biases(self, gate: int) -> list[Pair]:
        """The gate's biases, of W and of R, where there are any."""
        parts = (_gate(bias, gate, self.hidden) for bias in self.bias or ())
        return [held(self.step, part) for part in parts]

    def peep(self, cell: Pair, which: int) -> list[Pair]:
        """The peephole's product, where there are peepholes."""
        if self.peepholes is None:
            return []
        part = held(self.step, _gate(self.peepholes, which, self.hidden))
        return [times(self.step, part, cell)]

    def total(self, x: Pair, hidden: Pair, gate: int, *more: Pair) -> Pair:
        """x W^T + H R^T + Wb + Rb and more, added in any order."""
        products = self.project(x, gate), self.recur(hidden, gate)
        terms = np.shape(x.value)[-1] + self.hidden
        return gathered(self.step, [*products, *self.biases(gate), *more], terms)

    @property
    def hidden(self) -> int:
        """The number of hidden units."""
        return int(np.shape(self.recurrence.value)[-1])

    def _times(self, given: Pair, weights: Pair, gate: int) -> Pair:
        part = _gate(weights, gate, self.hidden).moved(np.transpose)
        terms = np.shape(given.value)[-1]
        return between(self.step, product(self.step, given, part, np.matmul, terms))


def gated(step: Step, gate: Pair, given: Pair) -> Pair:
    """What a gate lets through; a closed one may be a little open, and infinity then passes."""
    product = times(step, gate, given)
    open_ = (gate.value == 0) & np.isinf(given.value)
    return replace(product, error=np.where(open_, np.inf, product.errors()))


@rule("RNN", source=SOURCE)
def rnn(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """H = f(X W^T + H R^T + Wb + Rb)."""

    def advance(cell: Cell, x: Pair, state: State) -> State:
        return (cell.activations[0](cell.total(x, state[0], 0)),)

    return [*_recurrent(step, inputs, advance, ("Tanh",), 1)]


@rule("GRU", source=SOURCE)
def gru(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """H = (1 - z) h + z H; a device may compute h + z (H - h), whose error is added."""
    linear = bool(step.attributes.get("linear_before_reset"))

    def advance(cell: Cell, x: Pair, state: State) -> State:
        (before,) = state
        first, second = cell.activations
        z, r = (first(cell.total(x, before, k)) for k in (0, 1))
        if linear:
            outer, inner = cell.biases(2)[:1], cell.biases(2)[1:]
            given = gathered(step, [cell.recur(before, 2), *inner], cell.hidden)
            parts = [cell.project(x, 2), gated(step, r, given), *outer]
            h = second(gathered(step, parts, np.shape(x.value)[-1]))
        else:
            h = second(cell.total(x, gated(step, r, before), 2))
        kept = gated(step, minus(step, constant(1.0, x.dtype), z), h)
        made = plus(step, kept, gated(step, z, before))
        with np.errstate(invalid="ignore"):
            other = step.stored(x.dtype).unit * (size(h) + size(before)) * size(z)
        other = np.where(np.isnan(made.value), 0.0, other)  # its own error says what it may be
        return (replace(made, error=made.errors() + other),)

    return [*_recurrent(step, inputs, advance, ("Sigmoid", "Tanh"), 1)]


@rule("LSTM", source=SOURCE)
def lstm(step: Step, inputs: Sequence[Quantity]) -> list[Quantity]:
    """C = f C + i c, H = o h(C); with `input_forget`, f is 1 - i.

    The standard clips "the input of activations"; runtimes clip the gates' and not h's, which
    is C: either is right.
    """
    coupled = bool(step.attributes.get("input_forget"))

    def advance(cell: Cell, x: Pair, state: State) -> State:
        before, memory = state
        first, second, third = cell.activations
        i = first(cell.total(x, before, 0, *cell.peep(memory, 0)))
        f = first(cell.total(x, before, 2, *cell.peep(memory, 2)))
        f = minus(step, constant(1.0, x.dtype), i) if coupled else f
        c = second(cell.total(x, before, 3))
        made = plus(step, gated(step, f, memory), gated(step, i, c))
        o = first(cell.total(x, before, 1, *cell.peep(made, 1)))
        return (gated(step, o, third(made)), made)

    readings = [
        _recurrent(step, inputs, advance, ("Sigmoid", "Tanh", "Tanh"), 2, unclipped=place)
        for place in ((None, 2) if step.attributes.get("clip") else (None,))
    ]
    return [one_of(options) for options in zip(*readings, strict=True)]


def _recurrent(
    step: Step,
    inputs: Sequence[Quantity],
    advance: Callable[[Cell, Pair, State], State],
    defaults: tuple[str, ...],
    states: int,
    *,
    unclipped: int | None = None,
) -> list[Pair]:
    """Every direction over the sequence, and the outputs in the node's layout."""
    given = [value if isinstance(value, Pair) else None for value in inputs]
    given += [None] * (8 - len(given))
    first_axes = bool(step.attributes.get("layout"))
    swap: Callable[[Pair], Pair] = (
        (lambda pair: pair.moved(lambda a: np.swapaxes(a, 0, 1))) if first_axes else _same
    )
    x = swap(needed(inputs))
    directions = np.shape(needed(inputs, 1).value)[0]
    lengths = _lengths(given[4], x)
    if lengths is None:
        return _nothing_known(step, x, needed(inputs, 2), states)
    initial = [
        None if pair is None else swap(held(step, pair)) for pair in given[5 : 5 + states]
    ]
    functions = activations(step, defaults, directions, unclipped)
    results = list[tuple[Pair, State]]()
    for index in range(directions):
        cell = _cell(step, given, index, functions[index])
        backwards = index == 1 or step.attributes.get("direction") == "reverse"
        state = tuple(_initial(pair, index, x, cell.hidden) for pair in initial)
        results.append(_sequence(cell, advance, x, state, lengths, backwards=backwards))
    rows = _stacked([rows for rows, _ in results], 1)
    last = [_stacked([state[k] for _, state in results], 0) for k in range(states)]
    if first_axes:
        rows = rows.moved(lambda a: np.transpose(a, (2, 0, 1, 3)))
        last = [swap(pair) for pair in last]
    return [rows, *last][: max(1, len(step.outputs))]


def _sequence(
    cell: Cell,
    advance: Callable[[Cell, Pair, State], State],
    x: Pair,
    state: State,
    lengths: Array,
    *,
    backwards: bool,
) -> tuple[Pair, State]:
    """One direction: rows (sequence, batch, hidden), zero past a length, and the last state."""
    count, batch = np.shape(x.value)[:2]
    rows = list[Pair]()
    order: Array = np.broadcast_to(np.arange(count, dtype=np.int64)[:, None], (count, batch))
    columns: Array = np.arange(batch, dtype=np.int64)
    if backwards:
        order = np.where(order < lengths, lengths - 1 - order, order)
    for index in range(count):
        now = x.moved(_picked(order[index], columns))
        valid = (index < lengths)[:, None]
        after = advance(cell, now, state)
        state = tuple(_either(valid, a, b) for a, b in zip(after, state, strict=True))
        rows.append(_either(valid, after[0], constant(0.0, x.dtype)))
    if not rows:
        empty = np.zeros((0, batch, cell.hidden))
        return Pair(empty, None, x.dtype), state
    return _stacked(rows, 0).moved(_restored(order, columns)), state


def _picked(at: Array, columns: Array) -> Callable[[Array], Array]:
    return lambda array: np.asarray(array[at, columns])


def _restored(order: Array, columns: Array) -> Callable[[Array], Array]:
    """Rows computed in an order, each at the place it belongs."""

    def restore(array: Array) -> Array:
        result = np.empty_like(array)
        result[order, columns] = array
        return result

    return restore


def _cell(
    step: Step, given: Sequence[Pair | None], index: int, activations: Sequence[Activation]
) -> Cell:
    def direction(pair: Pair) -> Pair:
        return pair.moved(lambda array: np.asarray(array[index]))

    weights, recurrence = (direction(needed(given, k)) for k in (1, 2))
    bias, peepholes = given[3], given[7]
    halves = None
    if bias is not None:
        both = direction(bias)
        half = np.shape(both.value)[0] // 2
        halves = both.moved(lambda a: a[:half]), both.moved(lambda a: a[half:])
    peep = None if peepholes is None else direction(peepholes)
    return Cell(step, weights, recurrence, halves, peep, activations)


def _gate(pair: Pair, gate: int, hidden: int) -> Pair:
    return pair.moved(lambda array: array[gate * hidden : (gate + 1) * hidden])


def _initial(pair: Pair | None, index: int, x: Pair, hidden: int) -> Pair:
    if pair is None:
        return Pair(np.zeros((np.shape(x.value)[1], hidden)), None, x.dtype)
    return pair.moved(lambda array: np.asarray(array[index]))


def _lengths(pair: Pair | None, x: Pair) -> Array | None:
    """The length of each sequence; None where it is not certain."""
    count, batch = np.shape(x.value)[:2]
    if pair is None:
        return np.full(batch, count)
    return pair.value.astype(np.int64) if pair.is_exact else None


def _nothing_known(step: Step, x: Pair, recurrence: Pair, states: int) -> list[Pair]:
    count, batch = np.shape(x.value)[:2]
    directions, _, hidden = np.shape(recurrence.value)
    first_axes = bool(step.attributes.get("layout"))
    rows = (
        (batch, count, directions, hidden) if first_axes else (count, directions, batch, hidden)
    )
    last = (batch, directions, hidden) if first_axes else (directions, batch, hidden)
    shapes = [rows, *[last] * states][: max(1, len(step.outputs))]
    return [Pair(np.zeros(shape), None, x.dtype).unknown() for shape in shapes]


def _same(pair: Pair) -> Pair:
    return pair


def _either(valid: Array, a: Pair, b: Pair) -> Pair:
    """Rows of a where valid, else of b."""
    return replace(
        a,
        value=np.where(valid, a.value, b.value),
        error=np.where(valid, a.errors(), b.errors()),
        accepts=None,
    )


def _stacked(pairs: Sequence[Pair], axis: int) -> Pair:
    value = np.stack([pair.value for pair in pairs], axis)
    return replace(pairs[0], value=value, error=np.stack([p.errors() for p in pairs], axis))
