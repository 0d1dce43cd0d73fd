"""A model as a file for SDKs that read files, and the folder that they write to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper, parser
from onnx.external_data_helper import convert_model_to_external_data

from hal.model import Model
from hal.staged import as_file, inside

TEXT = '<ir_version: 9, opset_import: ["": 20]> g(float[2] x) => (float[2] y) { y = Add(x, w) }'


@pytest.fixture
def weighty(tmp_path: Path) -> Path:
    """A model whose weights lie in a folder beside it."""
    proto = parser.parse_model(TEXT)
    weights = numpy_helper.from_array(np.array([3, 4], np.float32), "w")
    proto.graph.initializer.append(weights)
    convert_model_to_external_data(proto, location="parts.bin", size_threshold=0)
    folder = tmp_path / "given"
    folder.mkdir()
    onnx.save_model(proto, str(folder / "net.onnx"))  # pyright: ignore[reportUnknownMemberType]  PathLike is left open
    return folder / "net.onnx"


def test_a_model_that_is_a_file_is_that_file(weighty: Path, tmp_path: Path) -> None:
    assert as_file(Model(weighty), tmp_path) == weighty


def test_a_model_of_bytes_gets_its_weights_beside_it(weighty: Path, tmp_path: Path) -> None:
    place = tmp_path / "staged"
    place.mkdir()
    staged = as_file(Model(weighty.read_bytes(), folder=weighty.parent), place)
    assert staged.parent == place
    (weights,) = Model(staged).whole().graph.initializer
    assert numpy_helper.to_array(weights).tolist() == [3, 4]
    assert not (place / "parts.bin").is_symlink()


def test_what_is_staged_passes_the_checks_of_onnx_itself(weighty: Path, tmp_path: Path) -> None:
    place = tmp_path / "staged"
    place.mkdir()
    staged = as_file(Model(weighty.read_bytes(), folder=weighty.parent), place)
    onnx.checker.check_model(str(staged), full_check=True)  # pyright: ignore[reportUnknownMemberType]  PathLike is left open


def test_a_model_has_its_weights_inside_where_it_is_asked_whole(weighty: Path) -> None:
    (weights,) = Model(weighty).whole().graph.initializer
    assert numpy_helper.to_array(weights).tolist() == [3, 4]
    assert not Model(weighty).proto().graph.initializer[0].raw_data


def test_the_current_folder_is_left_as_it_was_whatever_happens(tmp_path: Path) -> None:
    before = Path.cwd()
    with inside(tmp_path):
        assert Path.cwd() == tmp_path
    assert Path.cwd() == before
    with pytest.raises(ZeroDivisionError), inside(tmp_path):
        raise ZeroDivisionError
    assert Path.cwd() == before
