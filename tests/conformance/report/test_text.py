"""Strings of models and vendors can neither break a report nor pretend to be something else."""

from __future__ import annotations

import html
import json
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

from hal_conformance.report.text import (
    code,
    first_line,
    markdown,
    script_json,
    table,
    visible,
    xml,
)
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

anything = st.text(st.characters(exclude_categories=()), max_size=40)
NASTY = """</script> <!-- ]]> | ` `` \\ *x* _y_ &amp; <b> [a](http://b) ![i](j) # ' " ~~s~~"""
hostile = st.one_of(
    anything,
    st.lists(
        st.sampled_from([*NASTY.split(), "\x00", "\u202e", "\n", "\r\n", " "]), max_size=8
    ).map("".join),
)


@given(hostile)
def test_visible_text_is_free_of_what_cannot_be_seen(text: str) -> None:
    shown = visible(text)
    assert not any(ord(c) < 32 and c not in "\t\n" for c in shown)
    assert not any("\ud800" <= c <= "\udfff" or "\u202a" <= c <= "\u202e" for c in shown)
    shown.encode("utf-8")


@given(hostile)
def test_xml_text_and_attributes_come_back_as_they_were_shown(text: str) -> None:
    root = ET.fromstring(f'<a b="{xml(text)}">{xml(text)}</a>')
    assert root.get("b") == visible(text)
    assert (root.text or "") == visible(text)


@given(hostile)
def test_json_in_a_page_cannot_end_its_element(text: str) -> None:
    embedded = script_json({"text": [text]})
    assert not set("<>&") & set(embedded)
    assert json.loads(embedded) == {"text": [text]}


class _Cells(HTMLParser):
    """The text of each cell, and every element that is not of a plain table."""

    def __init__(self) -> None:
        super().__init__()
        self.cells: list[str] = []
        self.foreign: list[str] = []
        self._open = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("td", "th"):
            self._open = True
            self.cells.append("")
        elif tag not in ("table", "thead", "tbody", "tr", "code"):
            self.foreign.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._open = False

    def handle_data(self, data: str) -> None:
        if self._open:
            self.cells[-1] += data


def _rendered(cell: str) -> _Cells:
    document = table(["head", "next"], [[cell, "end"]])
    parsed = _Cells()
    parsed.feed(
        MarkdownIt("commonmark").enable("table").enable("strikethrough").render(document)
    )
    return parsed


@given(hostile)
def test_a_markdown_cell_shows_the_text_and_nothing_else(text: str) -> None:
    parsed = _rendered(markdown(text))
    assert parsed.cells == ["head", "next", " ".join(visible(text).split()), "end"]
    assert parsed.foreign == []


@given(hostile)
def test_code_in_a_markdown_cell_shows_the_text_and_nothing_else(text: str) -> None:
    parsed = _rendered(code(text))
    assert parsed.cells == ["head", "next", " ".join(visible(text).split()), "end"]
    assert parsed.foreign == []


def test_a_name_cannot_reverse_the_text_around_it() -> None:
    assert visible("ok\u202eLIAF") == "ok\\u202eLIAF"


def test_the_first_line_that_says_something_is_shown() -> None:
    assert first_line("\n\n  why \nmore") == "why"
    assert first_line(None) == ""
    assert len(first_line("x" * 999)) == 240


def test_html_entities_in_a_name_stay_text() -> None:
    assert html.unescape(xml("&lt;")) == "&lt;"
