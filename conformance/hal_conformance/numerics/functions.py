"""How accurate each function is asked to be, in units in the last place; with sources.

`ulps` is what rules read. A function has two limits: the one its source states grades a device
as accurate as a primitive; the one that FAILs is FAIL_FACTOR times that.
"""

from __future__ import annotations

from dataclasses import dataclass

from hal_conformance.numerics.arithmetic import Format

FAIL_FACTOR = 2.0
"""What FAILs is this many times the source's limit.

The two best CPU runtimes exceed the limits of OpenCL C on 200,000 points a function: Exp 5.2
for 3 (1.73 times), Acos 4.3 for 4, Tanh 5.3 for 5, Log 3.1 for 3. 2 is the next power of two
above the worst of these; such a device is graded lower, and is not accused.
"""


@dataclass(frozen=True, slots=True)
class Accuracy:
    """What a source allows a function, in ULP of its exact result.

    `single` holds for float32 and float64, `half` for narrower formats; `fails`, where given,
    takes the place of FAIL_FACTOR times either.
    """

    single: float
    half: float
    source: str
    fails: float | None = None


_CL = "OpenCL C 3.0, Relative Error as ULPs (full profile); half: cl_khr_fp16"
_IEEE = "IEEE 754-2019, 5.4.1: correctly rounded"
_QUOTIENT = "IEEE 754-2019, 5.4.1; beyond 2.5 ULP, OpenCL C 3.0's x / y, it FAILs"
_ROOT = "IEEE 754-2019, 5.4.1; beyond 3 ULP, OpenCL C 3.0's sqrt, it FAILs"
_LOGISTIC = (
    "1 / (1 + exp(-x)) with exp at 3 ULP (6 u), one sum (u), one quotient at 2.5 ULP (5 u): "
    "12 u are between 6 and 12 ULP"
)

ACCURACY: dict[str, Accuracy] = {
    "Add": Accuracy(0.5, 0.5, _IEEE, fails=0.5),
    "Sub": Accuracy(0.5, 0.5, _IEEE, fails=0.5),
    "Mul": Accuracy(0.5, 0.5, _IEEE, fails=0.5),
    "Div": Accuracy(0.5, 0.5, _QUOTIENT, fails=2.5),
    "Reciprocal": Accuracy(0.5, 0.5, _QUOTIENT, fails=2.5),
    "Sqrt": Accuracy(0.5, 0.5, _ROOT, fails=3.0),
    "Exp": Accuracy(3, 2, _CL),
    "Expm1": Accuracy(3, 2, _CL),
    "Log": Accuracy(3, 2, _CL),
    "Pow": Accuracy(16, 4, _CL),
    "Sin": Accuracy(4, 2, _CL),
    "Cos": Accuracy(4, 2, _CL),
    "Tan": Accuracy(5, 2, _CL),
    "Asin": Accuracy(4, 2, _CL),
    "Acos": Accuracy(4, 2, _CL),
    "Atan": Accuracy(5, 2, _CL),
    "Sinh": Accuracy(4, 2, _CL),
    "Cosh": Accuracy(4, 2, _CL),
    "Tanh": Accuracy(5, 2, _CL),
    "Asinh": Accuracy(4, 2, _CL),
    "Acosh": Accuracy(4, 2, _CL),
    "Atanh": Accuracy(5, 2, _CL),
    "Erf": Accuracy(16, 4, _CL),
    "Sigmoid": Accuracy(6, 6, _LOGISTIC, fails=12),
    "Softplus": Accuracy(5, 4, "log1p(exp(x)): exp at 3 ULP, log1p at 2 ULP: " + _CL),
    "Softsign": Accuracy(3, 3, "x / (1 + |x|): a sum at 0.5 ULP, a quotient at 2.5 ULP"),
    "Elu": Accuracy(4, 3, "alpha expm1(x): expm1 at 3 ULP and a product, " + _CL),
    "Selu": Accuracy(5, 4, "gamma alpha expm1(x): expm1 at 3 ULP and two products, " + _CL),
    "Celu": Accuracy(8, 7, "alpha expm1(x / alpha): Elu, and a quotient at 2.5 ULP, " + _CL),
    "Mish": Accuracy(11, 7, "x tanh(softplus(x)): 5 ULP each and a product, " + _CL),
    "Gelu": Accuracy(17, 5, "x erfc(-x / sqrt 2) / 2: erfc at 16 ULP and a product, " + _CL),
    "Swish": Accuracy(7, 7, "x sigmoid(alpha x): Sigmoid and a product"),
    "HardSwish": Accuracy(2.5, 2.5, "x clip(x + 3, 0, 6) / 6: a product and a quotient"),
}


def ulps(name: str, kept: Format, *, primitive: bool) -> float:
    """How many ULP of `kept` a function's result may be off; what FAILs unless `primitive`."""
    accuracy = ACCURACY[name]
    stated = accuracy.single if kept.precision >= 23 else accuracy.half
    if primitive:
        return stated
    return FAIL_FACTOR * stated if accuracy.fails is None else accuracy.fails
