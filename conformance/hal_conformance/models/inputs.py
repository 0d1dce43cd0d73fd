"""Real inputs: photographs, speech, sentences, and lines of text drawn here; all deterministic.

The photographs lie in scikit-image and matplotlib, the speech in useful-moonshine-onnx. What is
not done here is what the models' own packages do beyond arithmetic on pixels: finding faces.
"""

from __future__ import annotations

import io
import wave
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from hal_conformance.models.packages import Missing, Packages
from hal_conformance.numerics.arithmetic import Array

if TYPE_CHECKING:
    from PIL.Image import Image

Feeds: TypeAlias = "dict[str, Array]"
Feed: TypeAlias = Callable[[Packages], Feeds]

PHOTOS = "scikit-image==0.26.0"
PORTRAITS = "matplotlib==3.10.7"
SPEECH = "useful-moonshine-onnx==20251121"
RATE = 16000

FACES = {
    "astronaut": (PHOTOS, "skimage/data/astronaut.png", (170, 70, 270, 170)),
    "hopper": (
        PORTRAITS,
        "matplotlib/mpl-data/sample_data/grace_hopper.jpg",
        (158, 110, 338, 320),
    ),
}
"""Package, file, and where the face is: left, top, right, bottom."""


def _pillow() -> None:
    if find_spec("PIL") is None:
        raise Missing("pictures need Pillow; try: python -m pip install pillow")


def picture(packages: Packages, package: str, file: str) -> Image:
    """A photograph in red, green and blue."""
    _pillow()
    from PIL import Image

    return Image.open(io.BytesIO(packages.bytes_of(package, file))).convert("RGB")


def pixels(image: Image, size: tuple[int, int]) -> Array:
    """A picture of that width and height, (H, W, C), 0 to 255."""
    return np.asarray(image.resize(size), np.float32)


def channels_first(array: Array) -> Array:
    """(H, W, C) as (1, C, H, W)."""
    return np.ascontiguousarray(array.transpose(2, 0, 1)[None])


def drawn(text: str, size: tuple[int, int], points: int = 28) -> Array:
    """Black on white, (H, W, 3), 0 to 255."""
    _pillow()
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("RGB", size, "white")
    top = (size[1] - points) // 2 - 2
    ImageDraw.Draw(image).text((8, top), text, "black", ImageFont.load_default(points))
    return np.asarray(image, np.float32)


def photograph(name: str, file: str) -> Feed:
    """The middle of a photograph, as ImageNet's networks take it."""

    def feed(packages: Packages) -> Feeds:
        image = picture(packages, PHOTOS, file)
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        square = image.crop((left, top, left + side, top + side))
        mean = np.array([0.485, 0.456, 0.406], np.float32)
        deviation = np.array([0.229, 0.224, 0.225], np.float32)
        return {name: channels_first((pixels(square, (224, 224)) / 255 - mean) / deviation)}

    return feed


def line(name: str, text: str, size: tuple[int, int], scale: Callable[[Array], Array]) -> Feed:
    """A drawn line of text, channels first, its pixels scaled."""

    def feed(packages: Packages) -> Feeds:  # noqa: ARG001  every feed has this form
        return {name: channels_first(scale(drawn(text, size)))}

    return feed


def strip(name: str, file: str, size: tuple[int, int], scale: Callable[[Array], Array]) -> Feed:
    """The top of a photograph, as wide as it is, its pixels scaled."""

    def feed(packages: Packages) -> Feeds:
        image = picture(packages, PHOTOS, file)
        cut = image.crop((0, 0, image.width, image.width * size[1] // size[0]))
        return {name: channels_first(scale(pixels(cut, size)))}

    return feed


def grey_line(name: str, text: str, size: tuple[int, int]) -> Feed:
    """A drawn line of text of one channel, between 0 and 1."""
    return line(name, text, size, lambda array: array[..., :1] / 255)


def face(name: str, who: str, size: int, scale: Callable[[Array], Array]) -> Feed:
    """A face cut out of a photograph, square, its pixels scaled (H, W, C) to any form."""

    def feed(packages: Packages) -> Feeds:
        package, file, box = FACES[who]
        cut = picture(packages, package, file).crop(box)
        return {name: scale(pixels(cut, (size, size)))}

    return feed


def samples(packages: Packages, start: float, seconds: float) -> Array:
    """Speech between -1 and 1 at 16 kHz."""
    data = packages.bytes_of(SPEECH, "moonshine_onnx/assets/beckett.wav")
    with wave.open(io.BytesIO(data)) as recording:
        raw = np.frombuffer(recording.readframes(recording.getnframes()), np.int16)
    first = int(start * RATE)
    return raw[first : first + int(seconds * RATE)].astype(np.float32) / 32768


def speech(name: str, start: float, seconds: float, lengths: str | None = None) -> Feed:
    """A row of speech, with its length where that is an input too."""

    def feed(packages: Packages) -> Feeds:
        row = samples(packages, start, seconds)[None]
        more = {lengths: np.array([row.shape[1]], np.int64)} if lengths else {}
        return {name: row, **more}

    return feed


def frames(
    start: float, count: int, states: Mapping[str, tuple[int, ...]], rate: str | None = None
) -> Feed:
    """Frames of 32 ms, each after the 4 ms before it, and a recurrent network's empty state."""

    def feed(packages: Packages) -> Feeds:
        row = samples(packages, start, 0.032 * count + 0.004)
        rows = np.stack([row[512 * k : 512 * k + 576] for k in range(count)])
        empty = {name: np.zeros(shape, np.float32) for name, shape in states.items()}
        more = {rate: np.array(RATE, np.int64)} if rate else {}
        return {"input": rows, **empty, **more}

    return feed


def ends(name: str, package: str, file: str) -> Feed:
    """A file's first and last 1,024 bytes, without the blanks around it."""

    def feed(packages: Packages) -> Feeds:
        data = np.frombuffer(packages.bytes_of(package, file).strip(), np.uint8)
        return {name: np.concatenate([data[:1024], data[-1024:]]).astype(np.int32)[None]}

    return feed


def sentences(
    package: str, vocabulary: str, texts: Sequence[str], names: Sequence[str]
) -> Feed:
    """Sentences in word pieces, one a row: ids, a mask, and types where asked for."""

    def feed(packages: Packages) -> Feeds:
        words = packages.bytes_of(package, vocabulary).decode().splitlines()
        ids = {word: number for number, word in enumerate(words)}
        rows = [_pieces(text, ids) for text in texts]
        width = max(map(len, rows))
        filled = np.array([row + [0] * (width - len(row)) for row in rows], np.int64)
        mask = (np.arange(width)[None] < np.array([[len(row)] for row in rows])).astype(
            np.int64
        )
        return dict(zip(names, (filled, mask, np.zeros_like(mask)), strict=False))

    return feed


def _pieces(text: str, ids: dict[str, int]) -> list[int]:
    """Lower case, the longest piece first (BERT's word pieces)."""
    spaced = "".join(c if c.isalnum() else f" {c} " for c in text.lower())
    found = [ids["[CLS]"]]
    for word in spaced.split():
        start = 0
        while start < len(word):
            mark = "##" if start else ""
            ends = range(len(word), start, -1)
            end = next(end for end in ends if mark + word[start:end] in ids)
            found.append(ids[mark + word[start:end]])
            start = end
    return [*found, ids["[SEP]"]]


LETTERS = (
    "",
    "[UNK]",
    *("aèiênrstoklmgpudbfhcjvwy-z.xq"),
    "[mask]",
)
"""The vocabulary of g2p-id's network, as its package lists it."""


def spelled(name: str, word: str) -> Feed:
    """A word whose letter e is masked: which of its two sounds it has is the question."""

    def feed(packages: Packages) -> Feeds:  # noqa: ARG001  every feed has this form
        row = [LETTERS.index("[mask]" if letter == "e" else letter) for letter in word]
        return {name: np.array([row + [0] * (32 - len(row))], np.int64)}

    return feed
