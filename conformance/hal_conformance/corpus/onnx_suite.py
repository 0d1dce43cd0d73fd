"""The cases of onnx's own suite, as `onnx.backend.test.BackendTest` enumerates them.

Node cases are generated: importing a module of `onnx.backend.test.case.node` appends its cases
to a list. The others lie in the wheel as protobuf files, except that the nine "real" ones are
light models whose input the standard runner computes. Loaded in a process of its own
(generate.py), because generating leaves traces in NumPy's global generator.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import onnx
from onnx import numpy_helper
from onnx.backend.test.case import base, node
from onnx.backend.test.case.test_case import TestCase
from onnx.backend.test.loader import DATA_DIR, load_model_tests

from hal import dtypes, tensor
from hal.inspection import facts_of
from hal.tensor import Tensor, Value
from hal_conformance.corpus.case import DataSet
from hal_conformance.corpus.folder import Source
from hal_conformance.corpus.rows import row_of
from hal_conformance.corpus.values import CorpusError

SUITE = "onnx"
STORED = ("pytorch-converted", "pytorch-operator", "real", "simple")
_SECONDS = {"averagepool": 1.1, "lppool": 1.0, "maxpool": 0.8, "attention": 0.15}
"""What the slow modules take; any other takes a few milliseconds."""


def units(part: int, parts: int) -> list[str]:
    """The modules and kinds that one of several equal parts generates, always the same."""
    names = [name for _, name, _ in pkgutil.iter_modules(node.__path__)]
    weights = {name: _SECONDS.get(name, 0.005) for name in names}
    weights.update(dict.fromkeys(STORED, 0.05))
    loads = [0.0] * parts
    dealt: list[list[str]] = [[] for _ in range(parts)]
    for name in sorted(weights, key=lambda name: (-weights[name], name)):
        lightest = loads.index(min(loads))
        loads[lightest] += weights[name]
        dealt[lightest].append(name)
    return dealt[part]


def cases(unit: str) -> Iterator[Source]:
    """The cases of one unit, and of modules that it imports."""
    if unit in STORED:
        for case in sorted(load_model_tests(kind=unit), key=lambda case: case.name):
            yield _light(case) if unit == "real" else _stored(case)
        return
    for case in _generated(unit):
        yield _from_memory(case)


def settle() -> None:
    """Make what is generated the same everywhere; call it first, in a process of its own.

    With Pillow installed, the standard encodes the images of ImageDecoder with it, differently
    from one version to another; without, it takes the frozen ones that it carries.
    """
    sys.modules["PIL"] = None  # type: ignore[assignment]  # how to make an import fail
    # The standard reads its own source for its documentation; nobody reads that here.
    base.process_snippet = _no_snippet


def _generated(module: str) -> list[TestCase]:
    listed: list[TestCase] = getattr(node, "_NodeTestCases")  # noqa: B009  its only list
    before = len(listed)
    package = importlib.import_module(f"{node.__name__}.{module}")
    if hasattr(package, "__path__"):
        for _, name, _ in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{package.__name__}.{name}")
    return listed[before:]


def _no_snippet(op_name: str, name: str, export: Any) -> tuple[str, str]:  # noqa: ARG001  its signature
    return name, ""


def _from_memory(case: TestCase) -> Source:
    model = _required(case.model, case)
    sets = _required(case.data_sets, case)
    return _source(case, model, model.SerializeToString(deterministic=True), sets)


def _stored(case: TestCase) -> Source:
    folder = Path(_required(case.model_dir, case))
    content = (folder / "model.onnx").read_bytes()
    model = onnx.load_model_from_string(content)
    inputs, outputs = _inputs(model), list(model.graph.output)
    sets = [
        (_read(data, "input", inputs), _read(data, "output", outputs))
        for data in sorted(folder.glob("test_data_set*"))
    ]
    return _source(case, model, content, sets)


def _light(case: TestCase) -> Source:
    """A real architecture with weights that take no room; its input is a ramp from 0 to 1."""
    from onnx.backend.test.runner import Runner

    path = Path(DATA_DIR) / "light" / Path(_required(case.url, case)).name
    content = path.read_bytes()
    model = onnx.load_model_from_string(content)
    feeds = [Runner.generate_dummy_data(value, name=case.name) for value in _inputs(model)]
    expected = [
        _parse_tensor(path.with_name(f"{path.stem}_output_{number}.pb").read_bytes())
        for number in range(len(model.graph.output))
    ]
    return _source(case, model, content, [(feeds, expected)])


def _required(value: Any, case: TestCase) -> Any:
    if value is None:
        raise CorpusError(f"the standard's case {case.name} is not of the kind {case.kind!r}")
    return value


def _inputs(model: onnx.ModelProto) -> list[onnx.ValueInfoProto]:
    initialised = {weight.name for weight in model.graph.initializer}
    return [value for value in model.graph.input if value.name not in initialised]


def _read(folder: Path, role: str, declared: Sequence[onnx.ValueInfoProto]) -> list[Any]:
    count = len(list(folder.glob(f"{role}_*.pb")))
    if count != len(declared):
        raise CorpusError(f"{folder} has {count} {role}s, the model {len(declared)}")
    return [
        _parse(value.type, (folder / f"{role}_{number}.pb").read_bytes())
        for number, value in enumerate(declared)
    ]


def _parse(kind: onnx.TypeProto, content: bytes) -> Any:
    if kind.HasField("sequence_type"):
        return numpy_helper.to_list(onnx.SequenceProto.FromString(content))
    if kind.HasField("optional_type"):
        return numpy_helper.to_optional(onnx.OptionalProto.FromString(content))
    if kind.HasField("map_type"):
        return numpy_helper.to_dict(onnx.MapProto.FromString(content))
    return _parse_tensor(content)


def _parse_tensor(content: bytes) -> onnx.TensorProto:
    return onnx.TensorProto.FromString(content)


def _source(
    case: TestCase, model: onnx.ModelProto, content: bytes, sets: Sequence[tuple[Any, Any]]
) -> Source:
    names = [value.name for value in _inputs(model)]
    datasets = [
        DataSet(
            dict(zip(names, map(value_of, inputs), strict=True)),
            tuple(map(value_of, outputs)),
        )
        for inputs, outputs in sets
    ]
    return Source(
        id=f"{SUITE}/{case.kind}/{case.name}",
        suite=SUITE,
        model=content,
        facts=facts_of(model),
        row=row_of(model, SUITE),
        rtol=case.rtol,
        atol=case.atol,
        datasets=datasets,
    )


def value_of(given: Any) -> Value:
    """A Value over what the standard's cases hold: arrays, scalars, messages, lists, None."""
    if isinstance(given, onnx.TensorProto):
        return Tensor(numpy_helper.to_array(given), dtypes.of_number(given.data_type))
    return tensor.value_of(given)
