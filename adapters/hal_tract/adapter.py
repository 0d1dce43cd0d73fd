"""tract's side of the SPI: one CPU, compilation, predictions, saved programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, ClassVar

from hal.adapter import Adapter, CanLoad, CanQuery, Program, import_sdk
from hal.errors import CompileError, HALError, InputError, Unsupported
from hal.spec import CompileOptions, DeviceInfo, ModelFacts, NodeSupport, Support, TensorSpec
from hal.specialize import Specialized, control_inputs
from hal.staged import as_file
from hal_tract import errors
from hal_tract.program import TractProgram

if TYPE_CHECKING:
    from hal.model import Model

TYPES: Mapping[str, str] = {
    "bool": "bool",
    "float16": "f16",
    "float32": "f32",
    "float64": "f64",
    **{f"int{bits}": f"i{bits}" for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": f"u{bits}" for bits in (8, 16, 32, 64)},
}
"""ONNX's element types that its Python binding takes and gives, in its words."""

CONSTANT: Mapping[str, tuple[int, ...]] = {
    "BatchNormalization": (1, 2, 3, 4),
    "DequantizeLinear": (1, 2),
    "GRU": (4,),
    "LSTM": (4,),
    "OneHot": (2,),
    "Pad": (2,),
    "QuantizeLinear": (1, 2),
    "RNN": (4,),
    "STFT": (2,),
}
"""Operator -> positions of inputs that tract 0.23.9 wants constant, beside shapes and axes."""

FEATURES = frozenset(
    {"concurrent", "deterministic", "dynamic_shapes", "placement", "query", "save"}
)


class TractAdapter(Adapter, CanQuery, CanLoad):
    """Sonos' tract: one device, "cpu", which computes in one thread."""

    name: ClassVar[str] = "tract"
    install: ClassVar[str | None] = "pip install 'onnx-hal[tract]'"

    def probe(self) -> Sequence[DeviceInfo]:
        return (
            DeviceInfo(
                id="cpu",
                name="tract on the CPU",
                vendor="Sonos",
                kind="cpu",
                sdk=str(self._tract().version()),
                dtypes=frozenset(TYPES),
                opsets={"": (1, 28)},
                features=FEATURES,
                arithmetic=("fp32",),
            ),
        )

    def compile(self, model: Model, device: DeviceInfo, options: CompileOptions) -> Program:  # noqa: ARG002  one device
        if options.vendor:
            raise InputError(f"tract takes no vendor options; got {dict(options.vendor)}")
        specs = [spec.bound(options.dimensions) for spec in model.facts.inputs]
        strangers = [str(spec) for spec in specs if not spec.is_tensor]
        if strangers:
            raise Unsupported(f"tract takes tensors alone, not {strangers[0]}")
        constants = (*control_inputs(model), *_wanted_constant(model))
        try:
            return self._compiled(model, specs)
        except Exception as error:
            known = not constants and all(spec.is_static for spec in specs)
            if known or errors.is_unknown_operator(error):
                raise
        program = Specialized(model, self._fixed, static=True, freeze=constants)
        program.inputs = tuple(specs)
        return program

    def query(self, model: Model, device: DeviceInfo, options: CompileOptions) -> Support:
        try:
            self.compile(model, device, options).close()
        except Exception as error:
            refusal = error if isinstance(error, HALError) else errors.translate(error)
            if not isinstance(refusal, Unsupported):
                raise
            return Support(tuple(_support(n.id, n.op, refusal) for n in model.facts.nodes))
        return Support(tuple(NodeSupport(n.id, n.op, True) for n in model.facts.nodes))

    def load(self, blob: bytes, device: DeviceInfo, options: CompileOptions) -> Program:  # noqa: ARG002  one device
        size = int.from_bytes(blob[:4], "little")
        header, body = json.loads(blob[4 : 4 + size]), blob[4 + size :]
        with TemporaryDirectory(prefix="hal-tract-") as folder:
            path = Path(folder) / "model.nnef.tar"
            path.write_bytes(body)
            typed = self._nnef().load(path)
        inputs = tuple(TensorSpec.from_json(spec) for spec in header["inputs"])
        facts = ModelFacts.from_json(header["facts"])
        return TractProgram(typed.into_runnable(), inputs, facts, header["order"], lambda: blob)

    def translate(self, error: Exception) -> HALError | None:
        return errors.translate(error)

    def _tract(self) -> Any:
        return import_sdk("tract", "tract", self.install)

    def _nnef(self) -> Any:
        """tract's own format with all of its extensions, in which programs are saved."""
        plain = self._tract().nnef().with_tract_extra().with_tract_transformers()
        return plain.with_onnx().with_extended_identifier_syntax()

    def _fixed(self, model: Model) -> Program:
        """Compiled with a run's own shapes and values, so that what fails is the run."""
        try:
            return self._compiled(model, model.facts.inputs)
        except Exception as error:
            raise errors.failed(error) from error

    def _compiled(self, model: Model, specs: Sequence[TensorSpec]) -> TractProgram:
        typed, order = self._typed(model, specs)
        if not all(spec.is_static for spec in specs):
            for fact in typed.output_facts():
                fact.datum_type()  # refuses a result that stays an expression of symbols

        def save() -> bytes:
            given = [spec.to_json() for spec in specs]
            header = {"inputs": given, "facts": model.facts.to_json(), "order": order}
            return self._saved(self._typed(model, specs)[0], header)

        return TractProgram(typed.into_runnable(), tuple(specs), model.facts, order, save)

    def _typed(self, model: Model, specs: Sequence[TensorSpec]) -> tuple[Any, list[str]]:
        """tract's model, and its inputs' names in its order."""
        declared = {spec.name: spec for spec in model.facts.inputs}
        known = {spec.name: spec for spec in specs}
        with TemporaryDirectory(prefix="hal-tract-") as folder:
            inferred = self._tract().onnx().load(as_file(model, Path(folder)))
        order = [inferred.input_name(at) for at in range(inferred.input_count())]
        for at, name in enumerate(order):
            spec = known[name]
            if spec.shape is not None and (spec != declared[name] or None in spec.shape):
                inferred.set_input_fact(at, _fact(spec))
        given, declared_outputs = inferred.output_count(), len(model.facts.outputs)
        if given != declared_outputs:
            raise CompileError(f"tract gives {given} outputs, not {declared_outputs}")
        return inferred.into_model(), order

    def _saved(self, typed: Any, header: Mapping[str, Any]) -> bytes:
        with TemporaryDirectory(prefix="hal-tract-") as folder:
            path = Path(folder) / "model.nnef.tar"
            self._nnef().write_model_to_tar(typed, path)
            body = path.read_bytes()
        text = json.dumps(header).encode()
        return len(text).to_bytes(4, "little") + text + body


def _fact(spec: TensorSpec) -> str:
    """The type and shape in tract's words; a dimension without a name gets one."""
    dims = (f"hal_{at}" if dim is None else str(dim) for at, dim in enumerate(spec.shape or ()))
    return ",".join((*dims, TYPES[spec.dtype]))


def _wanted_constant(model: Model) -> list[str]:
    """The graph inputs that tract wants as constants."""
    inputs = {spec.name for spec in model.facts.inputs}
    nodes = model.proto().graph.node
    read = (
        name
        for node in nodes
        for at in CONSTANT.get(node.op_type, ())
        for name in node.input[at : at + 1]
    )
    return [name for name in read if name in inputs]


def _support(node: str, op: str, refusal: Unsupported) -> NodeSupport:
    named = refusal.op is None or refusal.op == op
    return NodeSupport(node, op, not named, refusal.message if named else "")
