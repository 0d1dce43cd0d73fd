"""What `CompileOptions.vendor` may hold for this adapter, and how it reaches a session.

    graph_optimization_level   disable_all, basic, extended, layout or all (the default)
    execution_mode             sequential (the default) or parallel
    inter_op_num_threads       threads that run nodes side by side, in parallel mode
    enable_cpu_mem_arena, enable_mem_pattern, enable_mem_reuse, use_deterministic_compute
    log_severity_level         0 (verbose) to 4 (fatal, the default: refusals are exceptions)
    session_config             entries of onnxruntime_session_options_config_keys.h
    provider_options           the execution provider's own
    cpu_fallback               what becomes of nodes that the execution provider leaves to the
                               CPU: refuse (the default: Unsupported), or record (they run there
                               as they do in ONNX Runtime unasked, and placement says so)
    shapes                     of a plugin: when open dimensions are bound to those of the feeds
                               and the model compiled anew for each set of them: auto (the
                               default: where the plugin leaves nodes to the CPU otherwise),
                               feeds (always), declared (never)

Intra-op threads are the portable `CompileOptions.threads`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any, TypeGuard

from hal.errors import InputError

_LEVELS = {
    "disable_all": "ORT_DISABLE_ALL",
    "basic": "ORT_ENABLE_BASIC",
    "extended": "ORT_ENABLE_EXTENDED",
    "layout": "ORT_ENABLE_LAYOUT",
    "all": "ORT_ENABLE_ALL",
}
_MODES = {"sequential": "ORT_SEQUENTIAL", "parallel": "ORT_PARALLEL"}


def _level(ort: Any, value: Any) -> Any:
    return _enum(ort.GraphOptimizationLevel, _LEVELS, "graph_optimization_level", value)


def _mode(ort: Any, value: Any) -> Any:
    return _enum(ort.ExecutionMode, _MODES, "execution_mode", value)


def _enum(kind: Any, names: Mapping[str, str], option: str, value: Any) -> Any:
    member = getattr(kind, names.get(value, ""), None) if isinstance(value, str) else None
    if member is None:
        raise InputError(f"{option} is {value!r}{_nearest(str(value), names)}")
    return member


def _bool(name: str) -> Callable[[Any, Any], bool]:
    def check(_: Any, value: Any) -> bool:
        if not isinstance(value, bool):
            raise InputError(f"{name} is {value!r}; it is true or false")
        return value

    return check


def _int(name: str, low: int, high: int) -> Callable[[Any, Any], int]:
    def check(_: Any, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise InputError(f"{name} is {value!r}; it is a whole number, {low} to {high}")
        return value

    return check


_ATTRIBUTES: Mapping[str, Callable[[Any, Any], Any]] = {
    "graph_optimization_level": _level,
    "execution_mode": _mode,
    "inter_op_num_threads": _int("inter_op_num_threads", 0, 4096),
    "enable_cpu_mem_arena": _bool("enable_cpu_mem_arena"),
    "enable_mem_pattern": _bool("enable_mem_pattern"),
    "enable_mem_reuse": _bool("enable_mem_reuse"),
    "use_deterministic_compute": _bool("use_deterministic_compute"),
    "log_severity_level": _int("log_severity_level", 0, 4),
}
_MAPPINGS = ("session_config", "provider_options")
_WORDS = {"cpu_fallback": ("refuse", "record"), "shapes": ("auto", "feeds", "declared")}
NAMES = frozenset({*_ATTRIBUTES, *_MAPPINGS, *_WORDS})


def apply(ort: Any, session_options: Any, vendor: Mapping[str, Any]) -> None:
    """Write the vendor options into an `onnxruntime.SessionOptions`.

    Raises:
        InputError: a name or a value that does not exist; the message has the nearest one.
    """
    for name, value in vendor.items():
        if name in _ATTRIBUTES:
            setattr(session_options, name, _ATTRIBUTES[name](ort, value))
        elif name not in NAMES:
            raise InputError(f"onnxruntime has no option {name!r}{_nearest(name, NAMES)}")
    for name in _WORDS:
        word(vendor, name)
    for key, value in strings(vendor, "session_config").items():
        session_options.add_session_config_entry(key, value)


def word(vendor: Mapping[str, Any], name: str) -> str:
    """The value of an option that takes one of a few words; the first of them where unasked.

    Raises:
        InputError: it is none of them.
    """
    known = _WORDS[name]
    given: Any = vendor.get(name, known[0])
    if given not in known:
        raise InputError(f"{name} is {given!r}{_nearest(str(given), known)}")
    return str(given)


def strings(vendor: Mapping[str, Any], name: str) -> dict[str, str]:
    """The mapping under `name` as ONNX Runtime wants it: text to text, true as "1"."""
    given: Any = vendor.get(name, {})
    if not _is_mapping(given):
        raise InputError(f"{name} is a {type(given).__name__}; it maps names to values")
    found: dict[str, str] = {}
    for key, value in given.items():
        if not isinstance(key, str) or not isinstance(value, (str, int, float)):
            raise InputError(f"{name} has {key!r}: {value!r}; both must be text or numbers")
        found[key] = str(int(value)) if isinstance(value, bool) else str(value)
    return found


def _is_mapping(value: object) -> TypeGuard[Mapping[Any, Any]]:
    return isinstance(value, Mapping)


def _nearest(given: str, known: Iterable[str]) -> str:
    near = get_close_matches(given, list(known), n=1, cutoff=0.0)
    return f"; did you mean {near[0]!r}? It takes {sorted(known)}"
