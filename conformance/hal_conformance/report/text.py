"""Strings of models and vendors, made harmless for each format.

`visible` comes first everywhere: control characters, lone surrogates and marks that reorder
text become escapes that can be read, so that a name can neither break a file nor pretend to be
another. HTML is then escaped by jinja2; XML, Markdown and JSON in a page are escaped here.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Sequence

_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff"
    "\ud800-\udfff\ufffe\uffff]"
)
_MARKDOWN = re.compile(r"[\\`*_\[\]#!|<>&~$]")
_PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]")
_XML_ESCAPES = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "\t": "&#9;",
    "\n": "&#10;",
}
_XML = re.compile(r"[&<>\"\t\n]")
_SCRIPT = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}


def visible(text: str) -> str:
    """The text with every character that cannot be seen or stored written as an escape."""
    return _INVISIBLE.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    code = ord(found.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def first_line(text: str | None, limit: int = 240) -> str:
    """The first line that says something, shortened; "" for None."""
    line = next((line for line in (text or "").splitlines() if line.strip()), "").strip()
    return line if len(line) <= limit else line[: limit - 1] + "…"


def xml(text: str) -> str:
    """Text for XML 1.0, fit for elements and for attributes in double quotes."""
    return _XML.sub(lambda found: _XML_ESCAPES[found.group()], visible(text))


def markdown(text: str) -> str:
    """Text for one line of Markdown or one cell of its tables, shown as it is."""
    line = " ".join(visible(text).split())
    return _MARKDOWN.sub(lambda found: f"\\{found.group()}", line)


def code(text: str) -> str:
    """Text as code in a table's cell; bars and backticks need HTML, as no fence holds them."""
    line = " ".join(visible(text).split())
    if not line or "`" in line or "|" in line:
        return f"<code>{_PUNCTUATION.sub(lambda c: f'&#{ord(c.group())};', line)}</code>"
    return f"`{line}`"


def figure(value: float | None) -> str:
    """A measured number as briefly as is useful: 0.52, 31,420, 2.2e6, ∞; – for NaN."""
    if value is None:
        return ""
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if abs(value) >= 1e6 or 0 < abs(value) < 1e-3:
        mantissa, _, exponent = f"{value:.1e}".partition("e")
        return f"{mantissa}e{int(exponent)}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def some(names: Iterable[str], limit: int = 6) -> str:
    """The first names, and how many more there are."""
    every = list(names)
    more = f" and {len(every) - limit} more" if len(every) > limit else ""
    return ", ".join(every[:limit]) + more


def table(head: Sequence[str], rows: Iterable[Sequence[str]], numbers_from: int = 1) -> str:
    """A Markdown table of cells that are Markdown already; numbers align to the right."""
    rule = ["---" if index < numbers_from else "---:" for index in range(len(head))]
    lines = [head, rule, *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def script_json(data: object) -> str:
    """JSON for a <script>: no text in it can end the element or open a comment."""
    plain = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    safe = re.sub(r"[<>&]", lambda found: _SCRIPT[found.group()], plain)
    return _INVISIBLE.sub(lambda found: f"\\u{ord(found.group()):04x}", safe)
