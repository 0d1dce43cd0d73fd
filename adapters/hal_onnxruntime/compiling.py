"""From a recipe to a program: the signature, what is refused and why, dimensions left open.

A plugin for hardware of fixed shapes leaves a model with symbolic dimensions to the CPU, or
fails on it. Then `ShapedProgram` binds them to those of the feeds and compiles anew for each
set of sizes. A model that is refused with every dimension bound is Unsupported, and the error
says which nodes would have run on the CPU.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from threading import Lock
from typing import Any, TypeAlias

from hal.adapter import Binding, CanBind, CanPlace, CanSave, Program
from hal.errors import CompileError, ExecutionError, HALError, Unsupported
from hal.model import Model
from hal.spec import NodePlacement, Placement, TensorSpec
from hal.tensor import Feeds, Tensor, Value
from hal_onnxruntime import artifacts, errors, options, placement, values
from hal_onnxruntime.program import SessionProgram, program_of
from hal_onnxruntime.session import Recipe

KEPT = 16
"""How many sets of sizes stay compiled; the one used longest ago makes room."""

Sizes: TypeAlias = "tuple[tuple[int, ...], ...]"


def compiled(recipe: Recipe) -> Program:
    """The recipe's model, compiled now, or for a plugin of fixed shapes when it is fed.

    Raises:
        Unsupported: the execution provider leaves nodes to the CPU, which was not allowed.
    """
    shapes = options.word(recipe.options.vendor, "shapes")
    may_bind = bool(recipe.devices) and shapes != "declared" and has_open_inputs(recipe)
    if may_bind and shapes == "feeds":
        return ShapedProgram(recipe)
    try:
        return _compiled_now(recipe)
    except Exception as error:
        if may_bind and isinstance(_in_our_words(error), (Unsupported, CompileError)):
            return ShapedProgram(recipe)
        if _is_left_to_cpu(error):
            raise _refusal(recipe, error) from error
        raise


def _compiled_now(recipe: Recipe) -> SessionProgram:
    try:
        session = recipe.session()
    except Exception as error:
        ours = _in_our_words(error)
        if isinstance(ours, ExecutionError):  # what its type says where nothing has run yet
            raise CompileError(ours.message, **ours.fields()) from error
        raise
    inputs = _specs(session.get_inputs(), recipe.model, "inputs")
    outputs = _specs(session.get_outputs(), recipe.model, "outputs")
    return program_of(recipe, session, inputs, outputs)


class ShapedProgram(Program, CanPlace, CanBind, CanSave):
    """A model with open dimensions on a device of fixed shapes: one program a set of sizes."""

    def __init__(self, recipe: Recipe) -> None:
        self.inputs = recipe.model.facts.inputs
        self.outputs = recipe.model.facts.outputs
        self._recipe = recipe
        self._made: OrderedDict[Sizes, SessionProgram] = OrderedDict()
        self._lock = Lock()

    def run(self, feeds: Feeds) -> Sequence[Value]:
        return self._of(feeds).run(feeds)

    def bind(self, feeds: Feeds, outputs: Feeds) -> Binding:
        return self._of(feeds).bind(feeds, outputs)

    def placement(self) -> Placement:
        """That of the sizes used last; before the first run nothing is known."""
        if self._made:
            return next(reversed(self._made.values())).placement()
        nodes = self._recipe.model.facts.nodes
        return Placement(tuple(NodePlacement(n.id, n.op, "unknown") for n in nodes), "assigned")

    def save(self) -> bytes:
        model = artifacts.whole(self._recipe)
        return artifacts.Saved(
            self.inputs, self.outputs, self.placement(), model, "model"
        ).pack()

    def close(self) -> None:
        for program in self._made.values():
            program.close()
        self._made.clear()

    def _of(self, feeds: Feeds) -> SessionProgram:
        sizes = tuple(_shape(feeds.get(spec.name)) for spec in self.inputs)
        with self._lock:
            found = self._made.get(sizes)
            if found is None:
                found = self._made[sizes] = self._compile(sizes)
                if len(self._made) > KEPT:
                    self._made.popitem(last=False)
            self._made.move_to_end(sizes)
        return found

    def _compile(self, sizes: Sizes) -> SessionProgram:
        recipe = bound(self._recipe, sizes)
        try:
            return _compiled_now(recipe)
        except Exception as error:
            if _is_left_to_cpu(error):
                raise _refusal(recipe, error) from error
            raise


def bound(recipe: Recipe, sizes: Sizes) -> Recipe:
    """The recipe with the dimensions of its inputs, in their order, bound to these sizes.

    Named dimensions are bound by name, which needs no other model; for nameless ones, and
    inputs of any rank, the model's own declarations are written over.
    """
    dimensions = dict(recipe.options.dimensions)
    nameless = False
    for spec, lengths in zip(recipe.model.facts.inputs, sizes, strict=True):
        if not spec.is_tensor:
            continue
        nameless = nameless or spec.shape is None or None in spec.shape
        for dim, length in zip(spec.shape or (), lengths, strict=False):
            if isinstance(dim, str):
                dimensions.setdefault(dim, length)
    model = _declared(recipe.model, sizes) if nameless else recipe.model
    return replace(recipe, model=model, options=replace(recipe.options, dimensions=dimensions))


def _declared(model: Model, sizes: Sizes) -> Model:
    """The model with the sizes written into its inputs."""
    facts = model.facts
    lengths = {
        spec.name: size
        for spec, size in zip(facts.inputs, sizes, strict=True)
        if spec.is_tensor
    }
    proto = model.proto()
    for value in proto.graph.input:
        if value.name in lengths:
            shape = value.type.tensor_type.shape
            shape.Clear()
            shape.SetInParent()  # of rank 0 where nothing follows
            for length in lengths[value.name]:
                shape.dim.add().dim_value = length
    inputs = tuple(
        replace(spec, shape=lengths.get(spec.name, spec.shape)) for spec in facts.inputs
    )
    declared = replace(facts, inputs=inputs)
    return Model(proto.SerializeToString(), folder=model.folder, facts=declared)


def has_open_inputs(recipe: Recipe) -> bool:
    """Whether some input has a dimension without a length."""
    known = recipe.options.dimensions
    return any(
        spec.is_tensor
        and (
            spec.shape is None
            or any(not isinstance(dim, int) and dim not in known for dim in spec.shape)
        )
        for spec in recipe.model.facts.inputs
    )


def _shape(value: Value) -> tuple[int, ...]:
    return value.shape if isinstance(value, Tensor) else ()


def _in_our_words(error: Exception) -> HALError | None:
    return error if isinstance(error, HALError) else errors.translate(error)


def _is_left_to_cpu(error: Exception) -> bool:
    return "fallback to CPU EP has been explicitly disabled" in str(error)


def _refusal(recipe: Recipe, error: Exception) -> HALError:
    """Which nodes the execution provider leaves to the CPU: asked with that allowed."""
    lenient = replace(recipe, options=replace(recipe.options, allow_fallback=True))
    try:
        record = placement.assigned(lenient.session())
    except Exception as other:  # noqa: BLE001  the CPU does not take it either
        return errors.translate(other) or errors.translate(error) or Unsupported(str(error))
    placed = placement.placement(lenient, record)
    left = [node for node in placed.nodes if node.where != "device"]
    host = [node for node in left if node.where == "host"] or left
    named = ", ".join(f"{node.op} ({node.node})" for node in host[:5])
    more = f" and {len(host) - 5} more" if len(host) > 5 else ""
    return Unsupported(
        f"{recipe.provider} leaves {len(host)} of {len(placed.nodes)} nodes to the CPU, which "
        f"was not allowed: {named}{more}",
        op=host[0].op if host else None,
        node=host[0].node if host else None,
    )


def _specs(args: Sequence[Any], model: Model, side: str) -> tuple[TensorSpec, ...]:
    """The session's own signature; a shape of [] is looked up, for it may mean any rank."""
    found = tuple(values.spec_of(arg) for arg in args)
    if all(spec.shape for spec in found):
        return found
    declared: dict[str, TensorSpec] = {spec.name: spec for spec in getattr(model.facts, side)}
    return tuple(
        spec
        if spec.shape or spec.name not in declared
        else replace(spec, shape=declared[spec.name].shape)
        for spec in found
    )
