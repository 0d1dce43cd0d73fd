"""What products, norms and sums owe for every kind of number and in every shape.

Two cases an operator, at its newest version: `kinds` has NaN, infinities, the largest,
subnormal and zero operands in slices of their own; `shapes` runs one executable on sizes that
kernels tell apart: multiples of 8, even, odd, 1, none, squares, and more than 1,024 results.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from hal.dtypes import DType
from hal_conformance.generated import values
from hal_conformance.generated.draw import Draw
from hal_conformance.generated.form import Family, Form, In, const
from hal_conformance.generated.kinds import KINDS, SQUARED, kinds
from hal_conformance.generated.newest import newest, sizes
from hal_conformance.generated.values import Maker
from hal_conformance.numerics.arithmetic import Array

_GAIN = values.between(0.5, 2)
_NONE = values.cycle((0.0,))


_ROWS = sizes("NM", (4, 8), (4, 8), (9, 9), (5, 3), (3, 1), (1, 6), (5, 1), (0, 4), (33, 35))
_CUBES = sizes(
    "NCM", (2, 3, 8), (2, 3, 8), (3, 5, 5), (1, 2, 1), (1, 2, 2), (0, 2, 3), (33, 2, 35)
)


def _reduced(make: Maker = values.nonzero) -> list[Form]:
    axes = const([1], "axes")
    flat = {"keepdims": 0}
    return [
        Form("kinds", (In((KINDS, 9), kinds()), axes), kinds="float"),
        Form("shapes", (In(("N", "C", "M"), make), axes), sizes=_CUBES),
        Form("shapes_flat", (In(("N", "M", "C"), make), axes), flat, sizes=_CUBES[::-1]),
        Form("five", (In((2, 3, 2, 3, 4), make), const([1, 3], "axes"))),
    ]


def _logs(make: Maker) -> list[Form]:
    axes = const([1], "axes")
    return [
        *_reduced(make),
        Form("single", (In((6, 1), values.cycle((1, 0, 2))), axes)),
        Form("empty_reduced", (In((2, 0, 3)), axes)),
        Form("coarse", (In((17, 4), values.between(9, 60)), axes), core=True, kinds="float"),
    ]


def _sides(_draw: Draw, shape: values.Shape, dtype: DType) -> Array:
    """3 n, 4 n, and every other row with a sign: 5 n needs the type, its square fits."""
    made = np.zeros(shape, np.int64)
    made[:, :2] = np.array([3, 4]) * (2 ** (dtype.bits // 2 - 4) + 1)
    made[1::2] *= -1
    return values.as_type(made, dtype)


def _roots() -> list[Form]:
    given = (In((4, 3), _sides), const([1], "axes"))
    return [Form("sides", given, only=lambda b: b["T"] == "tensor(int64)")]


def _extremes() -> list[Form]:
    return [
        Form("shapes", (In(("N", "C", "M")),), {"axis": 1}, sizes=_CUBES),
        Form("shapes_flat", (In(("N", "M")),), {"axis": -1, "keepdims": 0}, sizes=_ROWS[:-2]),
        Form("vector", (In((7,)),), {"axis": 0, "keepdims": 0}),
    ]


def _rowwise(**attributes: Any) -> list[Form]:
    given = In((KINDS, 9), kinds())
    return [
        Form("kinds", (given,), attributes),
        Form("shapes", (In(("N", "M")),), attributes, sizes=_ROWS),
        Form("vector", (In((11,)),), attributes),
        Form("five", (In((2, 3, 2, 3, 4)),), attributes),
    ]


def _largest() -> list[Form]:
    given = In(("N", "M"), values.shuffled)
    some = sizes("NM", (2, 16), (2, 16), (3, 17), (17, 17), (33, 35))
    return [Form("shapes", (given, const([16], "k")), sizes=some)]


def _distinct() -> list[Form]:
    every = (True, True, True, True)
    far = values.cycle((3, float("inf"), 1e-40, -70000, 0, 1e-40, float("-inf"), 3e38, -3e-39))
    return [
        Form("far", (In((29,), far),), outputs=every),
        Form("shapes", (In(("N", "M")),), outputs=every, sizes=_ROWS),
        Form("three", (In((2, 9, 17), values.shuffled),), outputs=every),
        Form("slices", (In((5, 3, 2), values.whole(0, 2)),), {"axis": 1}, outputs=every),
    ]


def _running(make: Maker) -> list[Form]:
    return [
        Form("kinds", (In((KINDS, 9), kinds()), const(1))),
        Form("shapes", (In(("N", "M"), make), const(1)), sizes=_ROWS),
        Form("two", (In((17, 2)), const(1)), core=True, kinds="float"),
    ]


_FAR = values.cycle((6, -6, *(0.5, 0.25, -0.5, 0.125, -0.25) * 3))
_LARGEST = values.cycle((2.0**127,))


def _layer(rows: int) -> list[Form]:
    row = In((9,), _GAIN, weight=True)
    return [
        Form("kinds", (In((rows, 9), kinds()), row)),
        Form("shapes", (In(("N", "M")), In(("M",), _GAIN)), sizes=_ROWS),
        Form("kinds_scale", (In((3, SQUARED)), In((SQUARED,), kinds()))),
        Form("overflow", (In((3, 17), _FAR), In((17,), _LARGEST))),
        Form("four", (In((2, 3, 5, 8)), In((3, 5, 8), _GAIN)), {"axis": 1}),
        Form("five", (In((2, 3, 2, 3, 4)), In((3, 4), _GAIN)), {"axis": -2}),
    ]


_PLANES = sizes(
    "NHW", (2, 4, 8), (2, 4, 8), (3, 5, 5), (1, 3, 1), (1, 1, 1), (0, 2, 3), (5, 9, 16)
)


def _channels(channels: int, **attributes: Any) -> list[Form]:
    each = (In((channels,), _GAIN, weight=True), In((channels,), _NONE, weight=True))
    biased = (each[0], In((channels,), weight=True))
    none = In((SQUARED,), _NONE, weight=True)
    whole = {"num_groups": 1} if "num_groups" in attributes else {}
    return [
        Form("kinds", (In((KINDS, channels, 6), kinds()), *each), attributes),
        Form("kinds_scale", (In((2, SQUARED, 3)), In((SQUARED,), kinds()), none), whole),
        Form(
            "overflow",
            (In((2, channels, 17), _FAR), In((channels,), _LARGEST), each[1]),
            attributes,
        ),
        Form("shapes", (In(("N", channels, "H", "W")), *biased), attributes, sizes=_PLANES),
        Form("five", (In((2, channels, 2, 3, 4)), *biased), attributes),
    ]


def _batch() -> list[Form]:
    """As channels, with the statistics of each channel given."""

    def statistics(form: Form) -> tuple[In, In]:
        scale = form.inputs[1]
        channels = scale.shape if scale is not None else ()
        mean = values.between(-1, 1) if form.label == "shapes" else _NONE
        return In(channels, mean, weight=True), In(channels, _GAIN, weight=True)

    far = values.cycle((1, float("inf"), 0, float("nan"), 1e-40, 3e38))
    weights = (In((6,), _GAIN), In((6,), _NONE), In((6,), _NONE), In((6,), far))
    return [
        *(
            form.also(form.label, inputs=(*form.inputs, *statistics(form)))
            for form in _channels(3)
        ),
        Form("kinds_variance", (In((KINDS, 6, 3), kinds()), *weights)),
    ]


def _local() -> list[Form]:
    strong = {"size": 3, "alpha": 2.0, "beta": 0.5}
    return [
        Form("kinds", (In((KINDS, 5, 2, 3), kinds()),), strong),
        Form("shapes", (In(("N", 5, "H", "W")),), strong, sizes=_PLANES),
    ]


def _centred() -> list[Form]:
    more: dict[str, Any] = {"inferred": False, "ranks": (4,)}
    return [
        Form("kinds", (In((KINDS, 9, 1, 1), kinds()),), {"axes": [1]}, **more),
        Form("shapes", (In(("N", 3, "H", "W")),), {"axes": [1]}, sizes=_PLANES, **more),
    ]


def _product() -> list[Form]:
    left, right = In((2 * KINDS, 3, 4), kinds()), In((2 * KINDS, 4, 5), kinds(0, KINDS))
    return [Form("kinds", (left, right), kinds="float")]


_PRODUCTS = sizes("NKM", (4, 8, 8), (4, 8, 8), (5, 5, 5), (1, 3, 1), (1, 1, 4), (33, 17, 35))


def _gemm() -> list[Form]:
    none = In((), _NONE)
    return [
        Form("kinds", (In((KINDS, 4), kinds()), In((4, 5)), none), kinds="float"),
        Form("kinds_right", (In((3, 4)), In((4, KINDS), kinds(1)), none), kinds="float"),
        Form("shapes", (In(("N", "K")), In(("K", "M")), In(("M",))), sizes=_PRODUCTS),
    ]


def _einsum() -> list[Form]:
    form = _product()[0]
    return [
        form.also("kinds", attributes={"equation": "bij,bjk->bik"}),
        Form("scalar", (In(()),), {"equation": "->"}),
        Form("scalars", (In(()), In(())), {"equation": ",->"}),
        Form(
            "shapes",
            (In(("N", "K")), In(("K", "M"))),
            {"equation": "ij,jk->ik"},
            sizes=_PRODUCTS,
        ),
    ]


def _determinants() -> list[Form]:
    return [
        Form("kinds", (In((KINDS, 3, 3), kinds()),)),
        Form("batch_large", (In((3, 7, 8, 8)),)),
        Form("identity_long", (In((1, 17, 17), values.cycle((1, *(0,) * 17))),)),
    ]


def _some(form: Form) -> tuple[Mapping[str, int], ...]:
    """The sizes that are not zero: onnx's reference evaluator cannot group an empty batch."""
    return tuple(size for size in form.sizes if 0 not in size.values())


def _rank(form: Form) -> int:
    """Of the first input, which onnx's inference does not pass on for GroupNormalization."""
    first = form.inputs[0]
    return 0 if first is None or callable(first.shape) else len(first.shape)


FAMILIES_OF: Mapping[tuple[str, ...], list[Form]] = {
    ("ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceL1"): _reduced(),
    ("ReduceSumSquare",): _reduced(),
    ("ReduceL2",): [*_reduced(), *_roots()],
    ("ReduceLogSumExp",): _logs(values.any_),
    ("ReduceLogSum",): _logs(values.positive),
    ("ReduceProd",): _reduced(values.between(0.5, 2)),
    ("ArgMax", "ArgMin"): _extremes(),
    ("Softmax", "LogSoftmax"): _rowwise(axis=-1),
    ("Hardmax",): _rowwise(axis=-1)[1:],
    ("LpNormalization",): _rowwise(axis=-1),
    ("CumSum",): _running(values.any_),
    ("CumProd",): _running(values.factors),
    ("LayerNormalization",): _layer(KINDS),
    ("RMSNormalization",): _layer(SQUARED),
    ("InstanceNormalization",): _channels(3),
    ("GroupNormalization",): [
        replace(form, ranks=(_rank(form),), sizes=_some(form))
        for form in _channels(4, num_groups=2)
    ],
    ("BatchNormalization",): _batch(),
    ("LRN",): _local(),
    ("MeanVarianceNormalization",): _centred(),
    ("TopK",): _largest(),
    ("Unique",): _distinct(),
    ("MatMul",): _product(),
    ("Gemm",): _gemm(),
    ("Einsum",): _einsum(),
    ("Det",): _determinants(),
}


FAMILIES = tuple(
    Family((op,), newest(op, forms), typing="free" if op in ("CumSum", "CumProd") else "tied")
    for ops, forms in FAMILIES_OF.items()
    for op in ops
)
