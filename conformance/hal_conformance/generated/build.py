"""From a form of an operator to cases: models, checked and typed by onnx, and their feeds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import replace
from itertools import product
from typing import Any, TypeAlias

import numpy as np
import onnx
from onnx import AttributeProto, checker, helper, numpy_helper, shape_inference

from hal import dtypes
from hal.tensor import MapValue, Tensor, Value
from hal_conformance.generated import registry
from hal_conformance.generated.draw import Draw
from hal_conformance.generated.form import KINDS, Binding, Family, Form, In
from hal_conformance.generated.registry import Pair, Schema
from hal_conformance.generated.source import Relation, Source
from hal_conformance.numerics.arithmetic import Array

_Placed: TypeAlias = "list[tuple[str, str, In | None]]"
"""The inputs of a node in order: name, type, and what it is."""


AGAIN = "_again"
"""What the outputs of a second node are called."""


class Refused(Exception):
    """This version of the operator has no such form; another version has."""


def sources(pair: Pair, family: Family) -> Iterator[Source]:
    """The cases of one operator at one version, in every form and type."""
    combinations = bindings(pair, family)
    for declared in family.forms:
        if not declared.since <= pair.version < declared.before:
            continue
        form = family.given(declared)
        ranked = replace(form, ranks=family.ranks)
        fitting = [binding for binding in combinations if _fits(form, binding, pair.version)]
        for binding in fitting if form.core else fitting[:1]:
            try:
                yield build(pair, form if form.ranks else ranked, binding)
            except Refused:
                break


def _fits(form: Form, binding: Binding, version: int) -> bool:
    first = next(iter(binding.values()), "")
    fits = KINDS[form.kinds](registry.element(first))
    if not fits or not (form.only is None or form.only(binding)):
        return False
    return form.admits is None or form.admits(binding, version)


def bindings(pair: Pair, family: Family) -> list[Binding]:
    """The types to try, the preferred ones first."""
    admitted = registry.admitted(pair.schema)
    if family.bindings is not None:
        made = [dict(binding) for binding in family.bindings(pair.schema)]
    else:
        made = _combinations(pair, family, admitted)
    distinct: dict[tuple[tuple[str, str], ...], Binding] = {}
    for binding in made:
        for parameter, template in family.follow.items():
            if parameter in admitted:
                binding[parameter] = _filled(template, binding)
        fits = all(t in admitted[p] for p, t in binding.items() if p in admitted)
        if fits and not (family.refused and family.refused(binding)):
            distinct.setdefault(tuple(sorted(binding.items())), binding)
    return list(distinct.values())


def _combinations(
    pair: Pair, family: Family, admitted: Mapping[str, tuple[str, ...]]
) -> list[dict[str, str]]:
    used = {formal.type_str for formal in pair.schema.inputs} | set(family.vary)
    free = [p for p in admitted if p in used and p not in family.follow]
    if family.typing == "product" and pair.newest:
        every = product(*(admitted[parameter] for parameter in free))
        return [dict(zip(free, types, strict=True)) for types in every]
    default = {parameter: admitted[parameter][0] for parameter in free}
    made = [default]
    for parameter in free:
        for text in admitted[parameter]:
            tied = [parameter]
            if family.typing == "tied":
                tied = [p for p in free if admitted[p] == admitted[parameter]]
            made.append({**default, **dict.fromkeys(tied, text)})
    return made


def _filled(template: str, binding: Binding) -> str:
    for parameter, text in binding.items():
        template = template.replace("{" + parameter + "}", text)
    return template


def build(pair: Pair, form: Form, binding: Binding) -> Source:
    """One case.

    Raises:
        Refused: this version has other inputs or attributes.
        ValueError: onnx refuses the model; the family is wrong.
    """
    schema = pair.schema
    placed, carried = _placed(schema, form, binding)
    scope: _Placed = [
        (n, _filled(given.type, binding), given) for n, given in form.scope.items()
    ]
    case_id = f"ops/{pair.name}/{pair.version}/{types_text(schema, binding)}/{form.label}"
    _check_attributes(schema, {*form.attributes, *(name for name, _ in carried)})
    attributes = {**_resolved(form, binding), **_carried_values(schema, carried, case_id)}
    _check_axes(schema, attributes)
    node = helper.make_node(
        pair.op,
        _names(placed),
        _outputs(schema, form),
        domain=pair.domain or None,
    )
    for name, value in attributes.items():
        kind = AttributeProto.AttributeType.Value(_kind(schema, name))
        node.attribute.append(helper.make_attribute(name, value, attr_type=kind))
    try:
        model = _model(pair, _nodes(node, form), placed + scope, case_id, binding, form)
    except Exception as error:
        raise ValueError(f"{case_id}: {error}") from error
    feeds = [
        {
            name: value_of(text, given, (case_id, number, name), sizes)
            for name, text, given in (*placed, *scope)
            if given is not None and not given.weight
        }
        for number, sizes in enumerate(form.sizes)
    ]
    return Source(
        case_id,
        model.SerializeToString(deterministic=True),
        feeds,
        "proved" if form.proved else f"sampled {max(map(_elements, feeds), default=0)}",
        form.judged,
        form.label,
        dict(binding),
        [Relation("same", name, name + AGAIN) for name in node.output if name and form.twice],
    )


def _nodes(node: onnx.NodeProto, form: Form) -> list[onnx.NodeProto]:
    """The node, and once more where the form asks twice."""
    if not form.twice:
        return [node]
    again = onnx.NodeProto()
    again.CopyFrom(node)
    again.output[:] = [name and name + AGAIN for name in node.output]
    return [node, again]


def types_text(schema: Schema, binding: Binding) -> str:
    """The types as ids say them: those of the parameters that admit several, once if alike."""
    admitted = registry.admitted(schema)
    chosen = [t for p, t in binding.items() if len(admitted[p]) > 1] or list(binding.values())
    texts = [registry.plain(text) for text in chosen]
    if not texts:
        return "fixed"
    return texts[0] if len(set(texts)) == 1 else "-".join(texts)


def _placed(
    schema: Schema, form: Form, binding: Binding
) -> tuple[_Placed, list[tuple[str, In]]]:
    formals = list(schema.inputs)
    placed: _Placed = []
    carried: list[tuple[str, In]] = []
    for position, given in enumerate(form.inputs):
        formal = _formal(formals, position)
        if formal is None:
            if given is not None:
                carried.append((_attribute(schema, given), given))
            continue
        if given is None and "Optional" not in str(formal.option):
            raise Refused
        repeated = "Variadic" in str(formal.option)
        name = f"{formal.name}_{position}" if repeated else formal.name
        text = binding.get(formal.type_str, formal.type_str)
        if given is not None and given.type:
            text = _filled(given.type, binding)
        placed.append((name, text, given))
    if len(placed) < schema.min_input:
        raise Refused
    while placed and placed[-1][2] is None:
        placed.pop()
    return placed, carried


def _formal(formals: list[Any], position: int) -> Any:
    if position < len(formals):
        return formals[position]
    if formals and "Variadic" in str(formals[-1].option):
        return formals[-1]
    return None


def _attribute(schema: Schema, given: In) -> str:
    for name in given.names:
        if name in schema.attributes:
            return name
    raise Refused


def _carried_values(
    schema: Schema, carried: list[tuple[str, In]], case_id: str
) -> dict[str, Any]:
    """The inputs that this version has as attributes."""
    found: dict[str, Any] = {}
    for name, given in carried:
        kind = _kind(schema, name)
        text = "tensor(int64)" if kind in ("INT", "INTS") else "tensor(float)"
        value = value_of(text, given, (case_id, 0, name), {})
        if isinstance(value, Tensor):
            listed = value.array.ravel().tolist()
            found[name] = listed if kind in ("INTS", "FLOATS") else listed[0]
    return found


def _kind(schema: Schema, name: str) -> str:
    return str(schema.attributes[name].type).rsplit(".", 1)[-1]


def _resolved(form: Form, binding: Binding) -> dict[str, Any]:
    return {
        name: value(binding) if callable(value) else value
        for name, value in form.attributes.items()
    }


def _check_attributes(schema: Schema, given: Set[str]) -> None:
    known = schema.attributes
    if any(name not in known for name in given):
        raise Refused
    if any(a.required and name not in given for name, a in known.items()):
        raise Refused


def _check_axes(schema: Schema, attributes: Mapping[str, Any]) -> None:
    """Refuse axes counted from the back where the version does not speak of them."""
    for name in ("axis", "axes"):
        value = attributes.get(name, 0)
        axes: list[int] = [value] if isinstance(value, int) else list(value)
        if min(axes, default=0) < 0 and not _counts_from_back(schema.attributes[name]):
            raise Refused


def _counts_from_back(attribute: Any) -> bool:
    default = attribute.default_value
    if default.type == AttributeProto.INT and default.i < 0:
        return True
    told = attribute.description.lower()
    return "negative" in told or "-r" in told


def _names(placed: _Placed) -> list[str]:
    return [name if given is not None else "" for name, _, given in placed]


def _outputs(schema: Schema, form: Form) -> list[str]:
    formals = list(schema.outputs)
    if form.outputs is None:
        wanted = [True for formal in formals if "Optional" not in str(formal.option)]
    else:
        wanted = list(form.outputs)
    if len(wanted) > len(formals) and not (formals and "Variadic" in str(formals[-1].option)):
        raise Refused
    taken = {formal.name for formal in schema.inputs}
    names: list[str] = []
    for position, asked in enumerate(wanted):
        formal = formals[min(position, len(formals) - 1)]
        name = f"{formal.name}_{position}" if "Variadic" in str(formal.option) else formal.name
        names.append(("out_" + name if name in taken else name) if asked else "")
    return names


def _model(
    pair: Pair,
    nodes: list[onnx.NodeProto],
    placed: _Placed,
    case_id: str,
    binding: Binding,
    form: Form,
) -> onnx.ModelProto:
    inputs: list[onnx.ValueInfoProto] = []
    weights: list[onnx.TensorProto] = []
    for name, text, given in placed:
        if given is None:
            continue
        if given.weight:
            value = value_of(text, given, (case_id, 0, name), {})
            weights.append(_weight(name, value))
        else:
            inputs.append(
                helper.make_value_info(name, registry.proto(text, _dims(given, text)))
            )
    outputs = [onnx.ValueInfoProto(name=name) for node in nodes for name in node.output if name]
    graph = helper.make_graph(nodes, "case", inputs, outputs, weights)
    opsets = registry.opsets(pair) | ({"": form.opset} if form.opset else {})
    imports = [helper.make_opsetid(domain, version) for domain, version in opsets.items()]
    ir = helper.find_min_ir_version_for(imports, ignore_unknown=True)
    model = helper.make_model(graph, opset_imports=imports, ir_version=max(ir, 7))
    model.producer_name = "onnx-hal"
    if form.inferred:
        model = shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    _settle(model, pair.schema, binding, form.ranks)
    checker.check_model(model, full_check=form.inferred)  # pyright: ignore[reportUnknownMemberType]  # PathLike, no parameter
    return model


def _settle(
    model: onnx.ModelProto, schema: Schema, binding: Binding, ranks: tuple[int, ...]
) -> None:
    """Type the outputs that inference left without a type or a rank."""
    names = list(model.graph.node[0].output)
    for number, value in enumerate(model.graph.output):
        formals = list(schema.outputs)
        formal = formals[min(names.index(value.name.removesuffix(AGAIN)), len(formals) - 1)]
        only = registry.admitted(schema).get(formal.type_str, (formal.type_str,))[0]
        text = binding.get(formal.type_str, only)
        kind = value.type.WhichOneof("value")
        if kind is None or (
            kind == "tensor_type" and not value.type.tensor_type.HasField("shape")
        ):
            dims = tuple(f"d{number}_{k}" for k in range(ranks[number])) if ranks else None
            elem = value.type.tensor_type.elem_type if kind else 0
            typed = (
                helper.make_tensor_type_proto(elem, dims)
                if elem
                else registry.proto(text, dims)
            )
            value.type.CopyFrom(typed)
    del model.graph.value_info[:]


def _weight(name: str, value: Value) -> onnx.TensorProto:
    if not isinstance(value, Tensor):
        raise TypeError(f"{name} is no tensor, so it cannot be an initializer")
    weight: onnx.TensorProto = numpy_helper.from_array(value.array, name)
    return weight


def _dims(given: In, text: str) -> tuple[int | str | None, ...]:
    if callable(given.shape):
        found = registry.element(text)
        if found is None:
            raise TypeError(f"{text} is no tensor")
        return given.shape(found)
    return given.shape


def value_of(
    text: str, given: In, key: tuple[str | int, ...], sizes: Mapping[str, int]
) -> Value:
    """The value of an input of a type."""
    found = registry.element(text)
    if found is not None:
        shape = tuple(
            sizes[d] if isinstance(d, str) else d for d in _dims(given, text) if d is not None
        )
        return Tensor(_read_only(given.make(Draw(*key), shape, found)), found)
    word, rest = registry.inner(text)
    if word == "optional":
        return None if given.none else value_of(rest, given, key, sizes)
    if word == "seq":
        return [value_of(rest, given, (*key, k), sizes) for k in range(given.length)]
    return _map_of(rest, given, key)


def _map_of(rest: str, given: In, key: tuple[str | int, ...]) -> MapValue:
    key_name, value_text = registry.entries(rest)
    value_type = registry.element(value_text)
    if value_type is None:
        raise TypeError(f"a map to {value_text} is none of the standard's")
    keys = [3, 1, 7] if key_name == "int64" else ["b", "a", "z"]
    names = np.array(keys, np.int64 if key_name == "int64" else object)
    values = given.make(Draw(*key), (3,), value_type)
    return MapValue(Tensor(names, dtypes.of_name(key_name)), Tensor(values, value_type))


def _read_only(array: Array) -> Array:
    array = np.ascontiguousarray(array) if array.ndim else np.array(array)
    array.setflags(write=False)
    return array


def _elements(feeds: Mapping[str, Value]) -> int:
    return max((v.array.size for v in feeds.values() if isinstance(v, Tensor)), default=0)
