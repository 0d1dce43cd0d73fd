"""ai.onnx.ml: encoders, scalers, vectors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from hal.dtypes import DType
from hal_conformance.generated import registry, values
from hal_conformance.generated.form import Binding, Family, Form, In, varied
from hal_conformance.numerics.arithmetic import Array

ML = "ai.onnx.ml"
_N = ({"N": 2}, {"N": 7})
_WHOLE = values.whole(0, 5)


def _extract() -> list[Form]:
    base = Form(
        "plain",
        (In((3, 7), values.held), In((4,), values.fixed([0, 6, 2, 2]))),
        core=True,
        ranks=(2,),
    )
    return [base, base.also("vector", inputs=(In((7,)), In((2,), values.fixed([5, 1]))))]


def _binarize() -> list[Form]:
    base = Form("plain", (In((5, 7), values.ties),), core=True)
    return [
        base,
        *varied(base, threshold=(0.0, 1.0, -0.5)),
        Form("twins", (In((5, 7), values.twins),), {"threshold": 1.0}, core=True),
        base.also("dynamic", inputs=(In(("N", 3)),), sizes=_N),
    ]


_WORDS = ["cat", "dog", "grün", ""]


def _mapped(text: str) -> In:
    given = ["dog", "grün", "zebra", ""] if text == "string" else [3, 2**33 + 1, 9, 4]
    return In((4,), values.fixed(given))


def _both(first: str, second: str) -> Callable[[Binding], bool]:
    def holds(binding: Binding) -> bool:
        return (binding["T1"], binding["T2"]) == (f"tensor({first})", f"tensor({second})")

    return holds


def _categories() -> list[Form]:
    table = {"cats_int64s": [1, 2**33 + 1, 3, 4], "cats_strings": ["cat", "dog", "grün", ""]}
    words = Form(
        "words", (_mapped("string"),), table, kinds="text", only=_both("string", "int64")
    )
    numbers = Form("numbers", (_mapped("int64"),), table, only=_both("int64", "string"))
    return [
        words,
        numbers,
        *varied(words, "words_", default_int64=(-1, 7)),
        *varied(numbers, "numbers_", default_string=("_Unused", "none")),
    ]


def _held(draw: Any, shape: values.Shape, dtype: DType) -> Array:
    make = values.positive if values.is_float(dtype) else values.held
    return make(draw, shape, dtype)


def _vectorize() -> list[Form]:
    words = {"string_vocabulary": ["a", "c", "b", "z"]}
    numbers = {"int64_vocabulary": [1, 7, 3, 9]}
    given = (In((3,), _held),)
    return [
        Form(
            "words",
            given,
            words,
            core=True,
            ranks=(2,),
            only=lambda b: b["T1"].startswith("map(string"),
        ),
        Form(
            "numbers",
            given,
            numbers,
            core=True,
            ranks=(2,),
            only=lambda b: b["T1"].startswith("map(int64"),
        ),
    ]


def _cast_map() -> list[Form]:
    given = (In((3,), _numerals),)
    forms: list[Form] = [
        Form(
            "texts",
            (In((3,), values.fixed(["grün", "b", "日本"])),),
            {"cast_to": "TO_STRING"},
            core=True,
            ranks=(2,),
            only=lambda b: "string" in b["T1"],
        )
    ]
    for to in ("TO_FLOAT", "TO_INT64", "TO_STRING"):
        base = Form(f"cast_to_{to}", given, {"cast_to": to}, core=True, ranks=(2,))
        forms += [base, *varied(base.also("map"), f"{to.lower()}_", map_form=("DENSE",))]
        sparse = base.also(
            f"sparse_{to.lower()}", attributes={"map_form": "SPARSE", "max_map": 9}
        )
        forms += [sparse]
    return [*forms, Form("default", given, ranks=(2,))]


def _numerals(draw: Any, shape: values.Shape, dtype: Any) -> Any:
    if dtype.name == "string":
        return np.array(["1", "8589934592", "7"], object).reshape(shape)
    return values.fixed([1, 2051, 7])(draw, shape, dtype)


def _features() -> list[Form]:
    three = (In((2, 3), values.ample), In((2, 1), values.ample), In((2, 4), values.ample))
    return [
        Form("plain", three, {"inputdimensions": [3, 1, 4]}, core=True),
        Form("one", three[:1], {"inputdimensions": [3]}),
    ]


def _impute() -> list[Form]:
    floats = In((3, 3), values.cycle((1.1, float("nan"), 2, -1, 0, 4, float("nan"))))
    whole = In((3, 3), values.cycle((1, 0, 2, -1, 7, 2**40 + 4, 0)))
    base = Form(
        "nan",
        (floats,),
        {"imputed_value_floats": [9.0], "replaced_value_float": float("nan")},
        core=True,
        kinds="float",
    )
    count = Form(
        "whole",
        (whole,),
        {"imputed_value_int64s": [9], "replaced_value_int64": 7},
        core=True,
        kinds="whole",
    )
    return [
        base,
        count,
        base.also("each", attributes={"imputed_value_floats": [9.0, 8.0, 7.0]}),
        base.also("value", attributes={"replaced_value_float": -1.0}),
        Form("default", (floats,), {"imputed_value_floats": [9.0]}, kinds="float"),
        count.also("whole_each", attributes={"imputed_value_int64s": [9, 8, 7]}),
        Form("whole_default", (whole,), {"imputed_value_int64s": [9]}, kinds="whole"),
    ]


_KEYS: dict[str, Any] = {
    "string": _WORDS,
    "int64": [2**33 + 1, 2, 3, 4],
    "float": [1.1, 2.0, 3.0, float("nan")],
}
_VALUES: dict[str, Any] = {
    "string": ["é", "y", "z", ""],
    "int64": [2**40 + 10, -20, 30, 40],
    "float": [0.1, -1.5, 2.5, 3.5],
}
_DEFAULTS: dict[str, Any] = {"string": "other", "int64": 99, "float": -7.5}
_PLURAL = {"string": "strings", "int64": "int64s", "float": "floats"}
_ASKED: dict[str, Any] = {
    "string": ["grün", "zebra", "", "cat"],
    "int64": [2, 9, 4, 2**33 + 1],
    "float": [2.0, 9.0, float("nan"), 1.1],
}


def _labels() -> list[Form]:
    forms: list[Form] = []
    for key, keys in _KEYS.items():
        for value, held in _VALUES.items():
            table = {
                f"keys_{_PLURAL[key]}": keys,
                f"values_{_PLURAL[value]}": held,
            }
            base = Form(
                "table",
                (In((4,), values.fixed(_ASKED[key])),),
                table,
                since=2,
                core=True,
                only=_both(key, value),
            )
            forms += [base, *varied(base, **{f"default_{value}": (_DEFAULTS[value],)})]
    forms += [
        Form(
            "tensors",
            (In((5,), _asked_keys),),
            {
                "keys_tensor": _keys("T1"),
                "values_tensor": _keys("T2"),
                "default_tensor": _tensor("T2", (42,)),
            },
            core=True,
            since=4,
        ),
        Form(
            "no_default_tensor",
            (In((5,), values.whole(0, 6)),),
            {
                "keys_tensor": _tensor("T1", range(4)),
                "values_tensor": _tensor("T2", (7, 3, 5, 9)),
            },
            since=4,
        ),
    ]
    classes = {"classes_strings": _WORDS}
    old = [
        Form("words", (_mapped("string"),), classes, only=_both("string", "int64"), before=2),
        Form(
            "numbers",
            (In((4,), values.fixed([0, 3, 7, 1])),),
            classes,
            only=_both("int64", "string"),
            before=2,
        ),
    ]
    return [
        *forms,
        *old,
        old[0].also("words_default", attributes={"default_int64": 7}),
        old[1].also("numbers_default", attributes={"default_string": "none"}),
    ]


def _told(dtype: DType) -> Array:
    """Four keys or values of a type, of which one needs it."""
    listed = np.empty(4, object if dtype.name == "string" else dtype.numpy)
    listed[:] = ["0", "1", "2", "3"] if dtype.name == "string" else [0, 1, 2, 3]
    listed[1] = values.telling(dtype)
    return listed


def _asked_keys(_draw: Any, shape: values.Shape, dtype: DType) -> Array:
    asked = np.resize(_told(dtype)[[3, 1, 0, 2, 0]], shape)
    asked[4:5] = "9" if dtype.name == "string" else 9
    return asked


def _keys(parameter: str) -> Any:
    def value(binding: Binding) -> onnx.TensorProto:
        dtype = registry.element(binding[parameter])
        if dtype is None:
            raise TypeError(binding[parameter])
        made: onnx.TensorProto = numpy_helper.from_array(_told(dtype), "t")
        return made

    return value


def _tensor(parameter: str, given: Any) -> Any:
    def value(binding: Binding) -> onnx.TensorProto:
        dtype = registry.element(binding[parameter])
        if dtype is None:
            raise TypeError(binding[parameter])
        array = values.as_type(np.array(list(given)), dtype)
        made: onnx.TensorProto = numpy_helper.from_array(array, "t")
        return made

    return value


def _one_hot() -> list[Form]:
    numbers = Form(
        "numbers",
        (In((6,), values.fixed([2051, 2**17 + 2, 2**24 + 1, 2**33 + 2, 4, 1])),),
        {"cats_int64s": [0, 2, 4, 2048, 2051, 2**17 + 2, 2**24, 2**24 + 1, 2**33 + 2]},
        core=True,
        kinds="number",
    )
    words = Form(
        "words",
        (In((4,), values.fixed(["a", "ç", "zz", ""])),),
        {"cats_strings": ["a", "b", "ç", ""]},
        kinds="text",
    )
    known = numbers.also(
        "zeros_0", inputs=(In((4,), values.fixed([0, 4, 2, 0])),), attributes={"zeros": 0}
    )
    return [
        numbers,
        words,
        known,
        *varied(numbers, zeros=(1,)),
        known.also(
            "zeros_0_unknown",
            inputs=(In((4,), values.fixed([0, 4, 5, 0])),),
            judged="refusal",
        ),
        numbers.also("matrix", inputs=(In((2, 3), _WHOLE),)),
    ]


def _scale() -> list[Form]:
    each = {"offset": [0.5, -1.0, 2.0], "scale": [2.0, 0.5, -1.5]}
    base = Form("plain", (In((4, 3), values.ample),), each, core=True)
    return [
        base,
        base.also("one", attributes={"offset": [0.5], "scale": [2.0]}),
        base.also("dynamic", inputs=(In(("N", 3)),), sizes=_N),
    ]


def _normalize() -> list[Form]:
    base = Form("plain", (In((4, 5), values.small),), core=True)
    large = base.also("large", inputs=(In((4, 5), values.ample),), core=True)
    return [
        base,
        *varied(base, norm=("MAX", "L1", "L2")),
        large,
        base.also("positive", inputs=(In((4, 5), values.positive),), core=True),
    ]


FAMILIES = (
    Family(("ArrayFeatureExtractor",), _extract(), domain=ML),
    Family(("Binarizer",), _binarize(), domain=ML),
    Family(
        ("CategoryMapper",),
        _categories(),
        ranks=(1,),
        domain=ML,
        vary=("T2",),
        typing="product",
    ),
    Family(("DictVectorizer",), _vectorize(), domain=ML),
    Family(("CastMap",), _cast_map(), domain=ML),
    Family(("FeatureVectorizer",), _features(), ranks=(2,), domain=ML),
    Family(("Imputer",), _impute(), ranks=(2,), domain=ML),
    Family(("LabelEncoder",), _labels(), ranks=(1,), domain=ML, vary=("T2",), typing="product"),
    Family(("OneHotEncoder",), _one_hot(), ranks=(2,), domain=ML),
    Family(("Scaler",), _scale(), ranks=(2,), domain=ML),
    Family(("Normalizer",), _normalize(), ranks=(2,), domain=ML),
)
