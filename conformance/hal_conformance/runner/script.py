"""A short script that shows one case's failure with the vendor's package alone.

An adapter class may have `repro_script`: the text of a function `run(model, feeds)` in the
vendor's own API, which returns the outputs in the model's order. `$device`, `$arithmetic`,
`$threads` and `$vendor` stand in it for the device's id and the target's options, as Python
literals. Without it the script uses this package, and says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from string import Template

from hal import registry
from hal.targets import Target
from hal.tensor import Tensor, Value
from hal_conformance.judge import BFLOAT16_RTOL
from hal_conformance.numerics.arithmetic import FORMATS
from hal_conformance.numerics.pair import Pair
from hal_conformance.runner.evidence import Shown
from hal_conformance.runner.valuefiles import Written, plain

ATTRIBUTE = "repro_script"

_OURS = """\
import hal  # this vendor's adapter brings no script of its own


def run(model, feeds):
    with hal.load(model, device=$target, threads=$threads) as exe:
        return list(exe(feeds).values())
"""


def is_native(target: Target) -> bool:
    """Whether the script can do without this package."""
    return bool(_native(target))


def _native(target: Target) -> str:
    found: object = getattr(registry.entry(target.adapter).load(), ATTRIBUTE, "")
    return found if isinstance(found, str) else ""


def function(target: Target) -> str:
    """The text of `run(model, feeds)` for this target."""
    options = target.options
    return Template(_native(target) or _OURS).safe_substitute(
        target=repr(target.name),
        device=repr(target.device),
        arithmetic=repr(options.arithmetic),
        threads=repr(options.threads),
        vendor=repr(dict(options.vendor)),
    )


def script(
    target: Target,
    case: Shown,
    feeds: Mapping[str, Written],
    expected: Sequence[tuple[Value, Written]],
    before: Iterable[tuple[str, Mapping[str, Written]]] = (),
) -> str:
    """The whole script; `before` are models to run first, with their feeds."""
    earlier = list(before)
    everything = [*feeds.values(), *(written for _, written in expected)]
    everything += [written for _, fed in earlier for written in fed.values()]
    uses_onnx = any(written.needs_onnx for written in everything)
    imports = "import numpy as np\n" + ("import onnx\n" if uses_onnx else "")
    lines = [f"run({model!r}, {_dict(fed)})" for model, fed in earlier]
    lines.append(f'got = run("model.onnx", {_dict(feeds)})')
    lines += _all_checks(case, expected)
    title = f'"""{case.id} on {target.name}; run it in this folder."""\n\n'
    return title + imports + function(target).strip("\n") + "\n\n\n" + "\n".join(lines) + "\n"


def _all_checks(case: Shown, expected: Sequence[tuple[Value, Written]]) -> Iterable[str]:
    if case.refusal:
        yield 'raise SystemExit("it was accepted, and must be refused")'
        return
    yield f"assert len(got) == {len(expected)}, len(got)"
    for number, (value, written) in enumerate(expected):
        bound = case.bounds[number] if case.bounds is not None else None
        if isinstance(bound, Pair) and bound.is_float:
            yield from _within(f"got[{number}]", plain(case.names[number]), bound.dtype)
        else:
            yield from _checks(f"got[{number}]", value, written.expression, case)


def _within(got: str, name: str, dtype: str) -> list[str]:
    """The lines that check one output by its bound."""
    largest = FORMATS[dtype].largest
    return [
        f'r, b = np.load("bounds/{name}.reference.npy"), np.load("bounds/{name}.bound.npy")',
        f'd = np.asarray({got}).astype("f8")',
        "assert d.shape == r.shape, (d.shape, r.shape)",
        "right = (abs(d - r) <= b) | (d == r) | (np.isnan(d) & np.isnan(r))",
        f"right |= np.isinf(d) & (abs(r) + b > {largest!r})",
        'assert right.all(), f"{(~right).sum()} of {right.size} elements are beyond the bound"',
    ]


def _dict(feeds: Mapping[str, Written]) -> str:
    inner = ", ".join(f"{name!r}: {written.expression}" for name, written in feeds.items())
    return f"{{{inner}}}"


def _checks(got: str, value: Value, expected: str, case: Shown) -> list[str]:
    """The lines that check one output, by the standard's tolerances."""
    if not isinstance(value, Tensor):
        if not isinstance(value, list):
            return [f"assert {got} == {expected}"]
        lines = [f"assert len({got}) == {len(value)}, len({got})"]
        for number, item in enumerate(value):
            lines += _checks(f"{got}[{number}]", item, f"{expected}[{number}]", case)
        return lines
    if value.dtype.name == "string":
        return [f"np.testing.assert_array_equal({got}, {expected})"]
    both = f"{got}, {expected}"
    if value.dtype.is_extension:
        both = f'np.asarray({got}).astype("f4"), {expected}.astype("f4")'
    rtol = max(case.rtol, BFLOAT16_RTOL) if value.dtype.name == "bfloat16" else case.rtol
    tolerances = f"rtol={rtol}, atol={case.atol}, strict=True"
    return [f"np.testing.assert_allclose({both}, {tolerances})"]
