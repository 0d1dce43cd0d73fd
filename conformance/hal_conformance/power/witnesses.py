"""Fresh inputs for an operator, that no case has: other values, shapes and attributes.

They decide what counts: a fault that moves the output of some legal input beyond its bound is
one to be found, whether a case does or not. Each starts from a case of ours, whose feeds are
the first run; the second run has what is fresh. onnx's strict inference says what is legal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import onnx
from onnx import numpy_helper, shape_inference

from hal import dtypes
from hal.tensor import Tensor, Value
from hal_conformance.frozen.making import question_of
from hal_conformance.generated.source import Source
from hal_conformance.numerics.arithmetic import FORMATS, Array
from hal_conformance.power.fault import Operator, with_array
from hal_conformance.power.trials import ByBounds

STRUCTURAL = frozenset(
    {
        *("scales", "roi", "shape", "sizes", "axes", "axis", "k", "K", "depth", "pads", "size"),
        *("start", "limit", "delta", "split", "starts", "ends", "steps", "repeats", "position"),
        *("indices", "rois", "batch_indices", "sequence_lens", "M", "cond", "condition"),
        *("output_shape", "dft_length", "frame_step", "frame_length", "num_mel_bins", "target"),
        *("labels", "ratio", "training_mode", "boxes", "scores", "iou_threshold", "y_scale"),
        *("x_scale", "a_scale", "b_scale", "w_scale", "write_indices", "image_shape"),
        *("block_shape", "position_ids", "nonpad_kv_seqlen", "max_output_boxes_per_class"),
        *("lower_edge_hertz", "upper_edge_hertz", "sample_rate", "I", "encoded_stream", "T"),
    }
)
"""Inputs whose values say what is computed: they stay as the case has them."""

LARGEST = 20_000
"""Elements of an input that a fresh shape may have."""


def fresh(operator: Operator, sources: Sequence[Source], count: int) -> Iterator[ByBounds]:
    """So many trials, or as many as are legal."""
    chosen = [source for source in sources if source.judged == "values"]
    if not chosen:
        return
    random = np.random.Generator(np.random.PCG64([2026, *operator.name.encode()]))
    for number in range(count):
        source = chosen[int(random.integers(len(chosen)))]
        other = chosen[int(random.integers(len(chosen)))]
        try:
            made = _made(operator, source, other, number, random)
        except Exception:  # noqa: BLE001, S112  it is not legal, or inference does not know it
            continue
        if made is not None:
            yield made


def _made(
    operator: Operator, source: Source, other: Source, number: int, random: np.random.Generator
) -> ByBounds | None:
    model = onnx.ModelProto.FromString(source.model)
    base = source.datasets[0]
    if number % 3 == 2 and not _borrowed(model, other, random):
        return None
    sizes: dict[int, int] = {}
    if number % 3 == 1:
        dims = {d for v in base.values() if isinstance(v, Tensor) for d in v.shape if d > 1}
        factor = int(random.integers(2, 6))
        sizes = {d: d * factor + int(random.integers(0, 3)) for d in sorted(dims)}
    feeds = {
        name: _redrawn(name, value, sizes, random, operator) for name, value in base.items()
    }
    for weight in model.graph.initializer:
        held = Tensor(numpy_helper.to_array(weight), dtypes.of_number(weight.data_type))
        value = _redrawn(weight.name, held, sizes, random, operator)
        assert isinstance(value, Tensor)
        weight.CopyFrom(numpy_helper.from_array(value.array, weight.name))
    _checked(model, feeds)
    first = feeds if sizes or number % 3 == 2 else base
    made = Source(
        f"fresh/{source.id}/{number}",
        model.SerializeToString(),
        [first, feeds],
        "",
        "values",
        source.label,
        source.binding,
    )
    return ByBounds(question_of(made))


def _borrowed(model: onnx.ModelProto, other: Source, random: np.random.Generator) -> bool:
    """Give the operator an attribute that another case has."""
    theirs = list(onnx.ModelProto.FromString(other.model).graph.node[0].attribute)
    if not theirs:
        return False
    taken = theirs[int(random.integers(len(theirs)))]
    node = model.graph.node[0]
    kept = [attribute for attribute in node.attribute if attribute.name != taken.name]
    if len(kept) + 1 == len(node.attribute) and taken in node.attribute:
        return False
    del node.attribute[:]
    node.attribute.extend([*kept, taken])
    return True


def _redrawn(
    name: str,
    value: Value,
    sizes: dict[int, int],
    random: np.random.Generator,
    operator: Operator,
) -> Value:
    if not isinstance(value, Tensor):
        return value
    shape = tuple(sizes.get(d, d) for d in value.shape)
    if int(np.prod(shape)) > LARGEST:
        raise ValueError("too large")
    grown = np.resize(value.array, shape) if value.array.size else np.zeros(shape)
    if name.partition("_zero_point")[1] or name in STRUCTURAL or operator.op == "Range":
        return Tensor(np.asarray(grown, value.array.dtype), value.dtype)
    if value.dtype.name in ("float32", "float64", "float16", "bfloat16"):
        return with_array(value, _floats(grown.astype(np.float64), value, random))
    if not grown.size:
        return Tensor(np.asarray(grown, value.array.dtype), value.dtype)
    picked = value.array.reshape(-1)[random.integers(0, max(1, value.array.size), grown.size)]
    return Tensor(np.asarray(picked, value.array.dtype).reshape(shape), value.dtype)


def _floats(grown: Array, value: Tensor, random: np.random.Generator) -> Array:
    kind = int(random.integers(6))
    if kind == 0:
        return grown
    if kind == 1:
        return random.permutation(grown.reshape(-1)).reshape(grown.shape)
    drawn: Array = np.asarray(random.standard_normal(grown.shape), np.float64)
    if kind == 2:
        return np.asarray(drawn * 2.0 ** random.integers(-6, 5))
    if kind == 3:
        return np.asarray(np.rint(drawn * 3) / 2)
    if kind == 4:
        return np.asarray(np.abs(drawn) * 2.0 ** random.integers(-20, 8))
    made: Array = drawn.copy()
    flat: Array = made.reshape(-1)
    form = FORMATS[value.dtype.name]
    some = [0.0, -0.0, np.nan, np.inf, -np.inf, form.tiny / 4, -form.tiny, 1.0, form.largest]
    flat[:: max(1, flat.size // 9)] = np.resize(some, flat[:: max(1, flat.size // 9)].shape)
    return made


def _checked(model: onnx.ModelProto, feeds: dict[str, Value]) -> None:
    for given in model.graph.input:
        value = feeds.get(given.name)
        if isinstance(value, Tensor) and given.type.HasField("tensor_type"):
            kind = given.type.tensor_type
            kind.shape.Clear()
            for size in value.shape:
                kind.shape.dim.add().dim_value = size
    for result in model.graph.output:
        if result.type.HasField("tensor_type"):
            result.type.tensor_type.ClearField("shape")
    shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
