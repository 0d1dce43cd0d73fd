from __future__ import annotations

import io
import wave
from pathlib import Path

import numpy as np
from hal_conformance.models import answers, inputs
from hal_conformance.models.packages import Packages


def holding(folder: Path, package: str, file: str, data: bytes) -> Packages:
    place = folder / package / file
    place.parent.mkdir(parents=True)
    place.write_bytes(data)
    return Packages(folder, download=False)


def recording() -> bytes:
    """A second of a ramp, 16 kHz."""
    written = io.BytesIO()
    with wave.open(written, "wb") as made:
        made.setparams((1, 2, 16000, 0, "NONE", "not compressed"))
        made.writeframes(np.arange(16000, dtype=np.int16).tobytes())
    return written.getvalue()


def test_sentences_are_cut_into_the_longest_pieces_and_padded(tmp_path: Path) -> None:
    words = ["[PAD]", "[CLS]", "[SEP]", "cat", "##s", "the", "sat", ".", "##nap"]
    packages = holding(tmp_path, "words==1", "vocab.txt", "\n".join(words).encode())
    feed = inputs.sentences(
        "words==1", "vocab.txt", ("The cats sat.", "Catnap"), ("ids", "mask")
    )
    feeds = feed(packages)
    assert feeds["ids"].tolist() == [[1, 5, 3, 4, 6, 7, 2], [1, 3, 8, 2, 0, 0, 0]]
    assert feeds["mask"].tolist() == [[1] * 7, [1] * 4 + [0] * 3]


def test_frames_of_speech_overlap_by_four_milliseconds(tmp_path: Path) -> None:
    file = "moonshine_onnx/assets/beckett.wav"
    packages = holding(tmp_path, inputs.SPEECH, file, recording())
    feeds = inputs.frames(0.25, 3, {"h": (1, 1, 4)}, "sr")(packages)
    assert feeds["input"].shape == (3, 576)
    np.testing.assert_array_equal(feeds["input"][0, 512:], feeds["input"][1, :64])
    assert feeds["input"][0, 0] * 32768 == 4000
    assert feeds["sr"] == 16000
    assert not feeds["h"].any()


def test_the_ends_of_a_file_are_its_first_and_last_bytes(tmp_path: Path) -> None:
    packages = holding(tmp_path, "files==1", "a", b"\n" + b"a" * 2000 + b"z" * 2000 + b"  ")
    (row,) = inputs.ends("bytes", "files==1", "a")(packages)["bytes"]
    assert row.dtype == np.int32
    assert bytes(row.astype(np.uint8)) == b"a" * 1024 + b"z" * 1024


def test_a_masked_word_is_read_back() -> None:
    (row,) = inputs.spelled("x", "tenda")(Packages(Path(), download=False))["x"]
    assert row[1] == inputs.LETTERS.index("[mask]")
    said = np.zeros((1, 32, 32))
    said[0, 1, inputs.LETTERS.index("ê")] = 1
    assert answers.pronounced("tenda")(Packages(Path(), download=False), [said]) == "tênda"


def test_repeated_letters_are_one_unless_something_is_between_them() -> None:
    assert answers.decoded([0, 1, 1, 0, 1, 2, 2, 0], ["", "a", "b"]) == "aab"


def test_the_nearest_sentences_are_told_by_number() -> None:
    vectors = np.array([[1.0, 0.0], [0.0, 1.0], [0.1, 1.0]])
    assert answers.nearest(0)(Packages(Path(), download=False), [vectors]) == "1 and 2"
