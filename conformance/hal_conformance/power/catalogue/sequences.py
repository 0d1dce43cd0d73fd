"""Recurrence, attention, control flow, sequences, text, random draws and classical models."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from hal.tensor import Tensor, Value
from hal_conformance.numerics.arithmetic import Array
from hal_conformance.power.fault import (
    Call,
    Fault,
    Mutate,
    Values,
    admitting,
    always,
    among,
    changing_attribute,
    changing_input,
    having,
    mapped,
    with_array,
)

RECURRENCE, ATTENTION, CONTROL = "recurrence", "attention", "control flow and sequences"
TEXT, CLASSICAL = "text", "classical models"
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


def _trips(by: int) -> Mutate:
    def mutate(call: Call) -> Values:
        given = call.tensor(0)
        if given is None:
            return call.evaluate()
        return call.evaluate(call.replaced(0, with_array(given, given.array + by)))

    return mutate


def _condition(value: Callable[[Array], Array], place: int) -> Mutate:
    def mutate(call: Call) -> Values:
        given = call.tensor(place)
        if given is None or given.array.dtype.kind != "b":
            return call.evaluate()
        return call.evaluate(call.replaced(place, with_array(given, value(given.array))))

    return mutate


def _carried_initial(call: Call) -> Values:
    """The first state that is carried out is the one that went in."""
    results = call.evaluate()
    first = 2 if call.operator.op == "Loop" else 0
    value = call.inputs[first] if first < len(call.inputs) else None
    count = len(call.inputs) - first
    if value is None or not results or (call.operator.op == "Scan" and not count):
        return results
    fits = isinstance(value, Tensor) and isinstance(results[0], Tensor)
    return [value, *results[1:]] if fits or isinstance(value, list) else results


def _scans_turned(call: Call) -> Values:
    results = call.evaluate()
    count = len(call.inputs) - (2 if call.operator.op == "Loop" else 0)
    if call.operator.op == "Scan":
        count -= int(call.attributes.get("num_scan_inputs", 0))
    return [
        mapped(v, lambda t: with_array(t, np.flip(t.array, 0)) if t.shape else t)
        if k >= count
        else v
        for k, v in enumerate(results)
    ]


def _sequence(change: Callable[[list[Value]], list[Value]]) -> Mutate:
    """The sequences that go in, changed."""

    def mutate(call: Call) -> Values:
        return call.evaluate([change(v) if isinstance(v, list) else v for v in call.inputs])

    return mutate


def _sequence_out(change: Callable[[list[Value]], list[Value]]) -> Mutate:
    return lambda call: [change(v) if isinstance(v, list) else v for v in call.evaluate()]


def _control() -> Iterator[Fault]:
    loops = among("Loop", "Scan")
    rows: tuple[tuple[str, str, Any, Mutate], ...] = (
        ("loop/one-trip-less", "a loop ends one trip early", among("Loop"), _trips(-1)),
        ("loop/one-trip-more", "a loop runs one trip more", among("Loop"), _trips(1)),
        (
            "loop/condition-true",
            "the first condition is true",
            among("Loop"),
            _condition(np.ones_like, 1),
        ),
        (
            "if/inverted",
            "the other branch is taken",
            among("If"),
            _condition(np.logical_not, 0),
        ),
        ("if/always-then", "then is taken", among("If"), _condition(np.ones_like, 0)),
        ("if/always-else", "else is taken", among("If"), _condition(np.zeros_like, 0)),
        ("loop/carried-initial", "the first state is never updated", loops, _carried_initial),
        ("loop/scans-turned", "what is collected comes in reverse", loops, _scans_turned),
        (
            "where/inverted",
            "the condition means its opposite",
            among("Where", "Compress"),
            _any_condition,
        ),
    )
    for label, summary, where, mutate in rows:
        yield Fault(label, CONTROL, summary, where, mutate)
    sequences = admitting("seq(")
    yield Fault(
        "sequence/first-lost",
        CONTROL,
        "the first is lost",
        sequences,
        _sequence(lambda v: v[1:]),
    )
    yield Fault(
        "sequence/reversed", CONTROL, "read in reverse", sequences, _sequence(lambda v: v[::-1])
    )
    yield Fault(
        "sequence/result-reversed",
        CONTROL,
        "in reverse",
        sequences,
        _sequence_out(lambda v: v[::-1]),
    )
    yield Fault(
        "sequence/one-for-all",
        CONTROL,
        "the first for all",
        sequences,
        _sequence_out(lambda v: [v[0]] * len(v) if v else v),
    )
    yield Fault(
        "sequence/always-appended",
        CONTROL,
        "inserted at the end",
        among("SequenceInsert"),
        _appended,
    )
    yield Fault(
        "optional/always-there",
        CONTROL,
        "an empty optional is said to be there",
        among("OptionalHasElement"),
        lambda call: [
            mapped(v, lambda t: with_array(t, np.ones(t.shape))) for v in call.evaluate()
        ],
    )


def _any_condition(call: Call) -> Values:
    place = call.position("condition")
    given = None if place is None else call.tensor(place)
    if place is None or given is None:
        return call.evaluate()
    return call.evaluate(call.replaced(place, with_array(given, ~given.array)))


def _appended(call: Call) -> Values:
    return call.evaluate(call.inputs[:2])


def _texts(change: Callable[[str], str], *, inputs: bool = False) -> Mutate:
    def one(tensor: Tensor) -> Tensor:
        if tensor.dtype.name != "string":
            return tensor
        made = np.array([*(change(str(t)) for t in tensor.array.ravel()), None], object)[:-1]
        return Tensor(made.reshape(tensor.shape), tensor.dtype)

    if inputs:
        return lambda call: call.evaluate([mapped(v, one) for v in call.inputs])
    return lambda call: [mapped(v, one) for v in call.evaluate()]


def _text() -> Iterator[Fault]:
    strings = admitting("string")
    for label, summary, mutate in (
        (
            "ascii-only",
            "what is not ASCII is lost",
            _texts(lambda t: t.encode("ascii", "ignore").decode()),
        ),
        ("latin-1", "UTF-8 is read as Latin-1", _texts(lambda t: t.encode().decode("latin-1"))),
        ("cut-at-comma", "text ends at a comma", _texts(lambda t: t.partition(",")[0])),
        ("empty-is-none", "empty text becomes 'None'", _texts(lambda t: t or "None")),
        ("stripped", "blanks at the ends are lost", _texts(str.strip)),
        ("lower", "letters become small", _texts(str.lower)),
        ("short", "text is cut to 4 characters", _texts(lambda t: t[:4])),
        ("input-lower", "case is not looked at", _texts(str.lower, inputs=True)),
        ("input-stripped", "blanks are not looked at", _texts(str.strip, inputs=True)),
    ):
        yield Fault(f"text/{label}", TEXT, summary, strings, mutate)


def _swapped_words(name: str, words: dict[str, str]) -> Mutate:
    def change(value: Any, _: Call) -> Any:
        if isinstance(value, list):
            return [words.get(w, w) for w in value]  # pyright: ignore[reportUnknownVariableType,reportUnknownArgumentType]  # decoded
        return words.get(value, value)

    return changing_attribute(name, change)


def _modes_shifted(value: Any, _: Call) -> Any:
    """TreeEnsemble's modes as numbers: <= and < exchanged."""
    if not hasattr(value, "raw_data"):
        return value
    from onnx import numpy_helper

    array = numpy_helper.to_array(value)
    made = np.where(array == 0, 1, np.where(array == 1, 0, array)).astype(array.dtype)
    return numpy_helper.from_array(made, value.name)


def _classical() -> Iterator[Fault]:
    trees = having("nodes_modes")
    pairs = {"BRANCH_LEQ": "BRANCH_LT", "BRANCH_LT": "BRANCH_LEQ"}
    more = {"BRANCH_GT": "BRANCH_GTE", "BRANCH_GTE": "BRANCH_GT", **pairs}
    yield Fault(
        "trees/equal", CLASSICAL, "<= is <, > is >=", trees, _swapped_words("nodes_modes", more)
    )
    yield Fault(
        "trees/modes",
        CLASSICAL,
        "<= is <",
        trees,
        changing_attribute("nodes_modes", _modes_shifted),
    )
    yield Fault(
        "trees/branches-exchanged",
        CLASSICAL,
        "true and false branches are exchanged",
        trees,
        _branches_exchanged,
    )
    for word in ("SUM", "AVERAGE", "MIN", "MAX"):
        yield Fault(
            f"trees/aggregate-{word.lower()}",
            CLASSICAL,
            f"trees are combined by {word}",
            having("aggregate_function"),
            changing_attribute("aggregate_function", _aggregated(word)),
        )
    for word in ("NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"):
        yield Fault(
            f"scores/always-{word.lower().replace('_', '-')}",
            CLASSICAL,
            f"scores are always {word}",
            having("post_transform"),
            changing_attribute("post_transform", _word(word)),
        )
    for word in ("LINEAR", "POLY", "RBF", "SIGMOID"):
        yield Fault(
            f"svm/always-{word.lower()}",
            CLASSICAL,
            f"the kernel is always {word}",
            having("kernel_type"),
            changing_attribute("kernel_type", always(word)),
        )
    for word in ("MAX", "L1", "L2"):
        yield Fault(
            f"normalizer/always-{word.lower()}",
            CLASSICAL,
            f"the norm is always {word}",
            having("norm"),
            changing_attribute("norm", always(word)),
        )
    yield Fault(
        "labels/shifted",
        CLASSICAL,
        "labels are those of the next class",
        having("classlabels_ints", "classlabels_int64s", "classlabels_strings"),
        _labels_shifted,
    )


def _first_is(word: str) -> Callable[[Any, Call], Any]:
    return lambda value, _: [word, *value[1:]] if value else value


def _word(word: str) -> Callable[[Any, Call], Any]:
    return lambda value, _: word if isinstance(value, str) else value


def _aggregated(word: str) -> Callable[[Any, Call], Any]:
    return lambda value, _: _aggregate(value, word)


def _aggregate(value: Any, word: str) -> Any:
    numbers = {"AVERAGE": 0, "SUM": 1, "MIN": 2, "MAX": 3}
    return numbers[word] if isinstance(value, int) else word


def _branches_exchanged(call: Call) -> Values:
    names = ("nodes_truenodeids", "nodes_falsenodeids")
    if "nodes_trueleafs" in call.attributes:
        true, false = call.attributes["nodes_trueleafs"], call.attributes["nodes_falseleafs"]
        ids = {names[0]: call.attributes[names[1]], names[1]: call.attributes[names[0]]}
        return call.evaluate(nodes_trueleafs=false, nodes_falseleafs=true, **ids)
    if names[0] not in call.attributes:
        return call.evaluate()
    return call.evaluate(
        **{names[0]: call.attributes[names[1]], names[1]: call.attributes[names[0]]}
    )


def _labels_shifted(call: Call) -> Values:
    changed: dict[str, Any] = {}
    for name in ("classlabels_ints", "classlabels_int64s", "classlabels_strings"):
        value = call.attributes.get(name)
        if isinstance(value, list) and value:
            changed[name] = [*value[1:], value[0]]
    return call.evaluate(**changed)


def faults() -> Iterator[Fault]:
    """All of them."""
    yield from _recurrence()
    yield from _attention()
    yield from _control()
    yield from _text()
    yield from _classical()
