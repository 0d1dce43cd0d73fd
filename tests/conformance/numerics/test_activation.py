"""Softmax, attention and losses: every legal form is accepted, narrower arithmetic is seen."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, Protocol

import ml_dtypes
import numpy as np
import onnx
import pytest
from hal_conformance.numerics import engine, rules
from hal_conformance.numerics.arithmetic import Array
from hal_conformance.numerics.exceptions import EXCEPTIONS
from hal_conformance.numerics.pair import Pair
from hypothesis import given, settings
from hypothesis import strategies as st

mpmath: Any = import_module("mpmath")  # it has no types
assert engine  # importing it registers every rule
TYPES = {"fp32": np.float32, "fp16": np.float16, "bf16": ml_dtypes.bfloat16}
FORMS = ("three passes", "online", "blocks of 8", "fast exp")
SEEDS = st.integers(0, 2**32 - 1)


class Bounded(Protocol):
    pair: Pair
    others: tuple[Pair, ...]

    def accepts(self, got: Array, output: int = 0) -> bool: ...


Bounds = Callable[..., Bounded]


def numbers(seed: int, shape: tuple[int, ...], spread: float = 1.0) -> Array:
    return (np.random.default_rng(seed).standard_normal(shape) * spread).astype(np.float32)


def normaliser(x: Array, form: str, seed: int) -> tuple[Array, Array, Array]:
    """Maximum, exponentials and their sum, in float32."""
    f = np.float32
    highest = x.max(-1, keepdims=True)
    powers = np.exp(x - highest)
    if form == "fast exp":
        powers = powers * (f(1) + np.sign(numbers(seed, powers.shape)) * f(2.5 * 2.0**-23))
    if form in ("three passes", "fast exp"):
        whole = np.zeros_like(highest)
        for k in np.random.default_rng(seed).permutation(x.shape[-1]):
            whole = whole + powers[..., k : k + 1]
        return highest, powers, whole
    block = 8
    running = np.full_like(highest, -np.inf)
    whole = np.zeros_like(highest)
    for start in range(0, x.shape[-1], block):
        part = x[..., start : start + block]
        higher = np.maximum(running, part.max(-1, keepdims=True))
        whole = whole * np.exp(running - higher) + np.exp(part - higher).sum(-1, keepdims=True)
        running = higher
    return highest, powers, whole


@settings(max_examples=80, deadline=None)
@given(
    seed=SEEDS,
    width=st.sampled_from([1, 2, 9, 64, 1000]),
    spread=st.sampled_from([0.1, 1.0, 20.0]),
    form=st.sampled_from(FORMS),
    model=st.sampled_from(["fp32", "fp16", "bf16"]),
    log=st.booleans(),
)
def test_no_form_of_softmax_is_accused(
    bounds_of: Bounds, seed: int, width: int, spread: float, form: str, model: str, log: bool
) -> None:
    x = np.sort(numbers(seed, (2, width), spread)).astype(TYPES[model])
    highest, powers, whole = normaliser(x.astype(np.float32), form, seed)
    plain = x.astype(np.float32)
    got: Array = powers / whole
    if log and form == "online":
        got = np.subtract(plain, highest + np.log(whole))
    elif log:
        got = np.subtract(plain - highest, np.log(whole))
    bounded = bounds_of("LogSoftmax" if log else "Softmax", [x], model=model)
    wrong = np.abs(got.astype(x.dtype).astype(np.float64) - bounded.pair.value)
    assert (wrong <= bounded.pair.errors()).all()


@pytest.mark.parametrize("op", ["Softmax", "LogSoftmax"])
def test_the_values_are_those_of_mpmath(bounds_of: Bounds, op: str) -> None:
    x = numbers(3, (40,), 10.0)
    pair = bounds_of(op, [x]).pair
    with mpmath.workprec(200):
        powers = [mpmath.exp(v) for v in x.tolist()]
        exact = [power / mpmath.fsum(powers) for power in powers]
        exact = [mpmath.log(v) for v in exact] if op == "LogSoftmax" else exact
        for k, value in enumerate(exact):
            assert abs(pair.value[k] - value) < pair.errors()[k] / 64


def test_softmax_of_bfloat16_is_seen(bounds_of: Bounds) -> None:
    x = numbers(4, (4, 300))
    rounded = x.astype(ml_dtypes.bfloat16).astype(np.float32)
    _, powers, whole = normaliser(rounded, "three passes", 0)
    assert not bounds_of("Softmax", [x]).accepts(powers / whole)
    assert bounds_of("Softmax", [x], model="bf16").accepts(powers / whole)


def test_masked_elements_are_exactly_zero(bounds_of: Bounds) -> None:
    x = np.array([[0.0, -np.inf, 1.0]], np.float32)
    _, powers, whole = normaliser(x, "three passes", 0)
    assert bounds_of("Softmax", [x]).accepts(powers / whole)
    assert not bounds_of("Softmax", [x]).accepts(powers / whole + np.float32(1e-6))


def test_before_version_13_all_axes_from_the_named_one_are_one(bounds_of: Bounds) -> None:
    x = numbers(5, (2, 3, 4))
    _, powers, whole = normaliser(x.reshape(2, 12), "three passes", 0)
    got = (powers / whole).reshape(x.shape)
    assert bounds_of("Softmax", [x], opset=11).accepts(got)
    assert not bounds_of("Softmax", [x], opset=13).accepts(got)
    _, powers, whole = normaliser(x, "three passes", 0)
    assert bounds_of("Softmax", [x], opset=13).accepts(powers / whole)


def flash(q: Array, k: Array, v: Array, causal: bool, block: int) -> Array:
    """Attention with an online softmax over blocks of keys, in float32."""
    scale = np.float32(1 / np.sqrt(q.shape[-1]))
    running = np.full((*q.shape[:-1], 1), -np.inf, np.float32)
    whole, out = np.zeros_like(running), np.zeros((*q.shape[:-1], v.shape[-1]), np.float32)
    for start in range(0, k.shape[-2], block):
        keys, values = k[..., start : start + block, :], v[..., start : start + block, :]
        score = (q @ keys.swapaxes(-1, -2)) * scale
        if causal:
            seen = np.tri(q.shape[-2], keys.shape[-2], -start, dtype=bool)
            score = np.where(seen, score, -np.inf)
        higher = np.maximum(running, score.max(-1, keepdims=True)).astype(np.float32)
        share, part = np.exp(running - higher), np.exp(score - higher).astype(np.float32)
        whole = whole * share + part.sum(-1, keepdims=True)
        out = out * share + part @ values
        running = higher
    return np.asarray(out / whole)


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, block=st.sampled_from([8, 16, 64]), causal=st.booleans())
def test_no_block_of_flash_attention_is_accused(
    bounds_of: Bounds, seed: int, block: int, causal: bool
) -> None:
    q, k, v = (numbers(seed + n, (1, 2, 33, 16)) for n in range(3))
    bounded = bounds_of("Attention", [q, k, v], is_causal=int(causal))
    assert bounded.accepts(flash(q, k, v, causal, block))


def test_attention_of_bfloat16_or_with_another_mask_is_seen(bounds_of: Bounds) -> None:
    q, k, v = (numbers(n, (1, 2, 33, 16)) for n in range(3))
    bounded = bounds_of("Attention", [q, k, v], is_causal=1)
    half = [a.astype(ml_dtypes.bfloat16).astype(np.float32) for a in (q, k, v)]
    assert not bounded.accepts(flash(half[0], half[1], half[2], True, 8))
    assert not bounded.accepts(flash(q, k, v, False, 8))


@pytest.mark.parametrize("interleaved", [0, 1])
def test_rotary_embeddings_turn_pairs(bounds_of: Bounds, interleaved: int) -> None:
    x, angle = numbers(1, (1, 2, 5, 8)), numbers(2, (5, 4))
    cos, sin = np.cos(angle), np.sin(angle)
    positions = np.arange(5)[None]
    first, second = (x[..., ::2], x[..., 1::2]) if interleaved else (x[..., :4], x[..., 4:])
    parts = first * cos - second * sin, first * sin + second * cos
    apart = np.stack(parts, -1).reshape(x.shape)
    got = apart if interleaved else np.concatenate(parts, -1)
    inputs = [x, cos, sin, positions]
    bounded = bounds_of("RotaryEmbedding", inputs, interleaved=interleaved)
    assert bounded.accepts(got)
    assert not bounds_of("RotaryEmbedding", inputs, interleaved=1 - interleaved).accepts(got)


@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
def test_losses_weigh_classes_and_leave_out_the_ignored(
    bounds_of: Bounds, reduction: str
) -> None:
    scores, weights = numbers(6, (5, 3)), np.array([0.5, 2.0, 1.0], np.float32)
    labels = np.array([0, 1, 2, 1, 0])
    highest, _, whole = normaliser(scores, "three passes", 0)
    logs = (scores - highest) - np.log(whole)
    used = np.where(labels == 2, np.float32(0), weights[labels])
    losses = -logs[np.arange(5), labels] * used
    table = {"none": losses, "sum": losses.sum(), "mean": losses.sum() / used.sum()}
    bounded = bounds_of(
        "SoftmaxCrossEntropyLoss", [scores, labels, weights],
        reduction=reduction, ignore_index=2, outputs=2,
    )  # fmt: skip
    assert bounded.accepts(np.asarray(table[reduction], np.float32))
    assert bounded.accepts(logs, 1)
    assert not bounded.accepts(np.asarray(table[reduction], np.float32) * np.float32(1.0001))
    direct = bounds_of(
        "NegativeLogLikelihoodLoss", [logs, labels, weights],
        reduction=reduction, ignore_index=2,
    )  # fmt: skip
    assert direct.accepts(np.asarray(table[reduction], np.float32))


def with_bodies() -> set[str]:
    """Operators that have a body in some version, and a rule there."""
    found: set[str] = set()
    schemas: list[Any] = list(onnx.defs.get_all_schemas_with_history())  # untyped stubs
    for schema in schemas:
        has_body = schema.has_function or schema.has_context_dependent_function
        if has_body and rules.find(schema.name, schema.since_version, schema.domain):
            found.add(schema.name)
    return found


def test_every_body_that_is_not_followed_has_its_reason() -> None:
    assert with_bodies() <= set(EXCEPTIONS)


def test_every_exception_has_a_rule() -> None:
    ruled = {op for _, op in rules.all_rules()}
    assert {op for op in EXCEPTIONS if op not in ruled} == set()


def test_what_may_be_anything_before_a_softmax_leaves_its_row_open(bounds_of: Bounds) -> None:
    x = Pair(
        np.array([[0.5, -1e4], [0.5, 0.25]]), np.array([[0.1, np.inf], [0.1, 0.1]]), "float32"
    )
    errors = bounds_of("Softmax", [x]).pair.errors()
    assert np.isinf(errors[0]).all()
    assert np.isfinite(errors[1]).all()


def test_a_share_too_small_for_a_float64_is_bounded_by_the_errors_before_it(
    bounds_of: Bounds,
) -> None:
    x = Pair(np.array([0.0, -1e4]), np.array([0.0, 1e4]), "float32")
    errors = bounds_of("Softmax", [x]).pair.errors()
    assert errors[1] >= 1.0
