"""A distribution of an adapter's own, begun: what `hal new-adapter` writes.

The Python files are those of `hal_template`, the null device that the test suite judges, under
another name; what a distribution needs beside them is rendered from `templates`.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import jinja2

from hal import registry
from hal.errors import InputError

_TEMPLATES = Path(__file__).with_name("templates")
_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Names:
    """What one vendor's word becomes in each place."""

    adapter: str

    @property
    def module(self) -> str:
        """The import package: hal_acme."""
        return f"hal_{self.adapter}"

    @property
    def distribution(self) -> str:
        """What pip calls it: hal-acme."""
        return f"hal-{self.adapter.replace('_', '-')}"

    @property
    def title(self) -> str:
        """The beginning of class names: Acme."""
        return "".join(word.capitalize() for word in self.adapter.split("_"))


def names_of(adapter: str) -> Names:
    """The names that follow from an adapter's.

    Raises:
        InputError: it is no name of a module, or another distribution has it.
    """
    if not _NAME.fullmatch(adapter) or keyword.iskeyword(adapter):
        raise InputError(
            f"{adapter!r} cannot name an adapter; it becomes the module hal_{adapter}: "
            "lower-case letters, digits and _, a letter first, such as acme or acme_npu"
        )
    if adapter in registry.names():
        owner = registry.entry(adapter).distribution
        raise InputError(f"{owner} has an adapter {adapter!r} already; choose another name")
    return Names(adapter)


def write(names: Names, folder: Path) -> list[Path]:
    """Write the distribution into a folder that is empty or not there; the files, in order.

    Raises:
        InputError: something lies in the folder.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} is not empty; name another folder with -o")
    written: list[Path] = []
    for path, text in sorted(_files(names)):
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
        written.append(place)
    return written


def _files(names: Names) -> Iterator[tuple[str, str]]:
    package = f"src/{names.module}"
    for source in _template_package().glob("*.py"):
        yield f"{package}/{source.name}", _renamed(source.read_text("utf-8"), names)
    yield f"{package}/py.typed", ""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # none of it is a page
    )
    for path in _TEMPLATES.rglob("*.j2"):
        name = path.relative_to(_TEMPLATES).as_posix()
        place = name.removesuffix(".j2").replace("PACKAGE", package)
        yield place, environment.get_template(name).render(names=names)


def _template_package() -> Path:
    spec = find_spec("hal_template")
    if spec is None or spec.origin is None:
        raise InputError("the package hal_template is missing; install onnx-hal whole")
    return Path(spec.origin).parent


def _renamed(text: str, names: Names) -> str:
    """The template's source under another name: module, class, adapter, vendor, device."""
    for before, after in (
        ("hal_template", names.module),
        ("TemplateAdapter", f"{names.title}Adapter"),
        ('"template"', f'"{names.adapter}"'),
        ('id="null"', 'id="0"'),
        ('vendor="onnx-hal"', f'vendor="{names.title}"'),
        ("the smallest adapter, to be copied", "to be made yours"),
    ):
        text = text.replace(before, after)
    return text
