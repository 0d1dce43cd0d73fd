"""Devices whose arithmetic is known are told apart: the evaluator with other parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import ml_dtypes
import numpy as np
import pytest
from hal_conformance.fingerprint import Fact, digest
from hal_conformance.fingerprint.lab import Lab
from hal_conformance.fingerprint.probes import PROBES
from hal_conformance.fingerprint.take import ask
from hal_reference.adapter import ReferenceAdapter
from hal_reference.program import ReferenceProgram
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

from hal.adapter import Program
from hal.device import Device
from hal.errors import DeviceLost, ExecutionError, Unsupported
from hal.model import Model
from hal.spec import CompileOptions, DeviceInfo
from hal.targets import ad_hoc

Part = type[Any]


def part(op: str, compute: Callable[..., Any]) -> Part:
    """An operator of the evaluator, computed by a function."""

    def run(self: Any, *inputs: Any, **attributes: Any) -> tuple[Any]:
        return (compute(*inputs, **attributes),)

    return type(op, (OpRun,), {"op_domain": "", "_run": run})


def unary(op: str, compute: Callable[[Any], Any]) -> Part:
    return part(op, compute)


def binary(op: str, compute: Callable[[Any, Any], Any]) -> Part:
    return part(op, compute)


class OtherAdapter(ReferenceAdapter):
    """The standard's evaluator, of which some operators compute otherwise."""

    parts: ClassVar[list[Part]] = []

    def compile(self, model: Model, device: DeviceInfo, options: CompileOptions) -> Program:
        facts = model.facts
        evaluator = ReferenceEvaluator(model.proto(), new_ops=list(self.parts))
        return ReferenceProgram(evaluator, facts.inputs, facts.outputs, facts.nodes)


def facts(*parts: Part, names: tuple[str, ...]) -> dict[str, str]:
    """The facts of those names of an evaluator with these parts."""
    adapter = OtherAdapter()
    adapter.parts = list(parts)  # type: ignore[misc]  # of this one alone
    (info,) = adapter.probe()
    lab = Lab(lambda: Device(ad_hoc("reference:cpu"), adapter, info))
    return {fact.id: fact.value for fact in ask(lab, chosen(*names))}


def chosen(*names: str) -> tuple[Any, ...]:
    found = tuple(probe for probe in PROBES if probe.fact in names)
    assert len(found) == len(names)
    return found


def rounded(values: Any, bits: int) -> Any:
    """To so many explicit bits of significand, ties to even."""
    fraction, exponent = np.frexp(values.astype(np.float64))
    scale = 2.0 ** (bits + 1)
    return np.ldexp(np.rint(fraction * scale) / scale, exponent).astype(np.float32)


def sequential(a: Any, b: Any, kind: Any) -> Any:
    total = np.zeros((a.shape[0], b.shape[1]), kind)
    with np.errstate(all="ignore"):
        for k in range(a.shape[1]):
            product = (a[:, k : k + 1].astype(np.float64) * b[k].astype(np.float64)).astype(
                kind
            )
            total = (total + product).astype(kind)
    return total.astype(a.dtype)


def forwards(a: Any, b: Any) -> Any:
    return sequential(a, b, np.float32)


def backwards(a: Any, b: Any) -> Any:
    return sequential(a[:, ::-1], b[::-1], np.float32)


def pairwise(a: Any, b: Any) -> Any:
    terms = (a[:, :, None] * b[None, :, :]).astype(np.float32)
    while terms.shape[1] > 1:
        terms = terms[:, 0::2] + terms[:, 1::2]
    return terms[:, 0]


def strided(a: Any, b: Any, lanes: int = 8) -> Any:
    terms = (a[:, :, None] * b[None, :, :]).astype(np.float32)
    sums = np.zeros((terms.shape[0], lanes, terms.shape[2]), np.float32)
    for k in range(0, terms.shape[1], lanes):
        sums = sums + terms[:, k : k + lanes]
    total = sums[:, 0]
    for lane in range(1, lanes):
        total = total + sums[:, lane]
    return total


def flushed(values: Any) -> Any:
    tiny = np.finfo(np.float32).tiny
    return np.where(np.abs(values) < tiny, np.float32(0), values)


@pytest.mark.parametrize(("bits", "name"), [(7, "bfloat16"), (10, "tf32"), (23, "float32")])
def test_the_format_of_operands_is_told(bits: int, name: str) -> None:
    matmul = binary("MatMul", lambda a, b: rounded(a, bits) @ rounded(b, bits))
    assert facts(matmul, names=("matmul.float32.operands",)) == {
        "matmul.float32.operands": name
    }


def test_float16_operands_are_told_from_tf32() -> None:
    def half(a: Any, b: Any) -> Any:
        with np.errstate(all="ignore"):
            return a.astype(np.float16).astype(np.float32) @ b.astype(np.float16).astype(
                np.float32
            )

    found = facts(part("MatMul", half), names=("matmul.float32.operands",))
    assert found == {"matmul.float32.operands": "float16"}


def test_rounded_results_are_no_rounded_operands() -> None:
    matmul = binary("MatMul", lambda a, b: rounded(a @ b, 7))
    names = ("matmul.float32.operands", "matmul.float32.results", "intermediates.after_matmul")
    assert facts(matmul, names=names) == {
        "matmul.float32.operands": "float32",
        "matmul.float32.results": "bfloat16",
        "intermediates.after_matmul": "bfloat16",
    }


@pytest.mark.parametrize(
    ("kind", "dtype", "name"),
    [
        (np.float32, "float32", "float32"),
        (np.float64, "float32", "float64"),
        (np.float16, "float16", "float16"),
        (np.float32, "float16", "float32"),
        (ml_dtypes.bfloat16, "bfloat16", "bfloat16"),
        (np.float32, "float64", "float32"),
    ],
)
def test_the_accumulator_is_told(kind: Any, dtype: str, name: str) -> None:
    matmul = binary("MatMul", lambda a, b: sequential(a, b, kind))
    fact = f"matmul.{dtype}.accumulator"
    assert facts(matmul, names=(fact,)) == {fact: name}


@pytest.mark.parametrize(
    ("compute", "name"),
    [
        (forwards, "sequential"),
        (backwards, "sequential, from the end"),
        (pairwise, "pairwise"),
        (strided, "8 lanes"),
    ],
)
def test_the_order_and_the_width_of_sums_are_told(
    compute: Callable[..., Any], name: str
) -> None:
    names = ("matmul.float32.order", "matmul.float32.accumulator")
    assert facts(part("MatMul", compute), names=names) == dict(
        zip(names, (name, "float32"), strict=True)
    )


def test_a_separate_multiplication_and_a_wide_accumulator_are_told() -> None:
    name = "matmul.float32.multiply_add"
    separate = binary("MatMul", lambda a, b: sequential(a, b, np.float32))
    wide = binary("MatMul", lambda a, b: sequential(a, b, np.float64))
    assert facts(separate, names=(name,)) == {name: "separate"}
    assert facts(wide, names=(name,)) == {name: "products are exact, in a wide accumulator"}


def test_flushing_of_inputs_and_of_results_are_told_apart() -> None:
    names = ("subnormals.float32.inputs", "subnormals.float32.results")
    inputs = binary("Mul", lambda a, b: flushed(a) * flushed(b))
    results = binary("Mul", lambda a, b: flushed(a * b))
    assert list(facts(inputs, names=names).values()) == ["flushed", "kept"]
    assert list(facts(results, names=names).values()) == ["kept", "flushed"]


def test_casts_that_saturate_and_truncate_are_told() -> None:
    kinds: dict[int, Any] = {3: np.int8, 6: np.int32}

    def saturating(x: Any, to: int = 0, **_: Any) -> Any:
        if to == 16:
            bits = x.view(np.uint32) & np.uint32(0xFFFF0000)
            return bits.view(np.float32).astype(ml_dtypes.bfloat16)
        info = np.iinfo(kinds[to])
        near = np.nan_to_num(np.trunc(x.astype(np.float64)), posinf=1e30, neginf=-1e30)
        return np.clip(near, info.min, info.max).astype(kinds[to])

    names = (
        "cast.float32.int8.overflow",
        "cast.float32.int32.overflow",
        "cast.float32.int8.infinity",
        "cast.float32.int8.nan",
        "cast.float32.int32.rounding",
        "cast.float32.bfloat16.rounding",
    )
    found = facts(part("Cast", saturating), names=names)
    assert list(found.values()) == ["saturates"] * 3 + ["0", "toward zero", "toward zero"]


def test_a_winograd_convolution_is_told_from_a_direct_one() -> None:
    name = "conv3x3.float32.algorithm"

    def winograd(x: Any, w: Any, **_: Any) -> Any:
        """F(2, 3) along rows: what the tile's other pixels hold is cancelled in float32."""
        padded = np.pad(x[0], ((0, 0), (1, 1), (1, 1))).astype(np.float32)
        windows = np.lib.stride_tricks.sliding_window_view(padded, 3, axis=1)
        left, right = windows[:, :, 0:-2:2], windows[:, :, 1:-1:2]
        third, last = windows[:, :, 2::2], windows[:, :, 3::2]
        g0, g1, g2 = w[..., 0], w[..., 1], w[..., 2]
        half = np.float32(0.5)

        def dot(d: Any, g: Any) -> Any:
            return np.einsum("chwi,oci->ohw", d, g).astype(np.float32)

        m0 = dot(left - third, g0)
        m1 = dot(right + third, (g0 + g1 + g2) * half)
        m2 = dot(third - right, (g0 - g1 + g2) * half)
        m3 = dot(right - last, g2)
        both = np.stack([m0 + m1 + m2, m1 - m2 - m3], axis=-1)
        return both.reshape(1, both.shape[0], both.shape[1], -1)

    assert facts(names=(name,)) == {name: "direct"}
    assert facts(part("Conv", winograd), names=(name,))[name].startswith("transformed")


def test_choices_are_told() -> None:
    relu = unary("Relu", lambda x: np.where(x > 0, x, np.float32(0)))
    away = unary("Round", lambda x: np.copysign(np.floor(np.abs(x) + 0.5), x))
    found = facts(relu, away, names=("relu.nan", "relu.negative_zero", "round.ties"))
    assert sorted(found.items()) == [
        ("relu.nan", "0"),
        ("relu.negative_zero", "+0"),
        ("round.ties", "away from zero"),
    ]


def test_integers_computed_in_less_are_told() -> None:
    narrow = binary(
        "Add", lambda a, b: (a.astype(np.int32) + b.astype(np.int32)).astype(a.dtype)
    )
    single = binary("Mul", lambda a, b: (a.astype(np.float64) * b).astype(a.dtype))
    found = facts(narrow, single, names=("int64.add.computed_in", "int64.mul.computed_in"))
    assert list(found.values()) == ["int32, wraps", "float64"]


def test_answers_that_change_are_told() -> None:
    runs = iter(range(1000))

    def restless(x: Any, **_: Any) -> Any:
        return x + np.float32(next(runs) % 2)

    assert facts(part("Softmax", restless), names=("repeats.softmax",)) == {
        "repeats.softmax": "differs"
    }


def test_what_goes_wrong_in_a_probe_is_a_fact_and_ends_nothing() -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise Unsupported("no such thing")

    def die(*_: Any, **__: Any) -> Any:
        raise DeviceLost("gone", signal=8)

    def fail(*_: Any, **__: Any) -> Any:
        raise ExecutionError("division by zero")

    parts = (part("Exp", refuse), part("Tanh", die), part("Div", fail))
    names = ("exp.float32.error", "tanh.float32.error", "int32.div.by_zero", "neg.zero")
    assert facts(*parts, names=names) == {
        "exp.float32.error": "unknown: refused",
        "tanh.float32.error": "unknown: it ends the process (SIGFPE)",
        "int32.div.by_zero": "an error when it runs",
        "neg.zero": "-0",
    }


def test_the_ids_of_facts_are_unique_and_the_hash_ignores_their_order() -> None:
    assert len({probe.fact for probe in PROBES}) == len(PROBES)
    assert digest({"a": "1", "b": "2"}) == digest({"b": "2", "a": "1"})
    assert digest({"a": "1"}) != digest({"a": "2"})


def test_a_fact_has_its_probe_and_what_was_seen() -> None:
    adapter = ReferenceAdapter()
    (info,) = adapter.probe()
    lab = Lab(lambda: Device(ad_hoc("reference:cpu"), adapter, info))
    (found,) = ask(lab, chosen("neg.zero"))
    assert found == Fact("neg.zero", "-0", "Neg(float32[37])", "Neg(+0) is -0", "+0 alone")
