"""tract's side of the SPI: one CPU, compilation, predictions, saved programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, ClassVar

from hal import saved
from hal.adapter import Adapter, CanLoad, CanQuery, Program, refuse_options
from hal.errors import CompileError, HALError, Unsupported
from hal.spec import CompileOptions, DeviceInfo, ModelFacts, Support, TensorSpec
from hal.specialize import Specialized, bound, check_tensors, control_inputs
from hal.staged import as_file
from hal_tract import errors
from hal_tract.program import INSTALL, TractProgram, tract

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
    install: ClassVar[str | None] = INSTALL

    def probe(self) -> Sequence[DeviceInfo]:
        return (
            DeviceInfo(
                id="cpu",
                name="tract on the CPU",
                vendor="Sonos",
                kind="cpu",
                sdk=str(tract().version()),
                dtypes=frozenset(TYPES),
                opsets={"": (1, 28)},
                features=FEATURES,
                arithmetic=("fp32",),
            ),
        )

    def compile(self, model: Model, device: DeviceInfo, options: CompileOptions) -> Program:  # noqa: ARG002  one device
        refuse_options(options.vendor)
        model = bound(model, options.dimensions)
        check_tensors(model.facts.inputs, "tract", empty=True)
        constants = control_inputs(model, CONSTANT)
        try:
            return _compiled(model, unknown=constants)
        except Exception as error:
            known = not constants and all(spec.is_static for spec in model.facts.inputs)
            if known or errors.is_unknown_operator(error):
                raise
        return Specialized(model, _for_a_run, static=True, freeze=constants)

    def query(self, model: Model, device: DeviceInfo, options: CompileOptions) -> Support:
        nodes = model.facts.nodes
        try:
            self.compile(model, device, options).close()
        except Exception as error:
            refusal = error if isinstance(error, HALError) else errors.translate(error)
            if not isinstance(refusal, Unsupported):
                raise
            refused = {node.op for node in nodes} if refusal.op is None else {refusal.op}
            return Support.of(nodes, refused, refusal.message)
        return Support.of(nodes, (), "")

    def load(self, blob: bytes, device: DeviceInfo, options: CompileOptions) -> Program:  # noqa: ARG002  one device
        _, _, body, kept = saved.unpack(blob)
        with TemporaryDirectory(prefix="hal-tract-") as folder:
            path = Path(folder) / "model.nnef.tar"
            path.write_bytes(body)
            typed = _nnef().load(path)
        facts = ModelFacts.from_json(kept["model"])
        return TractProgram(typed.into_runnable(), facts, kept["order"], lambda: blob)

    def translate(self, error: Exception) -> HALError | None:
        return errors.translate(error)


def _for_a_run(model: Model) -> Program:
    """Compiled with a run's own shapes and values, so that what fails is the run."""
    try:
        return _compiled(model)
    except Exception as error:
        raise errors.failed(error) from error


def _compiled(model: Model, unknown: Sequence[str] = ()) -> TractProgram:
    """The program; `unknown` are the inputs that decide shapes and come with each run."""
    typed, order = _typed(model)
    if unknown or not all(spec.is_static for spec in model.facts.inputs):
        for fact in typed.output_facts():
            fact.datum_type()  # refuses a result that stays an expression of symbols
            if unknown and "<Sym" in str(fact):  # a length without a name: no run resolves it
                raise CompileError(f"tract knows a result only as {fact}, before {unknown}")
    return TractProgram(typed.into_runnable(), model.facts, order, lambda: _saved(model))


def _typed(model: Model) -> tuple[Any, list[str]]:
    """tract's model, and its inputs' names in its order."""
    specs = {spec.name: spec for spec in model.facts.inputs}
    with TemporaryDirectory(prefix="hal-tract-") as folder:
        inferred = tract().onnx().load(as_file(model, Path(folder)))
    order = [inferred.input_name(at) for at in range(inferred.input_count())]
    for at, name in enumerate(order):
        if None in (specs[name].shape or ()):
            inferred.set_input_fact(at, _fact(specs[name]))
    given, declared = inferred.output_count(), len(model.facts.outputs)
    if given != declared:
        raise CompileError(f"tract gives {given} outputs, not {declared}")
    return inferred.into_model(), order


def _fact(spec: TensorSpec) -> str:
    """The type and shape in tract's words; a dimension without a name gets one."""
    dims = (f"hal_{at}" if dim is None else str(dim) for at, dim in enumerate(spec.shape or ()))
    return ",".join((*dims, TYPES[spec.dtype]))


def _saved(model: Model) -> bytes:
    """The program as NNEF; made anew, as what runs is no longer what can be written."""
    typed, order = _typed(model)
    with TemporaryDirectory(prefix="hal-tract-") as folder:
        path = Path(folder) / "model.nnef.tar"
        _nnef().write_model_to_tar(typed, path)
        body = path.read_bytes()
    facts = model.facts
    kept = {"model": facts.to_json(), "order": order}
    return saved.pack(facts.inputs, facts.outputs, body, kept)


def _nnef() -> Any:
    """tract's own format with all of its extensions, in which programs are saved."""
    plain = tract().nnef().with_tract_extra().with_tract_transformers()
    return plain.with_onnx().with_extended_identifier_syntax()
