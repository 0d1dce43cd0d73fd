"""What compilers fold into convolutions: normalisation, bias, scale, activation, padding.

Sources: ONNX Runtime's ConvBNFusion, ConvMulFusion, ConvAddFusion, ConvActivationFusion,
ConvAddActivationFusion, PadFusion, NchwcTransformer; OpenVINO's ConvolutionMultiplyFusion,
GroupConvolutionMultiplyFusion, MultiplyConvolutionFusion, ReverseInputChannelsFusion,
ConvolutionBackpropDataMultiplyFusion, ConvolutionToGroupConvolutionFusion, PadFusion;
TensorRT's fusion catalogue (Convolution and ReLU, Scale, ElementWise sum, Padding).
"""

from __future__ import annotations

from typing import Any

from hal_conformance.generated import values
from hal_conformance.generated.graphs.patterns import NARROW, OPSET, Patterns
from hal_conformance.generated.graphs.writing import Graph, fours, grid, scaled

PATTERNS = Patterns()
_SAME = [1, 1, 1, 1]
_CLIPS: dict[str, tuple[float, float]] = {"Relu6": (0.0, 6.0), "Clip": (-0.5, 0.75)}


def conv(
    g: Graph,
    x: str,
    out: int = 19,
    channels: int = 7,
    *,
    kernel: tuple[int, ...] = (3, 3),
    bias: bool = True,
    group: int = 1,
    name: str = "",
    **attributes: Any,
) -> str:
    """A convolution with weights of its own."""
    attributes.setdefault("pads", [k // 2 for k in kernel] * 2)
    inputs = [x, g.weight(f"w{name}", out, channels // group, *kernel)]
    if bias:
        inputs.append(g.weight(f"b{name}", out, make=grid))
    return g("Conv", *inputs, group=group if group > 1 else None, **attributes)


def norm(
    g: Graph, x: str, channels: int = 19, *, epsilon: float = 1e-5, name: str = "", **more: Any
) -> str:
    """A batch normalisation by given statistics.

    In narrow types its factor is a power of two: weights that it is folded into stay exact.
    """
    wide = g.t in ("float32", "float64")
    return g(
        "BatchNormalization",
        x,
        g.weight(f"scale{name}", channels, make=g.factors),
        g.weight(f"shift{name}", channels, make=grid),
        g.weight(f"mean{name}", channels, make=grid),
        g.weight(f"var{name}", channels, make=values.positive if wide else fours),
        epsilon=epsilon if wide else 0.0,
        **more,
    )


def activated(g: Graph, x: str, kind: str) -> str:
    """An activation of one or two nodes."""
    if kind in _CLIPS:
        low, high = _CLIPS[kind]
        if g.opset < 11:
            return g("Clip", x, min=low, max=high)
        return g("Clip", x, g.const(low), g.const(high))
    if kind == "Silu":
        return g("Mul", x, g("Sigmoid", x))
    if kind == "PRelu":
        return g("PRelu", x, g.weight("slope", 19, 1, 1, make=values.between(-1, 1)))
    attributes: dict[str, Any] = {
        "LeakyRelu": {"alpha": 0.1},
        "HardSigmoid": {"alpha": 0.15, "beta": 0.4},
        "Elu": {"alpha": 1.5},
        "ThresholdedRelu": {"alpha": 0.25},
    }.get(kind, {})
    return g(kind, x, **attributes)


def image(g: Graph, channels: int = 7, name: str = "x") -> str:
    """A batch of images."""
    return g.feed(name, "N", channels, "H", "W")


@PATTERNS.add(
    types=("float32", *NARROW),
    opsets=(OPSET, 9, 13, 15, 17, 22),
    variants={
        "no_bias": {"bias": False},
        "epsilon_large": {"epsilon": 0.1},
        "epsilon_zero": {"epsilon": 0.0},
        "stride_2": {"strides": [2, 2]},
        "dilated": {"dilations": [2, 1], "pads": [2, 1, 2, 1]},
        "grouped": {"group": 7, "out": 21},
        "pointwise": {"kernel": (1, 1)},
        "one_dimension": {"kernel": (5,)},
        "three_dimensions": {"kernel": (2, 3, 1), "pads": [0, 1, 0, 1, 1, 0]},
        "auto_pad": {"auto_pad": "SAME_LOWER", "pads": None},
    },
)
def conv_bn(
    g: Graph, epsilon: float = 1e-5, out: int = 19, kernel: tuple[int, ...] = (3, 3), **how: Any
) -> None:
    dims = {1: ("L",), 2: ("H", "W"), 3: ("L", 5, "S")}[len(kernel)]
    x = g.feed("x", "N", 7, *dims)
    g.out(norm(g, conv(g, x, out, kernel=kernel, **how), out, epsilon=epsilon))


@PATTERNS.add(
    variants={
        kind.lower(): {"kind": kind}
        for kind in ("Relu6", "Clip", "Sigmoid", "HardSwish", "Silu", "LeakyRelu", "Mish")
    },
    opsets=(OPSET, 14),
)
def conv_bn_relu(g: Graph, kind: str = "Relu") -> None:
    g.out(activated(g, norm(g, conv(g, image(g))), kind))


@PATTERNS.add(
    types=("float32", "float16", "bfloat16"),
    variants={
        kind.lower(): {"kind": kind}
        for kind in (
            *("Relu6", "Clip", "Sigmoid", "Tanh", "HardSigmoid", "HardSwish", "LeakyRelu"),
            *("Elu", "Softplus", "PRelu", "Silu", "Mish", "ThresholdedRelu", "Gelu", "Abs"),
        )
    },
    opsets=(22, 10, 13),
)
def conv_activation(g: Graph, kind: str = "Relu") -> None:
    g.out(activated(g, conv(g, image(g)), kind))


@PATTERNS.add(
    types=("float32", *NARROW),
    variants={
        "channel_3d": {"dims": (19, 1, 1)},
        "scalar": {"dims": ()},
        "one_element": {"dims": (1, 1, 1, 1)},
        "along_width": {"dims": (11,)},
        "along_height": {"dims": (9, 1)},
        "per_pixel": {"dims": (9, 11)},
        "per_sample": {"dims": (2, 1, 1, 1)},
        "channel_and_width": {"dims": (19, 1, 11)},
        "no_bias": {"bias": False},
        "more_dimensions": {"dims": (1, 1, 19, 1, 1)},
    },
)
def conv_add(g: Graph, dims: tuple[int, ...] = (1, 19, 1, 1), bias: bool = True) -> None:
    y = conv(g, image(g), bias=bias)
    g.out(g("Add", y, g.weight("addend", *dims, make=grid)))


@PATTERNS.add(
    types=("float32", *NARROW),
    variants={
        "channel_3d": {"dims": (19, 1, 1)},
        "scalar": {"dims": ()},
        "along_width": {"dims": (11,)},
        "per_pixel": {"dims": (9, 11)},
        "per_sample": {"dims": (2, 1, 1, 1)},
        "no_bias": {"bias": False},
        "divided": {"op": "Div"},
        "subtracted": {"op": "Sub"},
        "grouped": {"group": 7, "out": 21, "dims": (1, 21, 1, 1)},
    },
)
def conv_mul(
    g: Graph,
    dims: tuple[int, ...] = (1, 19, 1, 1),
    bias: bool = True,
    op: str = "Mul",
    group: int = 1,
    out: int = 19,
) -> None:
    y = conv(g, image(g), out, bias=bias, group=group)
    g.out(g(op, y, g.weight("factor", *dims, make=g.factors)))


@PATTERNS.add(
    variants={
        "scalar": {"dims": ()},
        "along_width": {"dims": (11,)},
        "divided": {"op": "Div"},
        "subtracted": {"op": "Sub"},
        "added": {"op": "Add"},
        "unpadded": {"pads": [0, 0, 0, 0]},
        "added_unpadded": {"op": "Add", "pads": [0, 0, 0, 0]},
    },
)
def scale_conv(
    g: Graph, dims: tuple[int, ...] = (1, 7, 1, 1), op: str = "Mul", **how: Any
) -> None:
    """What stands before a convolution; what is added there is not added to the padding."""
    x = g(op, image(g), g.weight("factor", *dims, make=g.factors))
    g.out(conv(g, x, **how))


@PATTERNS.add(variants={"padded": {"pads": _SAME}, "pointwise": {"kernel": (1, 1)}})
def bn_conv(g: Graph, kernel: tuple[int, int] = (3, 3), pads: Any = None) -> None:
    y = norm(g, image(g), 7)
    g.out(conv(g, y, kernel=kernel, pads=pads or [0, 0, 0, 0]))


@PATTERNS.add(
    types=("float32", "float16", "bfloat16"),
    variants={
        "no_activation": {"kind": ""},
        "relu_first": {"first": True},
        "same_twice": {"twice": True},
        "broadcast": {"dims": ("N", 19, 1, 1)},
        "broadcast_row": {"dims": ("W",)},
    },
)
def conv_add_relu(
    g: Graph,
    kind: str = "Relu",
    first: bool = False,
    twice: bool = False,
    dims: tuple[int | str, ...] = ("N", 19, "H", "W"),
) -> None:
    """A residual."""
    y = conv(g, image(g))
    y = g("Relu", y) if first else y
    y = g("Add", y, y if twice else g.feed("shortcut", *dims))
    g.out(g(kind, y) if kind else y)


@PATTERNS.add()
def residual_block(g: Graph) -> None:
    x = image(g)
    y = g("Relu", norm(g, conv(g, x, 7, name="1"), 7, name="1"))
    y = norm(g, conv(g, y, 7, name="2"), 7, name="2")
    g.out(g("Relu", g("Add", y, x)))


@PATTERNS.add(variants={"first_order": {"reverse": True}})
def two_convs_added(g: Graph, reverse: bool = False) -> None:
    x = image(g)
    a, b = conv(g, x, name="a"), conv(g, x, kernel=(1, 1), name="b")
    g.out(g("Relu", g("Add", b, a) if reverse else g("Add", a, b)))


@PATTERNS.add(
    variants={
        "negative": {"pads": (0, 0, -1, 0, 0, 0, 0, -2)},
        "value": {"value": 0.5},
        "edge": {"mode": "edge"},
        "reflect": {"mode": "reflect"},
        "channels": {"pads": (0, 1, 0, 0, 0, 1, 0, 0), "channels": 9},
        "batch": {"pads": (1, 0, 0, 0, 0, 0, 1, 1)},
        "asymmetric": {"pads": (0, 0, 0, 1, 0, 0, 2, 0)},
        "padded_conv": {"inner": [0, 1, 2, 0]},
        "auto_pad": {"auto_pad": "SAME_UPPER"},
        "auto_valid": {"auto_pad": "VALID"},
    },
    opsets=(OPSET, 11, 13, 18),
)
def pad_conv(
    g: Graph,
    pads: tuple[int, ...] = (0, 0, 1, 2, 0, 0, 2, 1),
    value: float | None = None,
    mode: str | None = None,
    channels: int = 7,
    inner: Any = None,
    auto_pad: str | None = None,
) -> None:
    inputs = [image(g), g.ints(*pads)] + ([g.const(value)] if value is not None else [])
    y = g("Pad", *inputs, mode=mode)
    inner = None if auto_pad else inner or [0, 0, 0, 0]
    g.out(conv(g, y, channels=channels, pads=inner, auto_pad=auto_pad))


@PATTERNS.add(
    variants={
        "max_value": {"op": "MaxPool", "value": 0.0},
        "average_counted": {"count_include_pad": 1},
        "value": {"value": 1.5},
        "padded": {"pads": [1, 0, 0, 1]},
    },
)
def pad_pool(g: Graph, op: str = "AveragePool", value: float | None = None, **how: Any) -> None:
    inputs = [image(g), g.ints(0, 0, 1, 0, 0, 0, 1, 1)]
    inputs += [g.const(value)] if value is not None else []
    g.out(g(op, g("Pad", *inputs), kernel_shape=[3, 2], **how))


@PATTERNS.add(
    types=("float32", "float16"),
    variants={
        "relu6": {"kind": "Relu6"},
        "multiplied": {"multiplier": 3},
        "stride_2": {"strides": [2, 2]},
        "hardswish": {"kind": "HardSwish"},
    },
    opsets=(OPSET, 12),
)
def separable(g: Graph, kind: str = "Relu", multiplier: int = 1, **how: Any) -> None:
    """Depthwise, then pointwise: MobileNet's block."""
    wide = 9 * multiplier
    y = conv(g, image(g, 9), wide, 9, group=9, name="d", bias=False, **how)
    y = activated(g, norm(g, y, wide, name="d"), kind)
    g.out(activated(g, norm(g, conv(g, y, 19, wide, kernel=(1, 1), name="p")), kind))


@PATTERNS.add(variants={"sigmoid": {"gate": "Sigmoid"}})
def squeeze_excite(g: Graph, gate: str = "HardSigmoid") -> None:
    x = image(g, 9)
    y = g("GlobalAveragePool", x)
    y = g("Relu", conv(g, y, 5, 9, kernel=(1, 1), name="1"))
    y = activated(g, conv(g, y, 9, 5, kernel=(1, 1), name="2"), gate)
    g.out(g("Mul", x, y))


@PATTERNS.add(
    types=("float32", "float16"),
    variants={
        "stride_2": {"strides": [2, 2], "output_padding": [1, 0]},
        "grouped": {"group": 3, "channels": 9},
        "relu": {"kind": "Relu"},
        "no_bias": {"bias": False},
        "scaled": {"scale": True},
        "epsilon_large": {"epsilon": 0.1},
    },
    opsets=(OPSET, 11, 22),
)
def conv_transpose_bn(
    g: Graph,
    group: int = 1,
    channels: int = 7,
    kind: str = "",
    bias: bool = True,
    scale: bool = False,
    epsilon: float = 1e-5,
    **how: Any,
) -> None:
    out = 5 * group
    inputs = [image(g, channels), g.weight("w", channels, 5, 3, 3, make=scaled(0.25))]
    inputs += [g.weight("b", out)] if bias else []
    y = g("ConvTranspose", *inputs, group=group if group > 1 else None, **how)
    if scale:
        y = g("Mul", y, g.weight("factor", 1, out, 1, 1, make=values.positive))
    else:
        y = norm(g, y, out, epsilon=epsilon)
    g.out(activated(g, y, kind) if kind else y)


@PATTERNS.add(
    variants={
        "linear": {"mode": "linear", "scales": (1.0, 1.0, 2.0, 1.5)},
        "cubic": {"mode": "cubic", "scales": (1.0, 1.0, 2.0, 1.5)},
        "align_corners": {"mode": "linear", "coordinate_transformation_mode": "align_corners"},
        "upsample_2": {"scales": (1.0, 1.0, 2.0, 2.0)},
    },
    opsets=(OPSET, 11, 13),
)
def resize_conv(g: Graph, scales: tuple[float, ...] = (1.0, 1.0, 2.0, 1.0), **how: Any) -> None:
    how.setdefault("mode", "nearest")
    how.setdefault("coordinate_transformation_mode", "asymmetric")
    how |= {"nearest_mode": "floor"} if how["mode"] == "nearest" else {}
    empty = "" if g.opset >= 13 else g.const([], "float32")
    y = g("Resize", image(g), empty, g.const(list(scales), "float32"), **how)
    g.out(conv(g, y))


@PATTERNS.add(variants={"uneven": {"sizes": (2, 5)}, "one_weight": {"shared": True}})
def split_conv_concat(g: Graph, sizes: tuple[int, ...] = (3, 3), shared: bool = False) -> None:
    """A grouped convolution in its written-out form."""
    x = image(g, sum(sizes))
    parts = g.split(x, *sizes, axis=1)
    first = g.weight("w", 4, sizes[0], 3, 3)
    done: list[str] = []
    for number, (part, size) in enumerate(zip(parts, sizes, strict=True)):
        w = first if shared or not number else g.weight(f"w{number}", 4, size, 3, 3)
        done.append(g("Conv", part, w, pads=_SAME))
    g.out(g("Relu", g("Concat", *done, axis=1)))


@PATTERNS.add(variants={"partly": {"order": (0, 2, 1)}})
def reversed_channels(g: Graph, order: tuple[int, ...] = (2, 1, 0)) -> None:
    """Channels in another order before a convolution: weights may be reordered instead."""
    y = g("Gather", image(g, 3), g.ints(*order), axis=1)
    g.out(conv(g, g("Mul", y, g.weight("factor", 3, 1, 1)), 19, 3))


@PATTERNS.add(without=("exposed_last", "reused"))
def mean_and_scale_conv(g: Graph) -> None:
    """Preprocessing: (x - mean) / std, then a convolution with padding."""
    x = g("Sub", image(g, 3), g.weight("mean", 1, 3, 1, 1))
    x = g("Div", x, g.weight("std", 1, 3, 1, 1, make=values.positive))
    g.out(g("Relu", conv(g, x, 19, 3, strides=[2, 2])))


@PATTERNS.add(variants={"max_pool": {"op": "MaxPool"}, "ceil": {"ceil_mode": 1}})
def conv_relu_pool(g: Graph, op: str = "AveragePool", **how: Any) -> None:
    y = g("Relu", conv(g, image(g)))
    g.out(g(op, y, kernel_shape=[2, 2], strides=[2, 2], **how))


@PATTERNS.add(variants={"second_strided": {"second": [2, 2]}})
def conv_chain(g: Graph, second: Any = None) -> None:
    """Pointwise convolutions without anything between: strides may move."""
    y = conv(g, image(g), 9, kernel=(1, 1), name="1")
    g.out(conv(g, y, 19, 9, kernel=(1, 1), name="2", strides=second))
