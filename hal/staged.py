"""A model as a file, with the files its weights lie in beside it, for SDKs that read files."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from hal.model import Model


def as_file(model: Model, folder: Path) -> Path:
    """The model as an .onnx file: the one it came from, or one in the folder, which is empty.

    Weights in files of their own are put beside a model that was given as bytes by hard links,
    or by copies where there can be none: vendors refuse symbolic links that leave a folder.

    Raises:
        InputError: weights lie outside the model's own folder.
    """
    facts = model.facts
    path = model.path
    if path is not None and path.suffix == ".onnx" and model.folder == path.parent:
        return path
    for name, weights in zip(facts.external, model.external_paths(), strict=True):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        _placed(weights, folder / name)
    staged = folder / "model.onnx"
    staged.write_bytes(model.bytes())
    return staged


def _placed(path: Path, target: Path) -> None:
    try:
        os.link(path, target)
    except OSError:  # another file system, or one without links
        shutil.copyfile(path, target)
