"""Typical bounds: how far a correct device's outputs lie from the reference on whole models.

Error analysis says nothing after about four contractions, so this tier samples instead: the
float64 reference once, then K noisy passes (`noise`), and for each element

    B = 8 sqrt((v + mean v) / 2),    v = the mean over the passes of (sample - reference)^2,

the mean of v over the tensor being a floor for elements that no pass moved. A statistical
statement, measured on real models (docs/numerics.md): correct devices lie within 0.6 B.
Control flow and shapes follow the reference's path; where a pass would have left it, what
depends on that is unknown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt

import numpy as np
import onnx

from hal_conformance.numerics import rules
from hal_conformance.numerics.arithmetic import ARITHMETICS, FORMATS, Arithmetic, Array
from hal_conformance.numerics.engine import (
    Walk,
    attributes_of,
    is_exact,
    pair_of,
    plain_of,
    quantity_of,
)
from hal_conformance.numerics.engine import with_defaults as defaults
from hal_conformance.numerics.exceptions import EXCEPTIONS
from hal_conformance.numerics.expansion import body_of
from hal_conformance.numerics.inference import output_types
from hal_conformance.numerics.kernels import Call
from hal_conformance.numerics.noise import (
    AVERAGES,
    FACTORS,
    LIBRARY,
    NORMS,
    SPECTRA,
    Noise,
    average,
    batch_normalization,
    contraction,
    is_inference,
    is_sum,
    norm,
    softmax,
    spectrum,
    terms,
)
from hal_conformance.numerics.noisy_recurrent import recurrent
from hal_conformance.numerics.pair import Pair, Quantity, Table
from hal_conformance.numerics.plain import plain
from hal_conformance.numerics.reference import run_node
from hal_conformance.numerics.simulated import MOVES
from hal_conformance.numerics.spread import Spread

PASSES = 16
"""K: how many noisy passes are made."""

TAKEN_APART = frozenset(
    {
        "GroupNormalization",
        "LayerNormalization",
        "MeanVarianceNormalization",
        "RMSNormalization",
    }
)
"""Functions judged by rules of their own whose noise is nevertheless that of their bodies."""

RANDOM = frozenset(
    {
        "Bernoulli",
        "Multinomial",
        "RandomNormal",
        "RandomNormalLike",
        "RandomUniform",
        "RandomUniformLike",
    }
)
"""What a device draws, nobody can repeat."""

PATH = 8
"""The size up to which a discrete tensor may be a shape, a condition or a count."""


def typical(
    model: onnx.ModelProto,
    feeds: Mapping[str, Quantity],
    arithmetic: Arithmetic,
    *,
    passes: int = PASSES,
    seed: int = 0,
) -> list[Quantity]:
    """The outputs of a model, each with how far a correct device typically lies from it.

    Args:
        model: a checked model, with its weights inside.
        feeds: every input by name, exact.
        arithmetic: what the device computes in.
        passes: how many noisy passes are made.
        seed: what their noise is drawn from.
    """
    spreads, lost = sampled(model, feeds, arithmetic, passes=passes, seed=seed)
    names = [output.name for output in model.graph.output]
    return [
        _unknown(spread.reference) if name in lost else spread.bound()
        for name, spread in zip(names, spreads, strict=True)
    ]


def sampled(
    model: onnx.ModelProto,
    feeds: Mapping[str, Quantity],
    arithmetic: Arithmetic,
    *,
    passes: int = PASSES,
    seed: int = 0,
) -> tuple[list[Spread], set[str]]:
    """How the outputs of noisy passes spread, and the names of which nothing is known."""
    path, scales = Path(), list[Array]()
    feeds = with_weights(model, feeds)
    spreads = [
        Spread(value) for value in _pass(model, feeds, Noise(arithmetic, None, scales), path)
    ]
    for k in range(passes):
        random = np.random.Generator(np.random.PCG64([seed, k]))
        path.rewind()
        sample = _pass(model, feeds, Noise(arithmetic, random, scales), path)
        for spread, value in zip(spreads, sample, strict=True):
            spread.add(value)
    return spreads, _reached(model.graph, path.left)


@dataclass
class Path:
    """The discrete values of the reference's pass, in the order of its operators.

    `left` names the outputs of the graph's nodes in which some pass left the path.
    """

    steps: list[list[Quantity]] = field(default_factory=list[list[Quantity]])
    left: set[str] = field(default_factory=set[str])
    node: tuple[str, ...] = ()
    depth: int = 0
    recording: bool = True
    _next: int = 0

    def rewind(self) -> None:
        """Start another pass along the path."""
        self.recording, self._next = False, 0

    def follow(self, found: list[Quantity], *, is_random: bool) -> list[Quantity]:
        """What the operator returns on this path, given what it found in this pass."""
        if self.recording:
            self.steps.append([_discrete(value) for value in found])
            if is_random:
                self.left.update(self.node)
            return found
        before = self.steps[self._next]
        self._next += 1
        return [self._kept(*both) for both in zip(found, before, strict=True)]

    def _kept(self, found: Quantity, before: Quantity) -> Quantity:
        if not isinstance(found, Pair) or not isinstance(before, Pair):
            return found
        if np.shape(found.value) != np.shape(before.value):
            self.left.update(self.node)
            return before
        if found.is_float or np.size(found.value) > PATH:
            return found
        if not np.array_equal(found.value, before.value):
            self.left.update(self.node)
        return before


class NoisyWalk(Walk):
    """A walk whose quantities are the values of one pass, in float64."""

    def __init__(
        self,
        noise: Noise,
        path: Path,
        opsets: Mapping[str, int],
        functions: Mapping[tuple[str, str], onnx.FunctionProto],
    ) -> None:
        super().__init__(noise.arithmetic, opsets, functions)
        self._noise, self._path = noise, path

    def _node(
        self, node: onnx.NodeProto, inputs: Sequence[Quantity], names: Mapping[str, Quantity]
    ) -> Sequence[Quantity]:
        path = self._path
        if not path.depth:
            path.node = tuple(node.output)
        path.depth += 1
        try:
            return super()._node(node, inputs, names)
        finally:
            path.depth -= 1

    def _operator(
        self, node: onnx.NodeProto, domain: str, version: int, inputs: Sequence[Quantity]
    ) -> Sequence[Quantity]:
        if node.op_type not in EXCEPTIONS or node.op_type in TAKEN_APART:
            body = body_of(node, self._opsets.get(domain, version), inputs)
            if body is not None:
                return self._call(body, defaults(node, domain, version), inputs)
        found = self._computed(node, domain, version, inputs)
        return self._path.follow(found, is_random=node.op_type in RANDOM)

    def _computed(
        self, node: onnx.NodeProto, domain: str, version: int, inputs: Sequence[Quantity]
    ) -> list[Quantity]:
        call = Call(
            node.op_type,
            version,
            attributes_of(node, domain, version),
            [plain_of(value) for value in inputs],
            [value.dtype if isinstance(value, Pair) else None for value in inputs],
            lambda values: run_node(node, version, values),
        )
        first = inputs[0] if inputs else None
        is_real = isinstance(first, Pair) and first.is_float and not domain
        made = self._sums(call)[: len(node.output)] if is_real else []
        if made:
            return [Pair(value, None, call.dtype) for value in made]
        value = plain(call) if is_real else None
        found: list[Quantity] = (
            self._values(node, domain, version, inputs)
            if value is None
            else [Pair(value, None, call.dtype)]
        )
        if not domain and (call.op in MOVES or call.op in RANDOM):
            return found
        if is_real:
            return [self._noisy(value, call) for value in found]
        return [self._noisy(value, None, LIBRARY + sqrt(terms(call))) for value in found]

    def _sums(self, call: Call) -> list[Array]:
        """The outputs of an operator whose noise is that of its sums; none of another."""
        if is_sum(call.op, call.values):
            return [contraction(self._noise, call)]
        if call.op in ("Softmax", "LogSoftmax"):
            return [softmax(self._noise, call)]
        if is_inference(call):
            return [batch_normalization(self._noise, call)]
        return recurrent(self._noise, call) or []

    def _values(
        self, node: onnx.NodeProto, domain: str, version: int, inputs: Sequence[Quantity]
    ) -> list[Quantity]:
        """The outputs in float64: a rule's values, or the standard's evaluator's."""
        entry = rules.find(node.op_type, version, domain)
        if entry is not None:
            found = list(entry.rule(self._step(node, domain, version), inputs))
            return [_exactly(value) for value in found]
        types = output_types(node, domain, version, inputs)
        results = run_node(node, version, [plain_of(value) for value in inputs])
        return [
            _exactly(quantity_of(value, types.get(name), exact=True))
            for name, value in zip(node.output, results, strict=False)
        ]

    def _noisy(self, value: Quantity, call: Call | None, factor: float = LIBRARY) -> Quantity:
        if isinstance(value, list):
            return [self._noisy(item, None, factor) for item in value]
        if isinstance(value, Table):
            return Table(value.keys, self._pair(value.values, None, factor))
        return self._pair(value, call, factor) if isinstance(value, Pair) else value

    def _pair(self, value: Pair, call: Call | None, factor: float) -> Pair:
        if not value.is_float:
            return value
        if call is None:
            noisy = self._noise.primitive(value.value, value.dtype, factor)
        elif call.op in SPECTRA:
            noisy = spectrum(self._noise, call, value.value)
        elif call.op in NORMS:
            noisy = norm(self._noise, call, value.value)
        elif call.op in AVERAGES:
            noisy = average(self._noise, call, value.value)
        else:
            noisy = self._noise.primitive(
                value.value, value.dtype, FACTORS.get(call.op, factor)
            )
        return Pair(noisy, None, value.dtype)


def with_weights(model: onnx.ModelProto, feeds: Mapping[str, Quantity]) -> dict[str, Quantity]:
    """The feeds beside the weights, which every pass reads and none need convert again."""
    return {tensor.name: pair_of(tensor) for tensor in model.graph.initializer} | dict(feeds)


def reference(model: onnx.ModelProto, feeds: Mapping[str, Quantity]) -> list[Quantity]:
    """The outputs of a model in float64, without noise."""
    return _pass(model, feeds, Noise(ARITHMETICS["fp64"], None, []), Path())


def _pass(
    model: onnx.ModelProto, feeds: Mapping[str, Quantity], noise: Noise, path: Path
) -> list[Quantity]:
    opsets = {entry.domain: entry.version for entry in model.opset_import}
    functions = {(f.domain, f.name): f for f in model.functions}
    walk = NoisyWalk(noise, path, opsets, functions)
    with np.errstate(all="ignore"):
        return walk.graph(model.graph, dict(feeds))


def _exactly(value: Quantity) -> Quantity:
    """The values alone; what a bound says of them has no place in a pass."""
    if isinstance(value, Pair):
        return value if is_exact(value) else Pair(value.value, None, value.dtype)
    if isinstance(value, Table):
        return value
    return None if value is None else [_exactly(item) for item in value]


def _discrete(value: Quantity) -> Quantity:
    """What a pass is compared with: discrete values, and the shapes of the others."""
    if not isinstance(value, Pair) or value.dtype not in FORMATS:
        return value
    return Pair(np.broadcast_to(np.float64(0.0), np.shape(value.value)), None, value.dtype)


def _unknown(value: Quantity) -> Quantity:
    if isinstance(value, (Pair, Table)):
        return value.unknown()
    return None if value is None else [_unknown(item) for item in value]


def _reached(graph: onnx.GraphProto, left: set[str]) -> set[str]:
    """The names of a graph that depend on some of these."""
    reached = set(left)
    for node in graph.node:
        if reached.intersection(_read(node)):
            reached.update(node.output)
    return reached


def _read(node: onnx.NodeProto) -> Iterator[str]:
    """What a node and its subgraphs read."""
    yield from node.input
    for attribute in node.attribute:
        for inner in attribute.g.node:
            yield from _read(inner)
