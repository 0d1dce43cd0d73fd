"""A model parsed, and built into an engine.

Networks are strongly typed: the model's own types, and its QuantizeLinear nodes, decide what is
computed in what. Only up to TensorRT 10 can a float32 model be asked for float16 or bfloat16.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hal.errors import InputError, Unsupported
from hal.inspection import identified
from hal.spec import (
    CompileOptions,
    DeviceInfo,
    Dim,
    NodePlacement,
    Placement,
    Support,
    TensorSpec,
)
from hal_tensorrt import errors
from hal_tensorrt.program import TensorRTProgram

if TYPE_CHECKING:
    from hal.model import Model

PORTABLE = "portable"
RANGE = (1, 16, 256)
"""The least, likeliest and largest length of a dimension that nothing is said of."""

TYPES: Mapping[str, str] = {
    "BF16": "bfloat16",
    "BOOL": "bool",
    "FLOAT": "float32",
    "FP8": "float8e4m3fn",
    "HALF": "float16",
    "INT32": "int32",
    "INT64": "int64",
    "INT8": "int8",
    "UINT8": "uint8",
}
"""Types of inputs and outputs. INT4 and FP4 are left out: they are two to a byte."""

_REDUCED = {"fp16": "FP16", "bf16": "BF16"}
_LAYER = re.compile(r"\[ONNX Layer: ([^\]]+)\]")
_NO = "the parser takes no graph with this node"


def targets(sdk: Any) -> dict[str, str]:
    """What it builds for without a GPU: the capabilities its API names, and its default."""
    known = [name for name in sdk.ComputeCapability.__members__ if name[:2] == "SM"]
    return {name.lower(): name for name in known} | {PORTABLE: "Ampere and later"}


def arithmetic(sdk: Any) -> tuple[str, ...]:
    """What can be asked for; TF32 for float32 is what it does unasked."""
    flags = sdk.BuilderFlag.__members__
    return ("tf32", "fp32", *(name for name, flag in _REDUCED.items() if flag in flags))


def query(sdk: Any, model: Model) -> Support:
    """The parser's verdict and reason for each node of the graph; those inside one share its.

    Nodes of local functions share the whole model's.
    """
    with errors.logged(sdk) as log:
        _, _, parser = _parser(sdk, log)
        whole = parser.supports_model_v2(*_source(model))
        groups = [parser.get_subgraph_nodes(k) for k in range(parser.num_subgraphs)]
        found = [parser.get_error(k) for k in range(parser.num_errors)]
        reasons = {error.node(): errors.of_parser(error).message for error in reversed(found)}
    names = [name for name, _ in identified(model.proto().graph.node)]
    taken = {number for group in groups for number in group}
    if not whole and len(taken) == len(names):
        taken.clear()  # it refuses one of them, and does not say which
    rest = reasons.get(-1, _NO)
    answers = {
        name: "" if number in taken else reasons.get(number, rest)
        for number, name in enumerate(names)
    }
    owned = ((node.id, _owner(node.id, answers)) for node in model.facts.nodes)
    default = "" if whole else rest
    said = {node: answers.get(owner, default) for node, owner in owned}
    return Support.told(model.facts.nodes, said)


def _owner(node: str, known: Collection[str]) -> str:
    """The node of the graph that this one is, or is inside of."""
    while node not in known and "/" in node:
        node = node.rpartition("/")[0]
    return node


def steering(sdk: Any, model: Model) -> set[str]:
    """The inputs that decide a shape in ways which only the parser sees."""
    if not any(s.dtype[:3] == "int" and len(s.shape or ()) < 2 for s in model.facts.inputs):
        return set()
    with errors.logged(sdk) as log:
        _, network, parser = _parser(sdk, log)
        parser.parse(*_source(model))
        return {tensor.name for tensor in _inputs(network) if tensor.is_shape_tensor}


def engine(
    sdk: Any, model: Model, device: DeviceInfo, target: str | None, options: CompileOptions
) -> TensorRTProgram:
    """A program for a compute capability by the API's name; None says nothing of it.

    Raises:
        HALError: the parser or the builder says no.
    """
    with errors.logged(sdk) as log:
        typed = 1 << int(sdk.NetworkDefinitionCreationFlag.STRONGLY_TYPED)
        flags = 0 if options.arithmetic in _REDUCED else typed
        builder, network, parser = _parser(sdk, log, flags)
        if not parser.parse(*_source(model)):
            if parser.num_errors:
                raise errors.of_parser(parser.get_error(0))
            raise errors.of_log(log.lines, "the parser")
        inputs = _signature(model.facts.inputs, _inputs(network))
        made = [network.get_output(k) for k in range(network.num_outputs)]
        outputs = _signature(model.facts.outputs, made)
        config = _config(sdk, builder, model, target, options)
        profile = _profile(builder, inputs, options.vendor.get("profiles", {}))
        if profile is not None and config.add_optimization_profile(profile) < 0:
            raise errors.of_log(log.lines, "a profile")
        plan = builder.build_serialized_network(network, config)
        if plan is None:
            raise errors.of_log(log.lines, "the builder")
        if "timing_cache" in options.vendor:
            kept = config.get_timing_cache().serialize()
            Path(options.vendor["timing_cache"]).write_bytes(kept)
        placed = _placed(model, log.lines)
    return TensorRTProgram(sdk, device, bytes(plan), inputs, outputs, placed)


def _parser(sdk: Any, log: Any, flags: int = 0) -> tuple[Any, Any, Any]:
    builder = sdk.Builder(log)
    network = builder.create_network(flags)
    return builder, network, sdk.OnnxParser(network, log)


def _source(model: Model) -> tuple[Any, ...]:
    """The model's bytes, and where its weights lie; `facts` first, which refuses stray ones."""
    if not model.facts.external or model.folder is None:
        return (model.bytes(),)
    return model.bytes(), str(model.folder / "model.onnx")


def _config(
    sdk: Any, builder: Any, model: Model, target: str | None, options: CompileOptions
) -> Any:
    config = builder.create_builder_config()
    config.profiling_verbosity = sdk.ProfilingVerbosity.DETAILED  # names nodes in the log
    if options.threads is not None:
        builder.max_threads = options.threads
    if options.arithmetic not in (None, "tf32"):
        config.clear_flag(sdk.BuilderFlag.TF32)
    if options.arithmetic in _REDUCED:
        config.set_flag(getattr(sdk.BuilderFlag, _REDUCED[options.arithmetic]))
        if any(node.op == "QuantizeLinear" for node in model.facts.nodes):
            config.set_flag(sdk.BuilderFlag.INT8)
    if "optimization_level" in options.vendor:
        config.builder_optimization_level = options.vendor["optimization_level"]
    if "timing_cache" in options.vendor:
        path = Path(options.vendor["timing_cache"])
        kept = path.read_bytes() if path.is_file() else b""
        config.set_timing_cache(config.create_timing_cache(kept), False)
    if target is not None:
        config.num_compute_capabilities = 1
        config.set_compute_capability(getattr(sdk.ComputeCapability, target), 0)
    return config


def _profile(
    builder: Any, inputs: Sequence[TensorSpec], asked: Mapping[str, Sequence[int]]
) -> Any:
    """One profile over all open dimensions; None where there are none."""
    profile = builder.create_optimization_profile()
    varied = [spec for spec in inputs if not spec.is_static]
    for spec in varied:
        spans = [_lengths(dim, asked) for dim in spec.shape or ()]
        profile.set_shape(spec.name, *zip(*spans, strict=True))
    return profile if varied else None


def _lengths(dim: Dim, asked: Mapping[str, Sequence[int]]) -> Sequence[int]:
    lengths = (dim,) * 3 if isinstance(dim, int) else asked.get(dim or "", RANGE)
    if len(lengths) != 3:
        raise InputError(f"profiles: {dim!r} wants [least, likeliest, largest], not {lengths}")
    return lengths


def _inputs(network: Any) -> list[Any]:
    return [network.get_input(k) for k in range(network.num_inputs)]


def _signature(specs: Sequence[TensorSpec], tensors: Sequence[Any]) -> tuple[TensorSpec, ...]:
    """Inputs or outputs as the network has them, dimensions named as the model names them."""
    found = {tensor.name: tensor for tensor in tensors}
    return tuple(_spec(spec, found.get(spec.name)) for spec in specs)


def _spec(spec: TensorSpec, tensor: Any) -> TensorSpec:
    if tensor is None or not spec.is_tensor:
        raise Unsupported(f"the network has no tensor for {spec}")
    dtype = TYPES.get(tensor.dtype.name, tensor.dtype.name)
    if dtype != spec.dtype:
        raise Unsupported(f"the parser takes {spec} as {dtype}", dtype=spec.dtype)
    shape = tuple(None if length < 0 else length for length in tensor.shape)
    named = spec.shape if spec.shape and len(spec.shape) == len(shape) else shape
    made = (own if dim is None else dim for own, dim in zip(named, shape, strict=True))
    return replace(spec, shape=tuple(made))


def _placed(model: Model, lines: Sequence[tuple[int, str]]) -> Placement:
    """Where the nodes are, by the log: each layer names those it was made of.

    A node without a name is named after its first output. One that no layer names was folded
    into a constant or a shape; the log does not say which.
    """
    layers: dict[str, str] = {}
    for _, text in lines:
        for name in _LAYER.findall(text):
            layers.setdefault(name, text.partition(" metadata:")[0][:80])
    found: list[NodePlacement] = []
    for own, node in identified(model.proto().graph.node):
        named = (node.name, *(f"node_of_{value}" for value in node.output[:1]))
        by = next((layers[name] for name in named if name in layers), "")
        found.append(NodePlacement(own, node.op_type, "device" if by else "unknown", by))
    return Placement(tuple(found), "logged")
