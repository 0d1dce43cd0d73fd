"""Models made narrower: static shapes, and inputs that steer an operator turned into constants.

Many compilers take static shapes alone, or want axes, pads and counts as constants, where ONNX
lets a caller give them with each run. A `Specialized` program compiles when it is called, once
for each set of such facts, and keeps the programs it used last.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from threading import Lock
from types import MappingProxyType
from typing import TYPE_CHECKING

from hal.adapter import CanPlace, Program
from hal.errors import Unsupported
from hal.inspection import bodies
from hal.model import Model
from hal.spec import Placement, TensorSpec
from hal.tensor import Array, Feeds, Value

if TYPE_CHECKING:
    import onnx

KEPT = 8
"""How many programs a `Specialized` keeps."""

STEERING: Mapping[str, tuple[int, ...]] = {
    "AffineGrid": (1,),
    "BlackmanWindow": (0,),
    "CenterCropPad": (1,),
    "Col2Im": (1, 2),
    "ConstantOfShape": (0,),
    "CumProd": (1,),
    "CumSum": (1,),
    "DFT": (1, 2),
    "Dropout": (1, 2),
    "Expand": (1,),
    "HammingWindow": (0,),
    "HannWindow": (0,),
    "MaxUnpool": (2,),
    "MelWeightMatrix": (0, 1, 2, 3, 4),
    "NonMaxSuppression": (2, 3, 4),
    "OneHot": (1,),
    "Pad": (1, 3),
    "Range": (0, 1, 2),
    "ReduceL1": (1,),
    "ReduceL2": (1,),
    "ReduceLogSum": (1,),
    "ReduceLogSumExp": (1,),
    "ReduceMax": (1,),
    "ReduceMean": (1,),
    "ReduceMin": (1,),
    "ReduceProd": (1,),
    "ReduceSum": (1,),
    "ReduceSumSquare": (1,),
    "Reshape": (1,),
    "Resize": (1, 2, 3),
    "STFT": (1, 3),
    "SequenceAt": (1,),
    "Slice": (1, 2, 3, 4),
    "Split": (1,),
    "SplitToSequence": (1,),
    "Squeeze": (1,),
    "Tile": (1, 2),
    "TopK": (1,),
    "Trilu": (1,),
    "Unsqueeze": (1,),
    "Upsample": (1,),
}
"""Operator -> positions of inputs that decide the result's shape, or which elements go where.

Read off the operators' texts in onnx 1.23: shapes, axes, pads, counts, sizes and bounds.
"""

_THROUGH = frozenset(
    {"Cast", "Identity", "Concat", "Unsqueeze", "Squeeze", "Reshape", "Gather"}
)
"""What such a value may pass through on its way from a graph input."""


def control_inputs(
    model: Model, more: Mapping[str, tuple[int, ...]] = MappingProxyType({})
) -> tuple[str, ...]:
    """The graph inputs that are used as shape, axes, pads, k, ... of an operator, in order.

    An input that is data elsewhere counts too: what steers anything has to be known.

    Args:
        model: the model.
        more: operator -> positions beyond those of `STEERING`, which a stack wants to know.
    """
    graph = model.proto().graph
    wanted: set[str] = set()
    for body in graphs(graph):
        for node in reversed(body.node):
            if node.domain in ("", "ai.onnx"):
                at = (*STEERING.get(node.op_type, ()), *more.get(node.op_type, ()))
                wanted.update(node.input[i] for i in at if i < len(node.input))
            if node.op_type in _THROUGH and wanted.intersection(node.output):
                wanted.update(node.input)
    given = {tensor.name for tensor in graph.initializer}
    return tuple(v.name for v in graph.input if v.name in wanted and v.name not in given)


def graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """The bodies inside first, since what they want may come from around them."""
    for node in graph.node:
        for _, body in bodies(node):
            yield from graphs(body)
    yield graph


def frozen(
    model: Model, shapes: Mapping[str, tuple[int, ...]], values: Mapping[str, Array]
) -> Model:
    """The model with these inputs' shapes static, and with these inputs as initializers.

    Args:
        model: the model; it is not changed.
        shapes: graph input -> its shape.
        values: graph input -> its value, in the ONNX type's storage; it is an input no more.
    """
    proto = model.proto()
    _set_shapes(proto.graph, shapes)
    if values:
        _make_constant(proto.graph, values)
    return Model(proto.SerializeToString(), folder=model.folder)


def bound(model: Model, dimensions: Mapping[str, int]) -> Model:
    """The model with lengths for the dimensions of its inputs and outputs that are named so."""
    if not dimensions:
        return model
    proto = model.proto()
    for value in (*proto.graph.input, *proto.graph.output):
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param in dimensions:
                dim.dim_value = dimensions[dim.dim_param]
    return Model(proto.SerializeToString(), folder=model.folder)


def check_tensors(
    specs: Iterable[TensorSpec],
    who: str,
    dtypes: Collection[str] = (),
    *,
    empty: bool = False,
) -> None:
    """Refuse inputs or outputs that a stack does not know.

    Args:
        specs: the inputs or the outputs.
        who: the stack, at the start of a sentence.
        dtypes: the element types that it knows; none where all of them go.
        empty: whether a dimension may be 0.

    Raises:
        Unsupported: one is no tensor, of another type, or empty; it is named.
    """
    for spec in specs:
        if not spec.is_tensor:
            raise Unsupported(f"{who} takes and gives tensors alone, not {spec}")
        if dtypes and spec.dtype not in dtypes:
            known = ", ".join(sorted(dtypes))
            raise Unsupported(f"{who} knows {known} here, not {spec}", dtype=spec.dtype)
        if not empty and 0 in (spec.shape or ()):
            raise Unsupported(f"{who} has no empty tensors, and not {spec}")


def static_shapes(
    specs: Iterable[TensorSpec], who: str, dimensions: Mapping[str, int]
) -> tuple[TensorSpec, ...]:
    """The specifications with lengths for their dimensions, for a stack that wants all of them.

    Args:
        specs: the inputs.
        who: the stack, at the start of a sentence.
        dimensions: the lengths that the options bind.

    Raises:
        Unsupported: a length stays open; the input is named.
    """
    made = tuple(spec.bound(dimensions) for spec in specs)
    for spec in made:
        if not spec.is_static:
            raise Unsupported(
                f"{who} takes static shapes alone; bind the dimensions of {spec} (--dim)"
            )
    return made


def _set_shapes(graph: onnx.GraphProto, shapes: Mapping[str, tuple[int, ...]]) -> None:
    for value in graph.input:
        if value.name in shapes:
            shape = value.type.tensor_type.shape
            shape.ClearField("dim")
            for size in shapes[value.name]:
                shape.dim.add().dim_value = size


def _make_constant(graph: onnx.GraphProto, values: Mapping[str, Array]) -> None:
    from onnx import numpy_helper

    kept = [value for value in graph.input if value.name not in values]
    del graph.input[:]
    graph.input.extend(kept)
    for name, array in values.items():
        graph.initializer.append(numpy_helper.from_array(array, name))


class Specialized(Program, CanPlace):
    """A program that is compiled for what a run brings, and kept for the next like it.

    Args:
        model: the model, whose inputs are tensors.
        compile: makes a program of a model with fewer unknowns.
        static: whether shapes must be known.
        freeze: the inputs whose values must be known.

    Raises:
        HALError: nothing is unknown, so that it compiles at once, and the compiler says no.
        Unsupported: shapes must be known, and an input is no tensor.
    """

    def __init__(
        self,
        model: Model,
        compile: Callable[[Model], Program],
        *,
        static: bool,
        freeze: Collection[str] = (),
    ) -> None:
        self.inputs: tuple[TensorSpec, ...] = model.facts.inputs
        self.outputs: tuple[TensorSpec, ...] = model.facts.outputs
        self._model = model
        self._compile = compile
        self._frozen = tuple(spec.name for spec in self.inputs if spec.name in freeze)
        self._static = static
        self._kept: OrderedDict[object, Program] = OrderedDict()
        self._last: Program | None = None
        self._lock = Lock()
        strangers = [spec for spec in self.inputs if not spec.is_tensor]
        if static and strangers:
            raise Unsupported(
                f"static shapes are for tensors alone, and not for {strangers[0]}"
            )
        if not self._frozen and (not static or all(spec.is_static for spec in self.inputs)):
            self._fixed: Program | None = compile(model)
            self._last = self._fixed
        else:
            self._fixed = None

    def run(self, feeds: Feeds) -> Sequence[Value]:
        if self._fixed is not None:
            return self._fixed.run(feeds)
        rest = {name: value for name, value in feeds.items() if name not in self._frozen}
        return self.program(feeds).run(rest)

    def program(self, feeds: Feeds) -> Program:
        """The program for what these feeds fix; compiled now where there is none yet.

        Raises:
            HALError: the compiler's.
        """
        if self._fixed is not None:
            return self._fixed
        shapes, values = self._known(feeds)
        key = (
            tuple(sorted(shapes.items())),
            tuple((name, v.dtype.str, v.shape, v.tobytes()) for name, v in values.items()),
        )
        with self._lock:
            found = self._kept.get(key)
            if found is None:
                found = self._compile(frozen(self._model, shapes, values))
                self._kept[key] = found
                while len(self._kept) > KEPT:
                    self._kept.popitem(last=False)[1].close()
            self._kept.move_to_end(key)
            self._last = found
            return found

    def _known(self, feeds: Feeds) -> tuple[dict[str, tuple[int, ...]], dict[str, Array]]:
        arrays = {spec.name: feeds[spec.name].array for spec in self.inputs if spec.is_tensor}
        values = {name: arrays[name] for name in self._frozen}
        rest = arrays.keys() - values.keys() if self._static else set[str]()
        return {name: arrays[name].shape for name in rest}, values

    def placement(self) -> Placement:
        """Where the nodes of the program used last ran.

        Raises:
            Unsupported: nothing was compiled yet, or the stack does not tell.
        """
        if not isinstance(self._last, CanPlace):
            raise Unsupported("not known before the first run, which decides what is compiled")
        return self._last.placement()

    def close(self) -> None:
        for program in (*self._kept.values(), *([self._fixed] if self._fixed else [])):
            program.close()
        self._kept.clear()
