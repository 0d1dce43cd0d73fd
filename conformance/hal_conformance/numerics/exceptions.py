"""The operators that have a function body and are not judged by expanding it, each with why.

An operator without a rule is expanded through the body the standard gives it. Where a rule
takes its place the reason is here; documents print this table, and a test keeps it complete.
"""

from __future__ import annotations

_SAME = "the same elements or choices as the body's, in one step"
_SQUARES = "two-pass, Welford and folded forms are legal; the body subtracts squares"
_SUMS = "the body itself, as one sum in any order"
_SMOOTH = (
    "the bound is the body's, with attributes in float32; as a primitive, ULP of its own result"
)

EXCEPTIONS: dict[str, str] = {
    "BatchNormalization": "no body, but the formula is not the yardstick: folding is legal",
    "Sigmoid": "no body, but the formula is not the yardstick: 1 / (1 + exp(-x)) overflows",
    "Softmax": "online forms rescale their sums; errors of the maximum cancel",
    "LogSoftmax": "x - logsumexp(x) is as legal as the body; errors of the maximum cancel",
    "LayerNormalization": _SQUARES,
    "GroupNormalization": _SQUARES,
    "MeanVarianceNormalization": _SQUARES,
    "RMSNormalization": "rsqrt and the reciprocal are legal",
    "DynamicQuantizeLinear": "each value within reach of a rounding is accepted, and counted",
    "Bernoulli": "random: the body draws numbers that nobody can repeat",
    "Softplus": "the body overflows: exp(x) is infinite where the result is x",
    "Mish": _SMOOTH + "; the body overflows in its Softplus",
    "Elu": _SMOOTH,
    "Selu": _SMOOTH,
    "Celu": _SMOOTH,
    "Gelu": _SMOOTH,
    "Swish": _SMOOTH,
    "Softsign": _SMOOTH,
    "HardSigmoid": _SMOOTH,
    "HardSwish": _SMOOTH,
    "ReduceLogSumExp": "the body overflows: exp(x) is infinite where the result is about x",
    "ReduceL1": _SUMS,
    "ReduceL2": _SUMS,
    "ReduceLogSum": _SUMS,
    "ReduceSumSquare": _SUMS,
    "Range": "each element is start + k delta, rounded once or by repeated addition",
    "BlackmanWindow": "the body's terms, as one weighted sum of cosines",
    "HammingWindow": "the body's terms, as one weighted sum of cosines",
    "HannWindow": "the body's terms, as one weighted sum of cosines",
    "CastLike": _SAME,
    "CenterCropPad": _SAME,
    "Clip": _SAME,
    "DepthToSpace": _SAME,
    "SpaceToDepth": _SAME,
    "GreaterOrEqual": _SAME,
    "LessOrEqual": _SAME,
    "LeakyRelu": _SAME,
    "PRelu": _SAME,
    "Relu": _SAME,
    "Shrink": _SAME,
    "ThresholdedRelu": _SAME,
}
"""Operator: reason."""
