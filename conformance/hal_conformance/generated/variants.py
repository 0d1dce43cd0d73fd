"""Variants of an operator's cases: other sizes, ranks and values, by one rule for all.

variants.json says which: a line each, chosen by `variants_choice`. A variant has the node of
the case it is derived from. Sizes are mapped by value, so that equal ones stay equal; numbers
are drawn anew among those of the case, and so are in its range and differ from run to run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from math import prod
from typing import Any, cast

import numpy as np
import onnx
from onnx import checker, shape_inference

from hal.tensor import MapValue, Tensor, Value
from hal_conformance.generated import values
from hal_conformance.generated.draw import Draw
from hal_conformance.generated.source import Source
from hal_conformance.generated.variants_values import KINDS
from hal_conformance.numerics.arithmetic import Array

KEPT = frozenset(
    {
        *("scales", "roi", "axes", "axis", "k", "K", "pads", "size", "start", "limit", "delta"),
        *("starts", "steps", "repeats", "position", "dft_length", "frame_step", "sample_rate"),
        *("frame_length", "num_mel_bins", "ratio", "training_mode", "iou_threshold"),
        *("block_shape", "max_output_boxes_per_class", "score_threshold", "M", "I"),
        *("lower_edge_hertz", "upper_edge_hertz", "encoded_stream", "window_size", "T", "R"),
    }
)
"""Inputs that say what is computed: they stay as they are."""

SIZED = frozenset({"shape", "sizes", "split", "output_shape", "image_shape", "ends", "depth"})
"""Inputs that hold sizes: what is mapped elsewhere is mapped in them."""

PLACES = frozenset(
    {
        *("indices", "rois", "batch_indices", "sequence_lens", "cond", "condition", "target"),
        *("labels", "boxes", "scores", "write_indices", "position_ids", "nonpad_kv_seqlen"),
        *("x_scale", "y_scale", "a_scale", "b_scale", "w_scale", "scale_A", "scale_B"),
    }
)
"""Inputs whose elements are positions, lengths or scales: repeated, never drawn."""


@dataclass(frozen=True)
class Run:
    """One data set: sizes by what they were, dimensions in front, and one operand's values.

    `lead` counts dimensions added in front of all operands of the first one's rank; those
    taken away where it is negative. `kind` says what `operand` holds (variants_values.py).
    `same` leaves everything as the case has it.
    """

    sizes: Mapping[int, int] = field(default_factory=dict[int, int])
    lead: int = 0
    operand: str = ""
    kind: str = ""
    same: bool = False

    def to_text(self) -> str:
        """As the table has it."""
        if self.same:
            return "same"
        if self.kind:
            return f"{self.operand}:{self.kind}"
        told = ",".join(f"{old}={new}" for old, new in self.sizes.items())
        return f"{self.lead:+d} {told}".strip() if self.lead else told or "drawn"

    @classmethod
    def parse(cls, text: str) -> Run:
        """What `to_text` wrote."""
        if text == "same":
            return cls(same=True)
        if ":" in text:
            operand, kind = text.split(":")
            return cls(operand=operand, kind=kind)
        lead, told = 0, text
        if text[0] in "+-":
            first, _, told = text.partition(" ")
            lead = int(first)
        pairs = [p.split("=") for p in told.split(",") if "=" in p]
        return cls({int(old): int(new) for old, new in pairs}, lead)


@dataclass(frozen=True)
class Variant:
    """A case derived from the case `of`: its label, and its runs."""

    of: str
    label: str
    runs: tuple[Run, ...]


def of_cases(name: str, cases: Sequence[Source]) -> Iterator[Source]:
    """The variants of an operator at one version, whose cases these are.

    Args:
        name: "Conv/22".
        cases: what its families made.

    Raises:
        ValueError: a variant is not legal any more, or what it is derived from is gone.
    """
    by_id = {case.id: case for case in cases}
    for variant in _table().get(name, ()):
        if variant.of not in by_id:
            raise ValueError(f"{variant.of} has a variant and is no case: choose variants anew")
        yield derived(by_id[variant.of], variant)


def wanted(name: str) -> bool:
    """Whether the operator at this version has variants."""
    return name in _table()


@cache
def _table() -> Mapping[str, tuple[Variant, ...]]:
    text = files("hal_conformance.generated").joinpath("variants.json").read_text("utf-8")
    found: dict[str, tuple[Variant, ...]] = {}
    for case, label, *runs in cast("list[list[str]]", json.loads(text)):
        name = case.removeprefix("ops/").rsplit("/", 2)[0]
        one = Variant(case, label, tuple(map(Run.parse, runs)))
        found[name] = (*found.get(name, ()), one)
    return found


def derived(source: Source, variant: Variant) -> Source:
    """The variant of a case.

    Raises:
        ValueError: onnx refuses it.
    """
    case_id = f"{source.id.rpartition('/')[0]}/{variant.label}"
    datasets = [fed(source, run, (case_id, number)) for number, run in enumerate(variant.runs)]
    try:
        model = _opened(source, datasets)
    except Exception as error:
        raise ValueError(f"{case_id}: {error}") from error
    elements = max(
        (v.array.size for f in datasets for v in f.values() if isinstance(v, Tensor)), default=0
    )
    return Source(
        case_id,
        model.SerializeToString(deterministic=True),
        datasets,
        f"sampled {elements}",
        source.judged,
        variant.label,
        source.binding,
    )


def fed(source: Source, run: Run, key: tuple[str | int, ...]) -> dict[str, Value]:
    """The feeds of a run."""
    base = source.datasets[0]
    if run.same:
        return dict(base)
    first = next((v for v in base.values() if isinstance(v, Tensor)), None)
    rank = len(first.shape) if first is not None else -1
    made: dict[str, Value] = {}
    for name, value in base.items():
        draw = Draw(*key, name)
        if not run.kind:
            made[name] = _drawn(name, value, run, rank, draw)
        elif name == run.operand and isinstance(value, Tensor):
            wide = KINDS[run.kind](draw, value.array.astype(np.float64), value.dtype)
            made[name] = Tensor(_kept(values.as_type(wide, value.dtype)), value.dtype)
        else:
            made[name] = value
    return made


def structural(name: str) -> bool:
    """Whether an input says what is computed, and where, rather than of what."""
    return name in KEPT | SIZED | PLACES or "zero_point" in name


def _drawn(name: str, value: Value, run: Run, rank: int, draw: Draw) -> Value:
    if isinstance(value, list):
        return [_drawn(name, item, run, rank, draw) for item in value]
    if isinstance(value, MapValue):
        return MapValue(value.keys, _picked(value.values, value.values.shape, draw))
    if not isinstance(value, Tensor) or name in KEPT:
        return value
    if name in SIZED:
        sizes = np.array([run.sizes.get(int(d), int(d)) for d in value.array.ravel().tolist()])
        return Tensor(_kept(sizes.reshape(value.shape).astype(value.array.dtype)), value.dtype)
    shape = tuple(run.sizes.get(d, d) for d in value.shape)
    if len(shape) == rank and run.lead:
        shape = (*(2, 3, 2)[: run.lead], *shape) if run.lead > 0 else shape[-run.lead :]
    if structural(name):
        given = np.resize(value.array, shape) if value.array.size else value.array
        return Tensor(_kept(given), value.dtype)
    return _picked(value, shape, draw)


def _picked(value: Tensor, shape: tuple[int, ...], draw: Draw) -> Tensor:
    """Drawn among the elements of a value; real numbers shrunk by up to a sixteenth."""
    count, array = prod(shape), value.array
    if not array.size or not count:
        return Tensor(_kept(np.zeros(shape, array.dtype)), value.dtype)
    picked = array.reshape(-1)[draw.integers(0, array.size, count)]
    if values.is_float(value.dtype) or value.dtype.name.startswith("complex"):
        wide = picked.astype(np.complex128 if array.dtype.kind == "c" else np.float64)
        with np.errstate(all="ignore"):
            picked = (wide * (1 - draw.unit(count) * 2.0**-4)).astype(array.dtype)
    return Tensor(_kept(np.asarray(picked).reshape(shape)), value.dtype)


def _kept(array: Array) -> Array:
    array = np.array(array, order="C")
    array.setflags(write=False)
    return array


def _opened(source: Source, datasets: Sequence[Mapping[str, Value]]) -> onnx.ModelProto:
    """The model, its dimensions open where data sets differ; equal ones share a name."""
    model = onnx.ModelProto.FromString(source.model)
    names: dict[tuple[int, ...], str] = {}
    for given in model.graph.input:
        shapes = [v.shape for f in datasets if isinstance(v := f[given.name], Tensor)]
        if not shapes or not given.type.HasField("tensor_type"):
            continue
        dims = given.type.tensor_type.shape
        dims.Clear()
        for column in zip(*shapes, strict=True):
            if len(set(column)) == 1:
                dims.dim.add().dim_value = column[0]
            else:
                dims.dim.add().dim_param = names.setdefault(column, f"n{len(names)}")
    for result in model.graph.output:
        if result.type.HasField("tensor_type"):
            result.type.tensor_type.ClearField("shape")
    model = shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    for number, result in enumerate(model.graph.output):
        _settle(result, number, source, model)
    del model.graph.value_info[:]
    checker.check_model(model, full_check=True)  # pyright: ignore[reportUnknownMemberType]  # PathLike, no parameter
    return model


def _settle(result: Any, number: int, source: Source, model: onnx.ModelProto) -> None:
    """Name what inference left open; the rank is the case's where it knows none."""
    if not result.type.HasField("tensor_type"):
        return
    shape = result.type.tensor_type
    if not shape.HasField("shape"):
        before = onnx.ModelProto.FromString(source.model)
        if _ranks(before) != _ranks(model):
            raise ValueError(f"the rank of {result.name} is not known")
        for _ in before.graph.output[number].type.tensor_type.shape.dim:
            shape.shape.dim.add()
    for place, dim in enumerate(shape.shape.dim):
        if not dim.HasField("dim_value"):
            dim.dim_param = f"d{number}_{place}"


def _ranks(model: onnx.ModelProto) -> list[int]:
    return [len(given.type.tensor_type.shape.dim) for given in model.graph.input]
