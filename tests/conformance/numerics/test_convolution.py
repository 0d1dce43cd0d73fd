"""Convolutions, direct and transformed, against plain loops and simulated devices."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Literal, TypeAlias

import numpy as np
import pytest
from hal_conformance.numerics import families
from hal_conformance.numerics.arithmetic import Array, arithmetic
from hal_conformance.numerics.machine import Machine
from hal_conformance.numerics.pair import Pair
from hal_conformance.numerics.rules import Step, find
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view

families.load()
Form: TypeAlias = Literal["direct", "transformed"]
SEEDS = st.integers(0, 2**32 - 1)
FORMS: list[dict[str, Any]] = [
    {},
    {"pads": [1, 0, 2, 1], "strides": [2, 1]},
    {"dilations": [2, 3], "pads": [2, 2, 2, 2]},
    {"group": 2, "strides": [2, 3]},
    {"auto_pad": "SAME_UPPER", "strides": [2, 2]},
    {"auto_pad": "SAME_LOWER", "strides": [3, 2]},
    {"auto_pad": "VALID", "dilations": [2, 1]},
]


def numbers(seed: int, *shape: int) -> Array:
    random = np.random.default_rng(seed)
    return np.asarray(random.normal(size=shape), np.float32)


def padding(form: Mapping[str, Any], size: int, axis: int, span: int) -> tuple[int, int]:
    """The pads of an axis by the operator's document."""
    stride = form.get("strides", [1, 1])[axis]
    if form.get("auto_pad", "NOTSET").startswith("SAME"):
        missing = max(0, (-(-size // stride) - 1) * stride + span - size)
        half = missing // 2
        upper = form["auto_pad"] == "SAME_UPPER"
        return (half, missing - half) if upper else (missing - half, half)
    pads = form.get("pads", [0] * 4)
    return pads[axis], pads[axis + 2]


def columns(x: Array, w: Array, form: Mapping[str, Any]) -> list[tuple[Array, Array]]:
    """For each output position and group the window and the weights, as two matrices."""
    group, strides = form.get("group", 1), form.get("strides", [1, 1])
    holes = form.get("dilations", [1, 1])
    spans = [(k - 1) * d + 1 for k, d in zip(w.shape[2:], holes, strict=True)]
    pads = [padding(form, x.shape[2 + axis], axis, spans[axis]) for axis in (0, 1)]
    padded = np.pad(x, [(0, 0), (0, 0), *pads])
    slid = sliding_window_view(padded, spans, (2, 3))[:, :, :: strides[0], :: strides[1]]
    slid = slid[..., :: holes[0], :: holes[1]]
    found = list[tuple[Array, Array]]()
    for index in range(group):
        channels, made = x.shape[1] // group, w.shape[0] // group
        part = slid[:, index * channels : (index + 1) * channels]
        rows = np.moveaxis(part, 1, 3).reshape(-1, channels * w.shape[2] * w.shape[3])
        weights = w[index * made : (index + 1) * made].reshape(made, -1).T
        found.append((rows, weights))
    return found


@settings(max_examples=50, deadline=None)
@given(seed=SEEDS, form=st.sampled_from(FORMS), model=st.sampled_from(["fp32", "bf16", "fp16"]))
def test_a_direct_convolution_stays_within_the_bound(
    bounds_of: Callable[..., Any], seed: int, form: dict[str, Any], model: str
) -> None:
    group = form.get("group", 1)
    x, w, b = (
        numbers(seed, 2, 4, 8, 9),
        numbers(seed + 1, 6, 4 // group, 3, 2),
        numbers(seed, 6),
    )
    made = bounds_of("Conv", [x, w, b], model=model, **form)
    machine = Machine(arithmetic(model), seed)
    outputs = list[Array]()
    for rows, weights in columns(x, w, form):
        left, right = (machine.operand(a, "float32") for a in (rows, weights))
        outputs.append(machine.contract(left, right, "float32"))
    shape = made.pair.value.shape
    got = np.concatenate(outputs, axis=1).reshape(shape[0], *shape[2:], 6)
    got = machine.store(np.moveaxis(got, -1, 1), "float32")
    bias = machine.store(b, "float32").reshape(1, 6, 1, 1)
    got = machine.store(got + bias, "float32").astype(np.float32)
    assert made.accepts(got)
    assert not made.accepts(np.roll(got, 1, axis=-1))


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"strides": [3, 2], "pads": [1, 0, 2, 1]},
        {"strides": [2, 2], "dilations": [2, 1], "output_padding": [1, 0]},
        {"group": 2, "strides": [2, 1]},
        {"auto_pad": "SAME_UPPER", "strides": [3, 3]},
        {"auto_pad": "SAME_LOWER", "strides": [3, 2]},
        {"output_shape": [12, 13], "strides": [2, 2]},
        {"output_shape": [7, 9], "strides": [2, 2], "auto_pad": "SAME_UPPER"},
    ],
)
def test_a_transposed_convolution_is_the_adjoint_of_a_convolution(
    bounds_of: Callable[..., Any], form: dict[str, Any]
) -> None:
    group = form.get("group", 1)
    y, w = numbers(1, 2, 4, 5, 6), numbers(2, 4, 6 // group, 3, 2)
    made = bounds_of("ConvTranspose", [y, w], **form).pair
    x = numbers(3, *made.value.shape).astype(float)
    strides, holes = form.get("strides", [1, 1]), form.get("dilations", [1, 1])
    spans = [(k - 1) * d + 1 for k, d in zip((3, 2), holes, strict=True)]
    full = [(n - 1) * s + k for n, s, k in zip((5, 6), strides, spans, strict=True)]
    full = [f + e for f, e in zip(full, form.get("output_padding", [0, 0]), strict=True)]
    begins = form.get("pads", [0, 0])[:2]
    if "auto_pad" in form or "output_shape" in form:
        missing = [max(0, f - n) for f, n in zip(full, made.value.shape[2:], strict=True)]
        upper = form.get("auto_pad") == "SAME_UPPER"
        begins = [m // 2 if upper else m - m // 2 for m in missing]
    ends = [max(0, f - b - n) for f, b, n in zip(full, begins, x.shape[2:], strict=True)]
    padded = np.pad(x, [(0, 0), (0, 0), *zip(begins, ends, strict=True)])
    plain = {"strides": strides, "dilations": holes, "group": group}
    parts = [r @ c for r, c in columns(padded, w.astype(float), plain)]
    out = (
        -(-(n - k + 1) // s) for n, k, s in zip(padded.shape[2:], spans, strides, strict=True)
    )
    image = np.concatenate(parts, axis=1).reshape(2, *out, 4)[:, :5, :6]
    forward = np.sum(np.moveaxis(image, -1, 1) * y)
    assert np.sum(made.value * x) == pytest.approx(forward, rel=1e-12)


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, stride=st.integers(1, 4))
def test_a_transposed_convolution_in_float32_stays_within_the_bound(
    bounds_of: Callable[..., Any], seed: int, stride: int
) -> None:
    y, w = numbers(seed, 1, 3, 7), numbers(seed + 1, 3, 2, 5)
    made = bounds_of("ConvTranspose", [y, w], strides=[stride])
    got = np.zeros((1, 2, 6 * stride + 5), np.float32)
    order = np.random.default_rng(seed).permutation(3 * 7 * 5).tolist()
    for index in order:
        c, i, k = index // 35, index // 5 % 7, index % 5
        got[0, :, i * stride + k] += y[0, c, i] * w[c, :, k]
    assert made.accepts(got)
    assert not made.accepts(got[..., ::-1])


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS, op=st.sampled_from(["Conv", "ConvTranspose"]))
def test_a_convolution_may_start_from_its_bias(
    bounds_of: Callable[..., Any], seed: int, op: str
) -> None:
    x, w = numbers(seed, 1, 32, 6), numbers(seed + 1, 32, 1, 3)
    b = numbers(seed + 2, 1) * np.float32(1e4)
    weights = w if op == "ConvTranspose" else w.swapaxes(0, 1)
    size, turn = (8, 1) if op == "ConvTranspose" else (4, -1)
    got = np.full(size, b, np.float32)
    for c, k in np.ndindex(32, 3):
        if turn == 1:
            got[k : k + 6] += x[0, c] * w[c, 0, k]
        else:
            got += x[0, c, k : k + 4] * w[c, 0, k]
    assert bounds_of(op, [x, weights, b]).accepts(got.reshape(1, 1, size))


WINOGRAD: dict[str, tuple[Any, Any, Any]] = {
    "F(2,3)": (
        [[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]],
        [[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]],
        [[1, 1, 1, 0], [0, 1, -1, -1]],
    ),
    "F(4,3)": (
        [
            [4, 0, -5, 0, 1, 0],
            [0, -4, -4, 1, 1, 0],
            [0, 4, -4, -1, 1, 0],
            [0, -2, -1, 2, 1, 0],
            [0, 2, -1, -2, 1, 0],
            [0, 4, 0, -5, 0, 1],
        ],
        [
            [1 / 4, 0, 0],
            [-1 / 6, -1 / 6, -1 / 6],
            [-1 / 6, 1 / 6, -1 / 6],
            [1 / 24, 1 / 12, 1 / 6],
            [1 / 24, -1 / 12, 1 / 6],
            [0, 0, 1],
        ],
        [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]],
    ),
    "F(6,3)": (
        [
            [1, 0, -21 / 4, 0, 21 / 4, 0, -1, 0],
            [0, 1, 1, -17 / 4, -17 / 4, 1, 1, 0],
            [0, -1, 1, 17 / 4, -17 / 4, -1, 1, 0],
            [0, 0.5, 0.25, -2.5, -1.25, 2, 1, 0],
            [0, -0.5, 0.25, 2.5, -1.25, -2, 1, 0],
            [0, 2, 4, -2.5, -5, 0.5, 1, 0],
            [0, -2, 4, 2.5, -5, -0.5, 1, 0],
            [0, -1, 0, 21 / 4, 0, -21 / 4, 0, 1],
        ],
        [
            [1, 0, 0],
            [-2 / 9, -2 / 9, -2 / 9],
            [-2 / 9, 2 / 9, -2 / 9],
            [1 / 90, 1 / 45, 2 / 45],
            [1 / 90, -1 / 45, 2 / 45],
            [32 / 45, 16 / 45, 8 / 45],
            [32 / 45, -16 / 45, 8 / 45],
            [0, 0, 1],
        ],
        [
            [1, 1, 1, 1, 1, 1, 1, 0],
            [0, 1, -1, 2, -2, 0.5, -0.5, 0],
            [0, 1, 1, 4, 4, 0.25, 0.25, 0],
            [0, 1, -1, 8, -8, 1 / 8, -1 / 8, 0],
            [0, 1, 1, 16, 16, 1 / 16, 1 / 16, 0],
            [0, 1, -1, 32, -32, 1 / 32, -1 / 32, 1],
        ],
    ),
}


def winograd(name: str, x: Array, w: Array) -> Array:
    """One tile (C, t, t) convolved with (M, C, 3, 3), all in float32."""
    b, g, a = (np.asarray(m, np.float32) for m in WINOGRAD[name])
    filters, tile = g @ w @ g.T, b @ x @ b.T
    summed = np.zeros((len(w), *tile.shape[1:]), np.float32)
    for channel in range(len(x)):
        summed = summed + filters[:, channel] * tile[channel]
    return np.asarray(a @ summed @ a.T)


def tile_bounds(x: Array, w: Array, convolution: Form) -> tuple[Array, Array]:
    """Value and error of a plain convolution of one tile."""

    def reference(values: Any) -> list[Any]:
        raise AssertionError(values)

    chosen = replace(arithmetic("fp32"), convolution=convolution)
    entry = find("Conv", 22)
    assert entry is not None
    step = Step("Conv", "", 22, {"group": 1}, chosen, ("y",), reference)
    (made,) = entry.rule(step, [Pair.exact(x[None]), Pair.exact(w)])
    assert isinstance(made, Pair)
    return made.value[0], made.errors()[0]


def scaled_inputs(seed: int, size: int, channels: int, kind: str) -> tuple[Array, Array]:
    """A tile and its weights, one of their columns or an element much larger than the rest."""
    x, w = numbers(seed, channels, size, size), numbers(seed + 1, 2, channels, 3, 3)
    random = np.random.default_rng(seed)
    if "input" in kind:
        x[:, :, random.integers(size)] *= 1024
    if "weight" in kind:
        w[..., random.integers(3)] *= 1024
    return x, w


@settings(max_examples=120, deadline=None)
@given(
    seed=SEEDS,
    name=st.sampled_from(sorted(WINOGRAD)),
    channels=st.sampled_from([1, 3, 16]),
    kind=st.sampled_from(["", "input", "weight", "input and weight"]),
)
def test_winograd_stays_within_the_bound_where_it_is_declared(
    seed: int, name: str, channels: int, kind: str
) -> None:
    x, w = scaled_inputs(seed, len(WINOGRAD[name][0]), channels, kind)
    value, error = tile_bounds(x, w, "transformed")
    assert (np.abs(winograd(name, x, w) - value) <= error).all()


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, kind=st.sampled_from(["", "input", "weight"]))
def test_a_tiled_fft_stays_within_the_bound_where_it_is_declared(seed: int, kind: str) -> None:
    x, w = scaled_inputs(seed, 16, 2, kind)
    value, error = tile_bounds(x, w, "transformed")
    shape = (16, 16)
    spectrum = np.fft.rfft2(x, shape) * np.conj(np.fft.rfft2(w, shape))
    assert spectrum.dtype == np.complex64
    got = np.fft.irfft2(spectrum.sum(axis=1), shape)[:, :14, :14]
    assert (np.abs(got - value) <= error).all()


def test_winograd_exceeds_the_direct_bound() -> None:
    x, w = numbers(0, 1, 6, 6), numbers(1, 2, 1, 3, 3)
    x[:, :, 1] *= 1024
    value, error = tile_bounds(x, w, "direct")
    assert (np.abs(winograd("F(4,3)", x, w) - value) > 10 * error).any()


def test_a_transformed_bound_still_tells_a_wrong_convolution() -> None:
    x, w = scaled_inputs(1, 8, 3, "")
    value, error = tile_bounds(x, w, "transformed")
    assert (error < 0.01 * np.sqrt(np.mean(value**2))).all()


def test_deformed_by_nothing_a_convolution_is_itself(bounds_of: Callable[..., Any]) -> None:
    x, w = numbers(1, 1, 4, 6, 7), numbers(2, 2, 2, 3, 2)
    form = {"group": 2, "pads": [1, 0, 1, 1], "strides": [2, 1], "dilations": [1, 2]}
    plain = bounds_of("Conv", [x, w], **form).pair
    offset = np.zeros((1, 2 * 12, *plain.value.shape[2:]), np.float32)
    made = bounds_of("DeformConv", [x, w, offset], offset_group=2, **form)
    assert np.allclose(made.pair.value, plain.value, rtol=1e-14, atol=1e-14)


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS)
def test_deformed_samples_in_float32_stay_within_the_bound(
    bounds_of: Callable[..., Any], seed: int
) -> None:
    x, w = numbers(seed, 1, 1, 6, 7), numbers(seed + 1, 1, 1, 2, 2)
    offset, mask = numbers(seed + 2, 1, 8, 5, 6), numbers(seed + 3, 1, 4, 5, 6)
    bias = numbers(seed + 4, 1)
    made = bounds_of("DeformConv", [x, w, offset, bias, mask])
    got = np.zeros((1, 1, 5, 6), np.float32)
    for i, j, k, m in np.ndindex(5, 6, 2, 2):
        at = 2 * (2 * k + m)
        y = np.float32(i + k) + offset[0, at, i, j]
        z = np.float32(j + m) + offset[0, at + 1, i, j]
        got[0, 0, i, j] += w[0, 0, k, m] * mask[0, 2 * k + m, i, j] * bilinear(x[0, 0], y, z)
    assert made.accepts(got + bias)
    assert not made.accepts(got)


def bilinear(image: Array, y: Any, x: Any) -> Any:
    """A sample between pixels, zero outside, in float32."""
    total: Any = np.float32(0)
    low_y, low_x = int(np.floor(y)), int(np.floor(x))
    for i, j in np.ndindex(2, 2):
        row, column = low_y + i, low_x + j
        if 0 <= row < image.shape[0] and 0 <= column < image.shape[1]:
            weight_y = np.float32(1) - abs(y - np.float32(row))
            weight_x = np.float32(1) - abs(x - np.float32(column))
            total += weight_y * weight_x * image[row, column]
    return total
