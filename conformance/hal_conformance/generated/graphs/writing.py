"""Writing a graph node by node, in a way that a `Twist` can turn into the traps of its kind.

A pattern calls `feed`, `weight`, `const` and the graph itself, and says its outputs with `out`:

    x = g.feed("x", "N", 8, "H", "W")
    g.out(g("Relu", g("Conv", x, g.weight("w", 4, 8, 3, 3), pads=[1, 1, 1, 1])))

What an operator had as an attribute before it was an input (axes, pads) has a method here,
which writes what the graph's opset asks for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from hal import dtypes
from hal.tensor import Tensor
from hal_conformance.generated import values
from hal_conformance.generated.draw import Draw
from hal_conformance.generated.graphs.twists import Twist
from hal_conformance.generated.values import Maker

SIZES: Mapping[str, tuple[int, int]] = {
    "N": (2, 3),
    "H": (9, 12),
    "W": (11, 8),
    "L": (7, 5),
    "S": (6, 9),
    "M": (5, 13),
}
"""The sizes of symbolic dimensions in the two data sets; a static graph has the first."""

COMMUTATIVE = frozenset({"Add", "Mul", "Max", "Min", "And", "Or", "Xor", "Equal"})

Dim = int | str


@dataclass(frozen=True, slots=True)
class Feed:
    """An input of the model: what its elements are in each data set."""

    name: str
    dims: tuple[Dim, ...]
    dtype: str
    make: Maker

    def value(self, key: tuple[str | int, ...], sizes: int) -> Tensor:
        """Its value: the key decides the elements, `sizes` which of the two sizes it has."""
        shape = tuple(SIZES[dim][sizes] if isinstance(dim, str) else dim for dim in self.dims)
        dtype = dtypes.of_name(self.dtype)
        array = np.array(self.make(Draw(*key, self.name), shape, dtype), order="C")
        array.setflags(write=False)
        return Tensor(array, dtype)

    def declared(self, *, symbolic: bool) -> onnx.ValueInfoProto:
        """As a graph declares it."""
        dims = [d if symbolic or d not in SIZES else SIZES[str(d)][0] for d in self.dims]
        return helper.make_tensor_value_info(self.name, dtypes.of_name(self.dtype).number, dims)


@dataclass
class Graph:
    """A graph being written. `t` is the floating-point type that a pattern is made for."""

    id: str
    t: str
    opset: int
    twist: Twist
    feeds: list[Feed] = field(default_factory=list[Feed])
    nodes: list[onnx.NodeProto] = field(default_factory=list[onnx.NodeProto])
    weights: dict[str, onnx.TensorProto] = field(default_factory=dict[str, onnx.TensorProto])
    outputs: list[str] = field(default_factory=list[str])
    domains: dict[str, int] = field(default_factory=dict[str, int])
    declared: dict[str, onnx.ValueInfoProto] = field(
        default_factory=dict[str, onnx.ValueInfoProto]
    )
    has_weights: bool = False
    has_constants: bool = False
    swaps: bool = False
    _counts: dict[str, int] = field(default_factory=dict[str, int])

    def feed(
        self, name: str, *dims: Dim, make: Maker = values.any_, dtype: str | None = None
    ) -> str:
        """An input of the model."""
        self.feeds.append(Feed(name, dims, dtype or self.t, make))
        return name

    def weight(
        self, name: str, *dims: int, make: Maker | None = None, dtype: str | None = None
    ) -> str:
        """A trained tensor: an initializer, unless the twist makes it something else."""
        chosen = make or around(dims)
        self.has_weights = True
        if self.twist.weights == "fed":
            return self.feed(name, *dims, make=chosen, dtype=dtype)
        found = Feed(name, dims, dtype or self.t, chosen).value((self.id,), 0)
        return self._constant(name, numpy_helper.from_array(found.array, name))

    def const(self, given: Any, dtype: str | None = None) -> str:
        """A number or tensor that belongs to the pattern, in the pattern's type by default."""
        found = dtypes.of_name(dtype or self.t)
        array = values.as_type(np.asarray(given, np.float64), found)
        name = self._name("const")
        return self._constant(name, numpy_helper.from_array(array, name))

    def ints(self, *given: int) -> str:
        """A list of int64: axes, a shape."""
        name = self._name("ints")
        return self._constant(name, numpy_helper.from_array(np.array(given, np.int64), name))

    def integer(self, given: int) -> str:
        """An int64 without dimensions."""
        name = self._name("int")
        return self._constant(name, numpy_helper.from_array(np.array(given, np.int64), name))

    def __call__(self, op: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """A node of one output; returns that."""
        return self.many(1, op, *inputs, domain=domain, **attributes)[0]

    def many(
        self, count: int, op: str, *inputs: str, domain: str = "", **attributes: Any
    ) -> list[str]:
        """A node of several outputs."""
        if op in COMMUTATIVE:
            self.swaps = True
            inputs = inputs[::-1] if self.twist.swapped else inputs
        names = [self._name(op.lower()) for _ in range(count)]
        node = helper.make_node(op, inputs, names, domain=domain or None)
        for key, value in attributes.items():
            if value is not None:
                node.attribute.append(helper.make_attribute(key, value))
        self.nodes.append(node)
        return names

    def out(self, *names: str) -> None:
        """These are outputs."""
        self.outputs += [name for name in names if name not in self.outputs]

    def out_as(self, name: str, *dims: Dim, dtype: str | None = None) -> None:
        """This is an output, of a type that onnx does not infer."""
        feed = Feed(name, dims, dtype or self.t, values.any_)
        self.declared[name] = feed.declared(symbolic=self.twist.symbolic)
        self.out(name)

    def within(self) -> Graph:
        """A graph for a subgraph of this one: its names are new, its constants its own."""
        inner = Graph(self.id, self.t, self.opset, self.twist, feeds=self.feeds)
        inner._counts = self._counts
        return inner

    def subgraph(
        self, name: str, inputs: Sequence[onnx.ValueInfoProto], outputs: Sequence[str]
    ) -> onnx.GraphProto:
        """What was written here, as the graph of an attribute; outputs are untyped."""
        told = [onnx.ValueInfoProto(name=output) for output in outputs]
        weights = list(self.weights.values())
        return helper.make_graph(self.nodes, name, list(inputs), told, weights)

    def local(self, name: str, *dims: Dim, dtype: str | None = None) -> onnx.ValueInfoProto:
        """An input of a subgraph."""
        number = dtypes.of_name(dtype or self.t).number
        return helper.make_tensor_value_info(self._name(name), number, dims)

    @property
    def factors(self) -> Maker:
        """What to multiply by: where constants are folded in a narrow type, powers of two."""
        return values.positive if self.t in ("float32", "float64") else twos

    # What opsets write differently.

    def reduce(self, op: str, x: str, *axes: int, keepdims: int = 1) -> str:
        """A reduction over axes."""
        since = 13 if op == "ReduceSum" else 18
        if self.opset >= since:
            return self(op, x, self.ints(*axes), keepdims=keepdims)
        return self(op, x, axes=list(axes), keepdims=keepdims)

    def squeeze(self, x: str, *axes: int) -> str:
        """Without these axes of size 1."""
        if self.opset >= 13:
            return self("Squeeze", x, self.ints(*axes))
        return self("Squeeze", x, axes=list(axes))

    def unsqueeze(self, x: str, *axes: int) -> str:
        """With new axes of size 1."""
        if self.opset >= 13:
            return self("Unsqueeze", x, self.ints(*axes))
        return self("Unsqueeze", x, axes=list(axes))

    def split(self, x: str, *sizes: int, axis: int) -> list[str]:
        """Parts along an axis."""
        if self.opset >= 13:
            return self.many(len(sizes), "Split", x, self.ints(*sizes), axis=axis)
        return self.many(len(sizes), "Split", x, split=list(sizes), axis=axis)

    def slice(self, x: str, start: int, end: int, axis: int, step: int = 1) -> str:
        """A range of an axis."""
        bounds = [self.ints(start), self.ints(end), self.ints(axis), self.ints(step)]
        return self("Slice", x, *bounds)

    def reshape(self, x: str, *shape: int) -> str:
        """The same elements in another shape; 0 copies, -1 is what is left."""
        return self("Reshape", x, self.ints(*shape))

    def transpose(self, x: str, *perm: int) -> str:
        """The axes in another order."""
        return self("Transpose", x, perm=list(perm))

    def _constant(self, name: str, tensor: onnx.TensorProto) -> str:
        self.has_constants = True
        if self.twist.weights == "nodes":
            self.nodes.append(helper.make_node("Constant", [], [name], value=tensor))
        else:
            self.weights[name] = tensor
        return name

    def _name(self, stem: str) -> str:
        number = self._counts.get(stem, 0)
        self._counts[stem] = number + 1
        return f"{stem}_{number}"


def grid(draw: Draw, shape: values.Shape, dtype: dtypes.DType) -> Any:
    """Multiples of 1/8 within 2: sums of a few are exact in any type, in any order."""
    drawn = draw.integers(-16, 17, prod(shape)) * 0.125
    return values.as_type(np.where(drawn == 0, 0.5, drawn), dtype).reshape(shape)


def twos(draw: Draw, shape: values.Shape, dtype: dtypes.DType) -> Any:
    """Powers of two from 1/4 to 2: to multiply by them is exact, wherever it is done."""
    drawn = np.ldexp(1.0, draw.integers(-2, 2, prod(shape)).astype(np.int32))
    return values.as_type(drawn, dtype).reshape(shape)


def fours(draw: Draw, shape: values.Shape, dtype: dtypes.DType) -> Any:
    """Powers of four from 1/4 to 4: their roots are exact."""
    drawn = np.ldexp(1.0, 2 * draw.integers(-1, 2, prod(shape)).astype(np.int32))
    return values.as_type(drawn, dtype).reshape(shape)


def around(dims: Sequence[int]) -> Maker:
    """Nearly normal numbers, smaller the more of them are added up: sums stay near 1."""
    terms = max(1, prod(dims[1:])) if len(dims) > 2 else max(1, dims[0] if dims else 1)
    scale = 2.0 ** -((terms.bit_length() - 1) // 2) if len(dims) > 1 else 1.0
    return scaled(scale)


def scaled(factor: float, offset: float = 0.0) -> Maker:
    """Nearly normal numbers times a factor, plus an offset."""

    def make(draw: Draw, shape: values.Shape, dtype: dtypes.DType) -> Any:
        drawn = draw.normal(prod(shape)) * factor + offset
        return values.as_type(drawn, dtype).reshape(shape)

    return make
