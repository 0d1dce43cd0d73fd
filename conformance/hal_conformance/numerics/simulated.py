"""Simulated correct devices: a whole model in an arithmetic, done in one of many right ways.

`run` executes a model as a device of that arithmetic might: `kernels` for the operators whose
implementations differ, function bodies taken apart or not, everything else by the standard's
evaluator in float64 or float32, and every result rounded to the format it is kept in. Bounds
that accuse any of these are wrong (docs/numerics.md): no seed may FAIL.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import onnx
from onnx.reference.ops import load_op

from hal import dtypes
from hal.tensor import MapValue, Tensor, Value
from hal_conformance.numerics import rules
from hal_conformance.numerics.arithmetic import FORMATS, Arithmetic, Array, arithmetic
from hal_conformance.numerics.engine import Walk, attributes_of, plain_of, with_defaults
from hal_conformance.numerics.expansion import body_of
from hal_conformance.numerics.inference import output_types
from hal_conformance.numerics.kernels import KERNELS, Call
from hal_conformance.numerics.machine import Machine
from hal_conformance.numerics.pair import Pair, Quantity, Table
from hal_conformance.numerics.reference import run_node

NATIVE = frozenset(
    {
        "Attention",
        "BitCast",
        "Cast",
        "CastLike",
        "ConvInteger",
        "DequantizeLinear",
        "DynamicQuantizeLinear",
        "MatMulInteger",
        "QLinearConv",
        "QLinearMatMul",
        "QuantizeLinear",
    }
)
"""Operators whose meaning depends on the very types of their inputs: run in those."""

BY_RULE = frozenset(
    {
        *("CategoryMapper", "Clip", "Mean", "NonMaxSuppression", "OptionalHasElement"),
        *("CastMap", "Constant", "DictVectorizer", "GatherElements", "GridSample", "Hardmax"),
        *("SequenceMap", "StringNormalizer", "Unique", "Unsqueeze"),
        *("LabelEncoder", "MaxPool", "MaxRoiPool", "Multinomial", "OneHot", "Optional"),
        *("OptionalGetElement", "Pad", "QLinearMatMul", "QuantizeLinear", "Resize", "Scatter"),
        *("SequenceInsert", "TfIdfVectorizer", "TopK", "Trilu", "Upsample", "ZipMap"),
        *("Cast", "CastLike", "DequantizeLinear"),
    }
)
"""Operators that the standard's evaluator gets wrong, or has not for every type and version.

A device is simulated that computes exactly what their rules say, and rounds it once; so is one
for BY_VALUE, whose results it leaves off by a step. These simulations test what rules add for
storage, and no other order of operations: real devices do (docs/numerics.md).
"""

BY_VALUE = frozenset(
    {
        *("DeformConv", "Gelu", "GlobalLpPool", "HammingWindow", "HannWindow"),
        *("HardSwish", "LRN", "LinearClassifier", "LinearRegressor", "LpNormalization"),
        *("LpPool", "Mish", "QLinearConv", "ReduceLogSumExp", "RoiAlign", "SVMClassifier"),
        *("SVMRegressor", "Scaler", "Softsign", "TreeEnsemble", "TreeEnsembleClassifier"),
        *("TreeEnsembleRegressor", "MeanVarianceNormalization"),
    }
)

CELLS = frozenset({"GRU", "LSTM", "RNN"})
"""Of these the evaluator passes over `sequence_lens` and the attributes in PASSED_OVER."""

PASSED_OVER = frozenset(
    {"activations", "activation_alpha", "activation_beta", "clip", "input_forget"}
)

TAKEN_APART = frozenset({"AffineGrid", "Attention"})
"""Always by their bodies: the evaluator computes one in float32, and caps too early in one."""

WHOLE = frozenset({"Range"})
"""Never taken apart: an inexact division in the body would make it longer by one."""

MOVES = frozenset(
    {
        "Abs",
        "BitCast",
        "CenterCropPad",
        "Clip",
        "Compress",
        "Concat",
        "ConcatFromSequence",
        "Constant",
        "ConstantOfShape",
        "DepthToSpace",
        "Dropout",
        "Expand",
        "EyeLike",
        "Flatten",
        "Gather",
        "GatherElements",
        "GatherND",
        "GlobalMaxPool",
        "Identity",
        "If",
        "Loop",
        "Max",
        "MaxPool",
        "MaxUnpool",
        "Min",
        "Neg",
        "OneHot",
        "Optional",
        "OptionalGetElement",
        "Pad",
        "ReduceMax",
        "ReduceMin",
        "Relu",
        "Reshape",
        "ReverseSequence",
        "Scan",
        "Scatter",
        "ScatterElements",
        "ScatterND",
        "SequenceAt",
        "SequenceConstruct",
        "SequenceEmpty",
        "SequenceErase",
        "SequenceInsert",
        "Sign",
        "Slice",
        "SpaceToDepth",
        "Split",
        "SplitToSequence",
        "Squeeze",
        "TensorScatter",
        "Tile",
        "TopK",
        "Transpose",
        "Trilu",
        "Unique",
        "Unsqueeze",
        "Where",
    }
)
"""Operators that move or choose: what they return is not rounded again."""


def run(
    model: onnx.ModelProto,
    feeds: Mapping[str, Quantity],
    how: Arithmetic,
    seed: int = 0,
    lean: int = 0,
) -> list[Value]:
    """A model's outputs on one simulated correct device.

    Args:
        model: a checked model, with its weights inside.
        feeds: every input by name, exact.
        how: the arithmetic that the device computes in.
        seed: which of the many right ways it takes.
        lean: the sign of its functions' errors: 1, -1, or 0 for each by itself.
    """
    opsets = {entry.domain: entry.version for entry in model.opset_import}
    functions = {(f.domain, f.name): f for f in model.functions}
    walk = SimulatedWalk(Machine(how, seed, lean), opsets, functions)
    return [value_of(quantity) for quantity in walk.graph(model.graph, dict(feeds))]


class SimulatedWalk(Walk):
    """A walk whose quantities are what one device holds: exact, and not what is right."""

    def __init__(
        self,
        machine: Machine,
        opsets: Mapping[str, int],
        functions: Mapping[tuple[str, str], onnx.FunctionProto],
    ) -> None:
        super().__init__(machine.arithmetic, opsets, functions)
        self._machine = machine

    def _operator(
        self, node: onnx.NodeProto, domain: str, version: int, inputs: Sequence[Quantity]
    ) -> Sequence[Quantity]:
        kernel = KERNELS.get(node.op_type) if not domain and _real(inputs) else None
        if self._expands(node, domain, version, has_kernel=kernel is not None):
            body = body_of(node, self._opsets.get(domain, version), inputs)
            if body is not None:
                return self._call(body, with_defaults(node, domain, version), inputs)
        results = self._computed(node, domain, version, inputs)
        types = output_types(node, domain, version, inputs)
        moves = not domain and node.op_type in MOVES
        sources = () if kernel is not None else inputs
        return [
            self._kept(result, types.get(name), moves=moves, sources=sources)
            for name, result in results
        ]

    def _expands(
        self, node: onnx.NodeProto, domain: str, version: int, *, has_kernel: bool
    ) -> bool:
        """Whether this device takes an operator apart, where it has a body."""
        if _by_rule(node):
            return False
        if node.op_type in TAKEN_APART:
            return True
        if has_kernel or is_native(node.op_type, domain, version):
            return node.op_type not in WHOLE and self._machine.one_of((True, False, False))
        return True

    def _computed(
        self, node: onnx.NodeProto, domain: str, version: int, inputs: Sequence[Quantity]
    ) -> Sequence[tuple[str, Any]]:
        call = Call(
            node.op_type,
            version,
            attributes_of(node, domain, version),
            [plain_of(value) for value in inputs],
            [value.dtype if isinstance(value, Pair) else None for value in inputs],
            lambda values: run_node(node, version, values),
        )
        kernel = KERNELS.get(node.op_type) if not domain and _real(inputs) else None
        if kernel is not None:
            with np.errstate(all="ignore"):
                results = kernel(self._machine, call)[: len(node.output)]
        elif (_by_rule(node) or _skips_nan(node, inputs)) and (
            entry := rules.find(node.op_type, version, domain)
        ):
            results = self._by_rule(entry, self._step(node, domain, version), inputs)
        elif node.op_type in NATIVE:
            results = call.reference([native(value) for value in inputs])
        else:
            narrow = self._machine.inner("float32") == "float32" and node.op_type not in MOVES
            single = self._machine.one_of((True, False)) and narrow
            given = [_narrow(value) if single else plain_of(value) for value in inputs]
            results = call.reference(given)
        return list(zip(node.output, results, strict=False))

    def _by_rule(
        self, entry: rules.Entry, step: rules.Step, inputs: Sequence[Quantity]
    ) -> list[Any]:
        """What a rule holds to be exact, off by a unit in the last place where it computes."""
        exact = replace(step, arithmetic=arithmetic("fp64"))
        made: list[Quantity] = list(entry.rule(exact, inputs))
        if step.op not in BY_VALUE and step.op not in CELLS:
            return made
        return [self._near(value) for value in made]

    def _near(self, value: Quantity) -> Any:
        if not isinstance(value, Pair) or not value.is_float or value.accepts is not None:
            return value
        off = self._machine.inexact(value.value, value.dtype, 1.0)
        return replace(value, value=np.where(value.errors() > 0, off, value.value), error=None)

    def _kept(
        self, result: Any, dtype: str | None, *, moves: bool, sources: Sequence[Quantity]
    ) -> Quantity:
        if result is None:
            return None
        if isinstance(result, Table):
            return result
        if isinstance(result, Pair):
            result, dtype = result.value, result.dtype
        if isinstance(result, list):
            items: list[Any] = result  # pyright: ignore[reportUnknownVariableType]  # anything
            return [self._kept(item, dtype, moves=moves, sources=sources) for item in items]
        array = np.asarray(result)
        if dtype is None or (dtype not in FORMATS and array.dtype.kind not in "fc"):
            return Pair.exact(array, dtype)
        if dtype not in FORMATS:
            return Pair.exact(array.astype(dtypes.of_name(dtype).numpy), dtype)
        wide = array.astype(np.float64)
        if moves:
            return Pair(wide, None, dtype)
        # What an operator passes through stays as it is: a cache, dimensions not rotated.
        passed = [_passed(wide, source) for source in sources]
        stored = self._machine.store(wide, dtype)
        return Pair(np.where(np.any(passed, axis=0), wide, stored), None, dtype)


def _skips_nan(node: onnx.NodeProto, inputs: Sequence[Quantity]) -> bool:
    """Whether the evaluator would leave NaN out: it marks the places of padding with it."""
    if node.op_type != "AveragePool":
        return False
    return any(isinstance(value, Pair) and np.isnan(value.value).any() for value in inputs)


def _by_rule(node: onnx.NodeProto) -> bool:
    if node.op_type in CELLS:
        given = {attribute.name for attribute in node.attribute}
        return bool(given & PASSED_OVER) or (len(node.input) > 4 and bool(node.input[4]))
    return node.op_type in BY_RULE or node.op_type in BY_VALUE


@cache
def is_native(op: str, domain: str, version: int) -> bool:
    """Whether the standard's evaluator computes an operator without its body."""
    if domain:
        return False
    try:
        load_op("", op, version)
    except (AssertionError, RuntimeError):  # it asks for what a body needs, or has nothing
        return False
    return True


def native(value: Quantity) -> Any:
    """The arrays of a quantity in their own types."""
    if isinstance(value, Pair):
        return _typed(value)
    if isinstance(value, Table):
        return plain_of(value)
    return None if value is None else [native(item) for item in value]


def value_of(quantity: Quantity) -> Value:
    """What a device returns of it."""
    if isinstance(quantity, Pair):
        return _tensor(quantity)
    if isinstance(quantity, Table):
        return MapValue(_tensor(quantity.keys), _tensor(quantity.values))
    return None if quantity is None else [value_of(item) for item in quantity]


def exactly(value: Value) -> Quantity:
    """A quantity over a feed."""
    if isinstance(value, Tensor):
        return _pair(value)
    if isinstance(value, list):
        return [exactly(item) for item in value]
    return None if value is None else Table(_pair(value.keys), _pair(value.values))


def _pair(tensor: Tensor) -> Pair:
    return Pair.exact(tensor.array, tensor.dtype.name)


def _tensor(pair: Pair) -> Tensor:
    return Tensor(_typed(pair), dtypes.of_name(pair.dtype))


def _typed(pair: Pair) -> Array:
    if pair.dtype == "string":
        return np.asarray(pair.value)
    with np.errstate(all="ignore"):
        return np.asarray(pair.value).astype(dtypes.of_name(pair.dtype).numpy)


def _passed(array: Array, source: Quantity) -> Array:
    """Which elements are some element of an input."""
    if isinstance(source, list):
        found = [_passed(array, item) for item in source]
        return np.asarray(np.any([np.zeros(np.shape(array), bool), *found], axis=0))
    if isinstance(source, Pair) and source.is_float and np.ndim(source.value):
        return np.isin(array, source.value)
    return np.zeros(np.shape(array), bool)


def _real(inputs: Sequence[Quantity]) -> bool:
    first = inputs[0] if inputs else None
    return isinstance(first, Pair) and first.is_float


def _narrow(value: Quantity) -> Any:
    """A quantity's arrays as float32, where they are floating point and no doubles."""
    if isinstance(value, list):
        return [_narrow(item) for item in value]
    if not isinstance(value, Pair) or not value.is_float or value.dtype == "float64":
        return plain_of(value)
    return plain_of(replace(value, value=value.value.astype(np.float32)))
