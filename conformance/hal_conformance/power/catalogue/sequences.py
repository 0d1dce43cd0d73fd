"""Recurrence and attention."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from hal.tensor import Tensor
from hal_conformance.numerics.arithmetic import Array
from hal_conformance.power.fault import (
    Call,
    Fault,
    Mutate,
    Values,
    always,
    among,
    changing_attribute,
    changing_input,
    with_array,
)

RECURRENCE, ATTENTION = "recurrence", "attention"
_CELLS = ("LSTM", "GRU", "RNN")
_ATTENTION = ("Attention", "LinearAttention", "ai.onnx.preview/FlexAttention")


def _gates(order: Sequence[int]) -> Mutate:
    """The gates of W, R and B lie in another order."""

    def mutate(call: Call) -> Values:
        inputs = list(call.inputs)
        for place in (1, 2, 3):
            given = call.tensor(place)
            if given is not None:
                inputs[place] = with_array(given, _reordered(given.array, order))
        return call.evaluate(inputs)

    return mutate


def _reordered(array: Array, order: Sequence[int]) -> Array:
    """Blocks along axis 1; a bias has the blocks of W, then those of R."""
    count = len(order)
    parts = np.split(array, count if array.ndim == 3 else 2 * count, axis=1)
    chosen = [parts[k] for k in order]
    if array.ndim == 2:
        chosen += [parts[count + k] for k in order]
    return np.concatenate(chosen, axis=1)


def _transposed_square(place: int) -> Mutate:
    def mutate(call: Call) -> Values:
        given = call.tensor(place)
        if given is None or given.array.ndim != 3:
            return call.evaluate()
        d, _, size = given.shape
        turned = given.array.reshape(d, -1, size, size).swapaxes(-1, -2).reshape(given.shape)
        return call.evaluate(call.replaced(place, with_array(given, turned)))

    return mutate


def _directions_exchanged(call: Call) -> Values:
    inputs = list(call.inputs)
    for place in (1, 2, 3):
        given = call.tensor(place)
        if given is not None:
            inputs[place] = with_array(given, given.array[::-1])
    return call.evaluate(inputs)


def _recurrent_bias_lost(call: Call) -> Values:
    given = call.tensor(3)
    if given is None:
        return call.evaluate()
    made = given.array.copy()
    made[:, made.shape[1] // 2 :] = 0
    return call.evaluate(call.replaced(3, with_array(given, made)))


def _states_exchanged(call: Call) -> Values:
    results = call.evaluate()
    return [*results[:-2], results[-1], results[-2]] if len(results) > 2 else results


def _last_state_is_first(call: Call) -> Values:
    """The last state is that of the first step."""
    results = call.evaluate()
    y, last = results[0], results[1] if len(results) > 1 else None
    if (
        not isinstance(y, Tensor)
        or not isinstance(last, Tensor)
        or call.attributes.get("layout")
    ):
        return results
    return [y, with_array(last, y.array[0]), *results[2:]]


def _padding_kept(call: Call) -> Values:
    """Sequences are not cut: what lies beyond their length is computed."""
    place = call.position("sequence_lens")
    return call.evaluate() if place is None else call.evaluate(call.replaced(place, None))


def _recurrence() -> Iterator[Fault]:
    cells = among(*_CELLS)
    for label, order in (
        ("ifoc", (0, 2, 1, 3)),
        ("fioc", (2, 0, 1, 3)),
        ("ifco", (0, 2, 3, 1)),
        ("cell-first", (3, 0, 1, 2)),
    ):
        yield Fault(
            f"lstm/gates-{label}",
            RECURRENCE,
            f"gates as {label}",
            among("LSTM"),
            _gates(order),
        )
    for label, gates in (("rzh", (1, 0, 2)), ("hrz", (2, 0, 1))):
        yield Fault(
            f"gru/gates-{label}",
            RECURRENCE,
            f"gates as {label}",
            among("GRU"),
            _gates(gates),
        )
    for label, summary, mutate in (
        ("r-transposed", "the recurrent weights are transposed", _transposed_square(2)),
        ("directions-exchanged", "forward and backward weights", _directions_exchanged),
        ("recurrent-bias-lost", "the recurrent bias is left out", _recurrent_bias_lost),
        ("states-exchanged", "the last two results are exchanged", _states_exchanged),
        ("last-is-first", "the last state is the first step's", _last_state_is_first),
        ("padding-kept", "sequence_lens is not looked at", _padding_kept),
    ):
        yield Fault(f"cell/{label}", RECURRENCE, summary, cells, mutate)
    for word in ("Relu", "Sigmoid", "Tanh", "HardSigmoid"):
        yield Fault(
            f"cell/first-activation-{word.lower()}",
            RECURRENCE,
            f"the first activation is always {word}",
            cells,
            changing_attribute("activations", _first_is(word)),
        )


def _masked(change: Callable[[Array], Array]) -> Mutate:
    def one(tensor: Tensor) -> Tensor:
        return with_array(tensor, change(tensor.array))

    return changing_input(one, "attn_mask", "mask")


def _mask_inverted(array: Array) -> Array:
    return ~array if array.dtype.kind == "b" else -array


def _heads(places: Sequence[int]) -> Mutate:
    """Heads are interleaved where queries, keys and values hold them side by side."""

    def mutate(call: Call) -> Values:
        inputs = list(call.inputs)
        count = call.attributes.get("q_num_heads") or 0
        for place in places:
            given = call.tensor(place)
            if given is None or given.array.ndim != 3 or not count:
                return call.evaluate()
            b, s, hidden = given.shape
            heads = count if place == 0 else call.attributes.get("kv_num_heads") or count
            turned = given.array.reshape(b, s, hidden // heads, heads).swapaxes(-1, -2)
            inputs[place] = with_array(given, turned.reshape(given.shape))
        return call.evaluate(inputs)

    return mutate


def _repeated_heads(call: Call) -> Values:
    """Key heads serve query heads in turn, not in blocks."""
    q = call.tensor(0)
    k = call.tensor(1)
    if q is None or k is None or q.array.ndim != 4 or k.shape[1] in (1, q.shape[1]):
        return call.evaluate()
    ratio = q.shape[1] // k.shape[1]
    inputs = list(call.inputs)
    for place in (1, 2):
        given = call.tensor(place)
        assert given is not None
        inputs[place] = with_array(given, np.tile(given.array, (1, ratio, 1, 1)))
    return call.evaluate(inputs)


def _past_after(call: Call) -> Values:
    """The past is put behind the new keys and values."""
    results = call.evaluate()
    made = list(results)
    for place in (1, 2):
        value = results[place] if place < len(results) else None
        past = call.position("past_key" if place == 1 else "past_value")
        given = None if past is None else call.tensor(past)
        if isinstance(value, Tensor) and given is not None and given.array.ndim == 4:
            length = given.shape[2]
            made[place] = with_array(value, np.roll(value.array, -length, axis=2))
    return made


def _attention() -> Iterator[Fault]:
    attention = among(*_ATTENTION)
    rows: tuple[tuple[str, str, Mutate], ...] = (
        ("mask-inverted", "the mask means its opposite", _masked(_mask_inverted)),
        ("mask-halved", "an additive mask counts half", _masked(_halved)),
        ("keys-for-values", "keys are read as values", _same(1, 2)),
        ("values-for-keys", "values are read as keys", _same(2, 1)),
        ("heads-interleaved", "heads of queries are interleaved", _heads((0,))),
        ("all-heads-interleaved", "heads are interleaved", _heads((0, 1, 2))),
        ("kv-heads-in-turn", "key heads serve in turn", _repeated_heads),
        ("past-after", "the past comes after the present", _past_after),
        ("scale-1", "scores are not scaled", changing_attribute("scale", always(1.0))),
        (
            "scale-twice",
            "the scale is applied twice",
            changing_attribute("scale", _scale_twice),
        ),
    )
    for label, summary, mutate in rows:
        yield Fault(f"attention/{label}", ATTENTION, summary, attention, mutate)
    yield Fault(
        "rotary/halves-exchanged",
        ATTENTION,
        "sine and cosine are exchanged",
        among("RotaryEmbedding"),
        _sine_cosine,
    )
    yield Fault(
        "rotary/negative",
        ATTENTION,
        "rotated the other way",
        among("RotaryEmbedding"),
        changing_input(lambda t: with_array(t, -t.array), "sin_cache"),
    )


def _halved(array: Array) -> Array:
    return array if array.dtype.kind == "b" else array * array.dtype.type(0.5)


def _same(source: int, place: int) -> Mutate:
    def mutate(call: Call) -> Values:
        a, b = call.tensor(source), call.tensor(place)
        if a is None or b is None or a.shape != b.shape:
            return call.evaluate()
        return call.evaluate(call.replaced(place, a))

    return mutate


def _scale_twice(value: Any, call: Call) -> Any:
    q = call.tensor(0)
    if value is None:
        heads = call.attributes.get("q_num_heads")
        size = q.shape[-1] if q is not None else 1
        value = 1.0 / np.sqrt(size // heads if heads else size)
    return float(value) ** 2


def _sine_cosine(call: Call) -> Values:
    cos, sin = call.position("cos_cache"), call.position("sin_cache")
    if cos is None or sin is None:
        return call.evaluate()
    inputs = list(call.inputs)
    inputs[cos], inputs[sin] = inputs[sin], inputs[cos]
    return call.evaluate(inputs)


def _first_is(word: str) -> Callable[[Any, Call], Any]:
    return lambda value, _: [word, *value[1:]] if value else value


def faults() -> Iterator[Fault]:
    """All of them."""
    yield from _recurrence()
    yield from _attention()
