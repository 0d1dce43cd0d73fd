"""Writes the schema files anew."""

from hal_conformance.schemas import FOLDER, generate

for name, text in generate().items():
    (FOLDER / name).write_text(text, encoding="utf-8")
