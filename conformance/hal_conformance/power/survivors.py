"""Why a fault survives: told here, shown in docs/power.md.

"No case" is the whole reason where a fault needs a certain shape, number of elements or value:
some legal input shows it, and none of the generated cases is such an input.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

from hal_conformance.power.campaign import Pair

UNKNOWN = "not looked at yet"

REASONS: tuple[tuple[str, str, str], ...] = (
    ("output/beyond-*", "*", "no case with so many elements in an output"),
    ("output/tail-*", "*", "no case whose outputs end so"),
    ("only/large", "*", "no case with more than 1000 elements in its first operand"),
    ("only/long-row", "*", "no case whose first operand has rows that long"),
    ("only/empty", "*", "no case with an empty result"),
    ("only/*", "*", "no case whose first operand has such a shape"),
    ("special/large-inputs-overflow", "*", "no case with numbers that large"),
    ("special/nan-*", "Unique", "the standard does not say whether NaN equals NaN"),
    ("special/nan-*", "Hardmax", "the standard does not say where NaN stands in an order"),
    ("special/*", "*", "no case with NaN or infinity in that place"),
    ("denormal/*", "*", "no case with subnormal numbers in that place"),
    ("precision/accumulator-*", "*", "no case that adds enough terms to show it"),
    ("dynamic/*", "*", "no repeated case whose operands differ so from run to run"),
    ("runs/*", "*", "the repeated case has outputs that do not show it"),
    ("shape/*", "*", "no case whose result has such a shape"),
    ("axis/*", "*", "no case with a middle axis that tells it from others"),
    ("attribute/*/axis", "*", "no case with a middle axis that tells it from others"),
    ("default/*/axis", "*", "no case with a middle axis that tells it from others"),
    ("attribute/reversed/axes", "Reduce*", "no fault: sums over axes in any order are right"),
    ("attribute/reversed/*", "*", "no case whose list does not read the same from its end"),
    ("operand/exchanged", "*", "no case whose operands have one shape"),
    ("operand/second-is-first", "*", "no case whose operands have one shape"),
    ("whole/shift-modulo-8", "*", "no case that shifts by 8 or more"),
    ("scatter/first-wins", "*", "no fault: the standard leaves free which of two updates wins"),
    ("formula/clamped-*", "*", "no case with operands that large"),
    ("error/*-on-1-in-*", "*", "no case with so many elements that one of them is hit"),
    ("rounding/*", "*", "the bound is wider than a rounding for all our operands"),
    ("reduce/empty-is-*", "*", "no case reduces nothing"),
    ("index/negative-*", "*", "no case with a negative index"),
    ("attention/*-for-*", "*", "no case whose keys and values have one shape"),
    ("attribute/*", "Constant", "our value is the same, changed so"),
    ("attribute/*", "Col2Im", "no case whose list does not read the same from its end"),
    ("window/dilations-*", "*", "no case whose list does not read the same from its end"),
    ("pads/*", "Col2Im", "no case whose list does not read the same from its end"),
    ("attribute/*/nodes_*", "*", "no case whose trees take the other branch for it"),
    ("whole/*-read-as-*", "*", "no case with numbers that large in that place"),
    ("whole/*", "*", "no case with numbers that large in that place"),
    ("ties/nms-last", "*", "no case of boxes with equal scores"),
    ("layout/area-transposed", "*", "no case with a square area"),
    ("output/copy-of-input", "*", "no case whose result has the operand's size and type"),
    ("output/row-tail-*", "*", "no case with other values at the end of a row"),
    ("output/*", "IsInf", "too few elements, and those alike where it matters"),
    ("output/*", "IsNaN", "too few elements, and those alike where it matters"),
    ("output/*", "EyeLike", "no case with ones in the last row or column"),
    ("output/*", "RegexFullMatch", "too few elements, and those alike where it matters"),
    ("output/uninitialised", "*", "no case with zeros in its result"),
)
"""Patterns of a fault and of an operator, and the reason; the first that fits."""


def reason(pair: Pair) -> str:
    """Why no case of ours finds a fault."""
    for fault, operator, why in REASONS:
        if fnmatchcase(pair.fault, fault) and fnmatchcase(pair.operator, operator):
            return why
    return UNKNOWN
