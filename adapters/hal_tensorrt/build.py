"""A model parsed, and built into an engine.

Networks are strongly typed: the model's own types, and its QuantizeLinear nodes, decide what is
computed in what. Only up to TensorRT 10 can a float32 model be asked for float16 or bfloat16.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hal.errors import InputError, Unsupported
from hal.inspection import identified
from hal.spec import CompileOptions, NodePlacement, Placement, TensorSpec
from hal_tensorrt import errors
from hal_tensorrt.program import Engine

if TYPE_CHECKING:
    import onnx

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

OPSETS = {"": (1, 28)}
"""Parsed here; the parser takes any number, 999 too. No types are claimed: it refuses them."""

_REDUCED = {"fp16": "FP16", "bf16": "BF16"}
_LAYER = re.compile(r"\[ONNX Layer: ([^\]]+)\]")


def targets(sdk: Any) -> list[str]:
    """What it builds for without a GPU: the compute capabilities its API names, and all."""
    known = [name.lower() for name in sdk.ComputeCapability.__members__ if name[:2] == "SM"]
    return [*known, PORTABLE]


def arithmetic(sdk: Any) -> tuple[str, ...]:
    """What can be asked for; TF32 for float32 is what it does unasked."""
    flags = sdk.BuilderFlag.__members__
    return ("tf32", "fp32", *(name for name, flag in _REDUCED.items() if flag in flags))


def check_profiles(profiles: Any) -> None:
    """Refuse what is no mapping from a dimension's name to least, likeliest and largest."""
    for name, lengths in dict(profiles).items():
        if len(lengths) != 3 or sorted(lengths) != list(lengths):
            raise InputError(
                f"profiles: {name!r} wants [least, likeliest, largest], not {lengths}"
            )


def nodes(model: Model) -> list[tuple[str, onnx.NodeProto]]:
    """The graph's nodes with their ids, as the parser numbers them."""
    return list(identified(model.proto().graph.node))


def supported(sdk: Any, model: Model) -> tuple[bool, frozenset[int], Mapping[int, str]]:
    """The parser's verdict, the nodes it takes by number, and its reasons for the others."""
    with errors.logged(sdk) as log:
        network = sdk.Builder(log).create_network(0)
        parser = sdk.OnnxParser(network, log)
        whole = parser.supports_model_v2(*_source(model))
        groups = [parser.get_subgraph_nodes(k) for k in range(parser.num_subgraphs)]
        found = [parser.get_error(k) for k in range(parser.num_errors)]
        reasons = {error.node(): errors.of_parser(error).message for error in reversed(found)}
    taken: frozenset[int] = frozenset(number for group in groups for number in group)
    if not whole and len(taken) == len(model.proto().graph.node):
        taken = frozenset[int]()  # it refuses one of them, and does not say which
    return whole, taken, reasons


def steering(sdk: Any, model: Model) -> set[str]:
    """The inputs that decide a shape in ways which only the parser sees."""
    if not any(s.dtype[:3] == "int" and len(s.shape or ()) < 2 for s in model.facts.inputs):
        return set()
    with errors.logged(sdk) as log:
        network = sdk.Builder(log).create_network(0)
        sdk.OnnxParser(network, log).parse(*_source(model))
        return {tensor.name for tensor in _inputs(network) if tensor.is_shape_tensor}


def engine(sdk: Any, model: Model, target: str | None, options: CompileOptions) -> Engine:
    """An engine for a compute capability by the API's name; None says nothing of it.

    Raises:
        HALError: the parser or the builder says no.
    """
    with errors.logged(sdk) as log:
        builder = sdk.Builder(log)
        if options.threads is not None:
            builder.max_threads = options.threads
        network = builder.create_network(_typing(sdk, options))
        parser = sdk.OnnxParser(network, log)
        if not parser.parse(*_source(model)):
            raise (
                errors.of_parser(parser.get_error(0))
                if parser.num_errors
                else errors.of_log(log.lines, "the parser")
            )
        inputs, outputs = _signature(model, network, options.dimensions)
        config = _config(sdk, builder, model, options)
        if target is not None:
            _aim(sdk, config, target)
        _profile(builder, config, network, inputs, options)
        plan = builder.build_serialized_network(network, config)
        if plan is None:
            raise errors.of_log(log.lines, "the builder")
        _keep_timing(config, options)
        return Engine(bytes(plan), inputs, outputs, _placed(model, log.lines))


def _source(model: Model) -> tuple[Any, ...]:
    """The model's bytes, and where its weights lie; `facts` first, which refuses stray ones."""
    if not model.facts.external or model.folder is None:
        return (model.bytes(),)
    return model.bytes(), str(model.folder / "model.onnx")


def _typing(sdk: Any, options: CompileOptions) -> int:
    flag = getattr(sdk.NetworkDefinitionCreationFlag, "STRONGLY_TYPED", None)
    return 0 if flag is None or options.arithmetic in _REDUCED else 1 << int(flag)


def _config(sdk: Any, builder: Any, model: Model, options: CompileOptions) -> Any:
    config = builder.create_builder_config()
    config.profiling_verbosity = sdk.ProfilingVerbosity.DETAILED  # names nodes in the log
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
    return config


def _keep_timing(config: Any, options: CompileOptions) -> None:
    if "timing_cache" in options.vendor:
        Path(options.vendor["timing_cache"]).write_bytes(config.get_timing_cache().serialize())


def _aim(sdk: Any, config: Any, target: str) -> None:
    config.num_compute_capabilities = 1
    if not config.set_compute_capability(getattr(sdk.ComputeCapability, target), 0):
        raise Unsupported(f"the SDK names {target} and does not build for it")


def _profile(
    builder: Any,
    config: Any,
    network: Any,
    inputs: Sequence[TensorSpec],
    options: CompileOptions,
) -> None:
    """One profile over all open dimensions, where there is one."""
    asked = dict(options.vendor.get("profiles", {}))
    still = {tensor.name for tensor in _inputs(network) if -1 not in tensor.shape}
    profile = builder.create_optimization_profile()
    varied = [spec for spec in inputs if spec.name not in still]
    for spec in varied:
        spans = [
            (dim,) * 3 if isinstance(dim, int) else tuple(asked.get(dim, RANGE))
            for dim in spec.shape or ()
        ]
        profile.set_shape(spec.name, *zip(*spans, strict=True))
    if varied:
        config.add_optimization_profile(profile)


def _inputs(network: Any) -> list[Any]:
    return [network.get_input(k) for k in range(network.num_inputs)]


def _signature(
    model: Model, network: Any, dimensions: Mapping[str, int]
) -> tuple[tuple[TensorSpec, ...], tuple[TensorSpec, ...]]:
    """Inputs and outputs as the network has them, dimensions named as the model names them."""
    outputs = [network.get_output(k) for k in range(network.num_outputs)]
    sides = (model.facts.inputs, _inputs(network)), (model.facts.outputs, outputs)
    given, made = (
        tuple(_spec(spec, {t.name: t for t in found}, dimensions) for spec in specs)
        for specs, found in sides
    )
    return given, made


def _spec(
    spec: TensorSpec, found: Mapping[str, Any], dimensions: Mapping[str, int]
) -> TensorSpec:
    tensor = found.get(spec.name)
    if tensor is None or not spec.is_tensor:
        raise Unsupported(f"the network has no tensor for {spec}")
    dtype = TYPES.get(tensor.dtype.name, tensor.dtype.name)
    if dtype != spec.dtype:
        raise Unsupported(f"the parser takes {spec} as {dtype}", dtype=spec.dtype)
    shape = tuple(tensor.shape)
    if spec.shape is None or len(spec.shape) != len(shape):
        return TensorSpec(spec.name, dtype, tuple(None if d < 0 else d for d in shape))
    named = (own if d < 0 else d for own, d in zip(spec.shape, shape, strict=True))
    return TensorSpec(spec.name, dtype, tuple(named)).bound(dimensions)


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
    for own, node in nodes(model):
        named = (node.name, *(f"node_of_{value}" for value in node.output[:1]))
        by = next((layers[name] for name in named if name in layers), "")
        found.append(NodePlacement(own, node.op_type, "device" if by else "unknown", by))
    return Placement(tuple(found), "logged")
