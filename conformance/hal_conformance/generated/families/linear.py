"""Products of matrices: MatMul, Gemm, Einsum, Det, and the quantised ones."""

from __future__ import annotations

from typing import Any

from hal_conformance.generated import values
from hal_conformance.generated.form import Binding, Family, Form, In, varied

_SIZES = ({"N": 3, "K": 5}, {"N": 9, "K": 33})
_SMALL = values.between(-1, 1)


def _matmul() -> list[Form]:
    def form(label: str, a: Any, b: Any, **more: Any) -> Form:
        make = more.pop("make", values.any_)
        return Form(label, (In(a, make), In(b, make)), **more)

    return [
        form("plain", (7, 17), (17, 9), core=True),
        form("square", (32, 32), (32, 32)),
        form("long", (3, 1031), (1031, 5), core=True),
        form("long_positive", (3, 512), (512, 5), make=values.between(0.25, 1), kinds="float"),
        form(
            "large_and_small",
            (5, 256),
            (256, 3),
            make=values.large_and_small,
            kinds="float",
            core=True,
        ),
        form("cancelling", (5, 256), (256, 3), make=values.cancelling, kinds="float"),
        form("vector_left", (17,), (17, 5)),
        form("vector_right", (5, 17), (17,)),
        form("dot", (19,), (19,)),
        form("batch", (2, 3, 5, 7), (2, 3, 7, 4)),
        form("broadcast", (2, 1, 5, 7), (3, 7, 4), core=True),
        form("broadcast_right", (5, 7), (3, 7, 4)),
        form("inner_one", (4, 1), (1, 5)),
        form("one", (1, 1), (1, 1)),
        form("rows_one", (1, 65), (65, 33)),
        form("empty_rows", (0, 3), (3, 4)),
        form(
            "special", (8, 8), (8, 8), make=values.cycle((1, 0, -1, 2, float("inf"), 0.5, -3))
        ),
        Form("weight", (In((5, 33)), In((33, 17), weight=True)), core=True),
        form("dynamic", ("N", "K"), ("K", 6), sizes=_SIZES),
        form("dynamic_batch", ("N", 4, 7), ("N", 7, 3), sizes=({"N": 2}, {"N": 5})),
        Form(
            "large",
            (In((3, 5), values.digits(0.5, 2)), In((5, 2), values.digits(0.5, 2))),
            core=True,
            kinds="whole",
        ),
    ]


def _gemm() -> list[Form]:
    def form(label: str, a: Any, b: Any, c: Any = None, **more: Any) -> Form:
        given = None if c is None else In(c)
        return Form(label, (In(a), In(b), given), more.pop("attributes", {}), **more)

    base = form("plain", (7, 17), (17, 9), (7, 9), core=True)
    both = {"transA": 1, "transB": 1, "alpha": 0.5, "beta": 2.0}
    return [
        base,
        *varied(base, alpha=(0.5, -2.0, 0.0), beta=(0.25, -1.0, 0.0), transA=(0,), transB=(0,)),
        form("no_bias", (7, 17), (17, 9), since=11, core=True),
        form("row", (7, 17), (17, 9), (9,), core=True),
        form("row_matrix", (7, 17), (17, 9), (1, 9)),
        form("column", (7, 17), (17, 9), (7, 1)),
        form("scalar", (7, 17), (17, 9), ()),
        form("one", (7, 17), (17, 9), (1,)),
        form("transA_1", (17, 7), (17, 9), (7, 9), attributes={"transA": 1}),
        form("transB_1", (7, 17), (9, 17), (7, 9), attributes={"transB": 1}),
        form("everything", (17, 7), (9, 17), (9,), attributes=both, core=True, kinds="float"),
        form("long", (3, 1031), (1031, 5), (5,)),
        form("single", (1, 1), (1, 1), (1, 1)),
        Form(
            "large",
            (In((3, 5), values.digits(0.5, 2)), In((5, 2), values.digits(0.5, 2)), In((2,))),
            core=True,
            kinds="whole",
        ),
        form("empty", (0, 3), (3, 4), (4,)),
        form("dynamic", ("N", "K"), ("K", 6), (6,), sizes=_SIZES),
    ]


def _einsum() -> list[Form]:
    def form(label: str, equation: str, *shapes: Any, **more: Any) -> Form:
        return Form(label, tuple(map(In, shapes)), {"equation": equation}, **more)

    return [
        form("matmul", "ij,jk->ik", (5, 17), (17, 4), core=True),
        form("batch", "bij,bjk->bik", (2, 3, 7), (2, 7, 5)),
        Form(
            "large",
            (In((3, 5), values.digits(0.5, 2)), In((5, 2), values.digits(0.5, 2))),
            {"equation": "ij,jk->ik"},
            core=True,
            kinds="whole",
        ),
        form("ellipsis", "...ij,...jk->...ik", (2, 3, 4, 5), (2, 3, 5, 6), core=True),
        form("implicit", "ij,jk", (3, 4), (4, 5)),
        form("transpose", "ij->ji", (3, 5)),
        form("sum", "ij->", (3, 5)),
        form("sum_rows", "ij->i", (3, 33)),
        form("diagonal", "ii->i", (5, 5)),
        form("trace", "ii", (5, 5)),
        form("dot", "i,i", (19,), (19,)),
        form("outer", "i,j->ij", (4,), (5,)),
        form("three", "ij,jk,kl->il", (3, 4), (4, 5), (5, 2)),
        form("attention", "bhid,bhjd->bhij", (2, 2, 5, 8), (2, 2, 7, 8)),
        form("spaces", " i j , j k -> k i ", (3, 4), (4, 5)),
        form("long", "ij,jk->ik", (3, 1031), (1031, 2)),
        form("dynamic", "ij,jk->ik", ("N", "K"), ("K", 4), sizes=_SIZES),
    ]


def _det() -> list[Form]:
    return [
        Form("two", (In((2, 2)),), core=True),
        Form("batch", (In((2, 3, 4, 4)),), core=True),
        Form("one", (In((1, 1)),)),
        Form("identity", (In((3, 3), values.cycle((1, 0, 0, 0))),)),
        Form("singular", (In((3, 3), values.cycle((1, 2, 3))),)),
        Form("large", (In((17, 17)),)),
        Form("dynamic", (In(("N", 3, 3)),), sizes=({"N": 2}, {"N": 5})),
    ]


_BYTE = values.wide


def _matmul_integer() -> list[Form]:
    a, b = In((5, 33), _BYTE), In((33, 7), _BYTE)
    at = values.fixed(3)
    return [
        Form("plain", (a, b), core=True),
        Form("zero_points", (a, b, In((), at), In((), at)), core=True),
        Form("left_only", (a, b, In((), at))),
        Form("right_only", (a, b, None, In((), at))),
        Form("one", (a, b, In((1,), at), In((1,), at))),
        Form("columns", (a, b, In((), at), In((7,), values.whole(0, 9))), core=True),
        Form("rows", (a, b, In((5, 1), values.whole(0, 9)), In((), at))),
        Form("batch", (In((2, 5, 9), _BYTE), In((9, 4), _BYTE))),
        Form("long", (In((2, 1031), _BYTE), In((1031, 3), _BYTE))),
        Form(
            "extremes", (In((4, 64), values.special), In((64, 4), values.special), In((), at))
        ),
        Form("dynamic", (In(("N", "K"), _BYTE), In(("K", 4), _BYTE)), sizes=_SIZES),
    ]


def _scale(value: float, shape: Any = ()) -> In:
    return In(
        shape, values.cycle((value, value * 2, value / 2)) if shape else values.fixed(value)
    )


def _qlinear_matmul() -> list[Form]:
    at = values.fixed(3)

    def form(
        label: str, a: Any, b: Any, scales: tuple[float, float, float], **more: Any
    ) -> Form:
        left, right, out = scales
        per_column = more.pop("columns", ())
        given = (
            In(a, _BYTE),
            _scale(left),
            In((), at),
            In(b, _BYTE),
            _scale(right, per_column),
            In(per_column, at if not per_column else values.whole(0, 9)),
            _scale(out),
            In((), at),
        )
        return Form(label, given, **more)

    fit = (2.0**-7, 2.0**-6, 2.0**-1)
    return [
        form("plain", (5, 33), (33, 7), fit, core=True),
        form("uneven", (5, 33), (33, 7), (0.0117, 0.0231, 0.37)),
        form(
            "uneven_scales",
            (17, 33),
            (33, 61),
            (0.0117, 0.0231, 0.77),
            core=True,
            only=_bytes,
        ),
        form("saturates", (5, 33), (33, 7), (2.0**-5, 2.0**-5, 2.0**-4), core=True),
        form("columns", (5, 33), (33, 7), fit, columns=(7,)),
        form("batch", (2, 5, 9), (2, 9, 4), fit),
        form("eights", (8, 16), (16, 8), fit, only=_bytes),
        form("long", (2, 1031), (1031, 3), fit),
        form("dynamic", ("N", "K"), ("K", 4), fit, sizes=_SIZES),
    ]


def _bytes(binding: Binding) -> bool:
    return all(binding.get(p) == "tensor(uint8)" for p in ("T1", "T2", "T3"))


def _f8(binding: Binding) -> bool:
    """Float 8 goes with its own kind; other scales are tried where all types are alike."""
    types = [binding[p] for p in ("T1", "T2", "T3") if p in binding]
    floats = [text for text in types if text.startswith("tensor(float8")]
    mixed = bool(floats) and len(set(types)) > 1
    scale = binding.get("TS", "tensor(float)")
    return mixed or (scale != "tensor(float)" and len(set(types)) > 1)


FAMILIES = (
    Family(("MatMul",), _matmul()),
    Family(("Gemm",), _gemm()),
    Family(("Einsum",), _einsum()),
    Family(("Det",), _det()),
    Family(("MatMulInteger",), _matmul_integer(), typing="product"),
    Family(("QLinearMatMul",), _qlinear_matmul(), typing="product", vary=("T3",), refused=_f8),
)
