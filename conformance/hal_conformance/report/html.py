"""One self-contained page: no network, no fonts, and a CSP that lets only our script run."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from hal_conformance.records import JUDGED, Outcome, TargetHeader
from hal_conformance.report import environment, explorer, twice
from hal_conformance.report.summary import MEANING, Summary, TargetSummary
from hal_conformance.report.tally import Tally
from hal_conformance.report.text import figure, first_line, visible
from hal_conformance.report.verdict import Conformance, profile

if TYPE_CHECKING:
    from jinja2 import Environment

_Groups = Callable[[TargetSummary], Mapping[str, Tally]]


def render(summary: Summary) -> str:
    """The whole page."""
    from markupsafe import Markup

    ops, dtypes, kinds = (_keys(summary, of) for of in (_by_op, _by_dtype, _by_kind))
    view = {
        "summary": summary,
        "profile": profile(summary.header),
        "outcomes": summary.outcomes(),
        "kinds": kinds,
        "ops": ops,
        "dtypes": dtypes,
        "by_kind": _by_kind,
        "by_op": _by_op,
        "by_dtype": _by_dtype,
        "failing_ops": _failing(summary, ops),
        "failing": [target for target in summary.targets if target.failures],
        "profiled": [target for target in summary.targets if target.profile],
        "finding": [target for target in summary.targets if target.findings],
        "bounded": [target for target in summary.targets if target.operators],
        "twice": [target for target in summary.targets if target.twice.total],
        "pairs": [(ours, theirs) for ours in twice.BOTH for theirs in twice.BOUNDS],
        "FAIL": Outcome.FAIL,
        "expecting": [target for target in summary.targets if target.known],
        "gapping": [target for target in summary.targets if target.gaps],
        "facts": environment.facts(summary.header),
        "meanings": MEANING,
        "GAP": Outcome.GAP,
        "JUDGED": JUDGED,
        "answers": _answers(summary),
        "payload": Markup(explorer.packed(summary)),
    }
    return page("report.html.j2", {**view, "sections": _sections(view)})


def page(template: str, view: Mapping[str, object]) -> str:
    """Render a template with our style, script and the hash that permits the script."""
    from markupsafe import Markup

    script = f'"use strict";\n{_asset("matrix.js")}{_asset("explorer.js")}'
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    own = {
        "css": Markup(_asset("page.css")),
        "script": Markup(script),
        "script_hash": Markup(f"'sha256-{digest}'"),
    }
    return _environment().get_template(template).render(**view, **own)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    def harmless(value: object) -> object:
        plain = isinstance(value, str) and not isinstance(value, Markup)
        return visible(str(value)) if plain else value

    made = Environment(
        loader=PackageLoader("hal_conformance.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=harmless,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(_FILTERS)
    return made


@lru_cache(maxsize=8)
def _asset(name: str) -> str:
    return (files("hal_conformance.report") / "templates" / name).read_text(encoding="utf-8")


def device_line(header: TargetHeader) -> str:
    """What the device is and what drives it, in one line."""
    identity = header.identity
    sdk = f"{header.adapter} {identity.get('sdk') or header.adapter_version}"
    parts = [str(identity.get("name") or header.device), sdk]
    if identity.get("driver"):
        parts.append(f"driver {identity['driver']}")
    parts.append(header.arithmetic or "arithmetic not claimed")
    return " · ".join(parts)


def _sections(view: Mapping[str, object]) -> list[tuple[str, str]]:
    every = [
        ("verdict", "Verdict", True),
        ("outcomes", "Outcomes", True),
        ("profile", "Profile", view["profiled"]),
        ("findings", "Findings", view["finding"]),
        ("twice", "Judged twice", view["twice"]),
        ("failures", "Failures", view["failing"]),
        ("expectations", "Known", view["expecting"]),
        ("operators", "Operators", view["ops"]),
        ("matrix", "By type", view["bounded"]),
        ("types", "Types", view["dtypes"]),
        ("placement", "Placement", True),
        ("gaps", "Gaps", view["gapping"]),
        ("cases", "All cases", True),
        ("environment", "Environment", True),
        ("legend", "How to read this", True),
    ]
    return [(anchor, title) for anchor, title, there in every if there]


def _answers(summary: Summary) -> str:
    """ "1 conformant, 2 not conformant" over all targets."""
    counts = Counter(target.verdict.conformance for target in summary.targets)
    return ", ".join(
        f"{counts[answer]} {answer.value}" for answer in Conformance if counts[answer]
    )


def _keys(summary: Summary, of: _Groups) -> list[str]:
    return sorted({key for target in summary.targets for key in of(target)}, key=str.lower)


def _failing(summary: Summary, ops: list[str]) -> list[str]:
    """Operators with a failure on any target, most failures first."""
    failed = {
        op: sum(target.ops[op].failed for target in summary.targets if op in target.ops)
        for op in ops
    }
    return sorted((op for op in ops if failed[op]), key=lambda op: -failed[op])


def _by_op(target: TargetSummary) -> Mapping[str, Tally]:
    return target.ops


def _by_dtype(target: TargetSummary) -> Mapping[str, Tally]:
    return target.dtypes


def _by_kind(target: TargetSummary) -> Mapping[str, Tally]:
    return target.kinds


def _number(value: int) -> str:
    return f"{value:,}"


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]


def _day(moment: str) -> str:
    return moment[:10]


_FILTERS: dict[str, Callable[..., Any]] = {
    "n": _number,
    "first_line": first_line,
    "figure": figure,
    "capfirst": _capitalised,
    "day": _day,
    "device_line": device_line,
    "target_facts": environment.target_facts,
    "fingerprint": environment.fingerprint,
}
