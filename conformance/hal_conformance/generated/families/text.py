"""Text, and the losses over labels."""

from __future__ import annotations

from typing import Any

from hal_conformance.generated import values
from hal_conformance.generated.form import Family, Form, In, varied

_N = ({"N": 3}, {"N": 8})


def _concat() -> list[Form]:
    def form(label: str, a: Any, b: Any, **more: Any) -> Form:
        return Form(label, (In(a), In(b)), **more)

    return [
        form("plain", (17,), (17,)),
        form("broadcast", (3, 1, 5), (4, 1)),
        form("scalar", (3, 5), ()),
        form("scalars", (), ()),
        form("empty", (0, 3), (3,)),
        form("dynamic", ("N", 2), (2,), sizes=_N),
    ]


def _normalise() -> list[Form]:
    words = In((6,), values.fixed(["Monday", "tuesday", "WEDNESDAY", "monday", "grün", ""]))
    stop = {"stopwords": ["monday", "tuesday"]}
    base = Form("plain", (words,))
    return [
        base,
        *varied(
            base,
            case_change_action=("NONE", "LOWER", "UPPER"),
            is_case_sensitive=(0, 1),
            locale=("en_US",),
        ),
        base.also("stopwords", attributes=stop),
        *varied(base.also("stop", attributes=stop), "stop_", is_case_sensitive=(0, 1)),
        *varied(
            base.also("lower", attributes={**stop, "case_change_action": "LOWER"}),
            "lower_",
            is_case_sensitive=(0, 1),
        ),
        base.also(
            "matrix",
            inputs=(In((1, 3), values.fixed([["a", "B", "monday"]])),),
            attributes=stop,
        ),
        base.also(
            "all_stopped",
            inputs=(In((2,), values.fixed(["a", "b"])),),
            attributes={"stopwords": ["a", "b"], "is_case_sensitive": 1},
        ),
    ]


def _split() -> list[Form]:
    texts = In((2, 3), values.fixed([["a b c", " lead", "grün 日本 "], ["a,b,,c", "", "x  y"]]))
    base = Form("plain", (texts,), outputs=(True, True), ranks=(3, 2))
    return [
        base,
        *(
            base.also(f"delimiter_{word}", attributes={"delimiter": text})
            for word, text in (("empty", ""), ("space", " "), ("comma", ","), ("two", "b,"))
        ),
        *varied(base, maxsplit=(1, 0)),
        base.also("comma_once", attributes={"delimiter": ",", "maxsplit": 1}),
        base.also(
            "vector", inputs=(In((4,), values.fixed(["a", "b c", "", "d e f"])),), ranks=(2, 1)
        ),
    ]


def _regex() -> list[Form]:
    texts = In((7,), values.fixed(["www.google.com", "abc", "a1", "", "A", "grün", "aaa\n"]))
    patterns = (r"www\.[\w.-]+\.\bcom\b", "[a-z]+", "a*", "", r"\w\d", "(a|A)", ".*", "grün")
    return [
        Form(f"pattern_{k}", (texts,), {"pattern": pattern})
        for k, pattern in enumerate(patterns)
    ] + [
        Form("matrix", (In((2, 2), values.fixed([["a", "b"], ["aa", ""]])),), {"pattern": "a+"})
    ]


_FAR = 2**17 + 8  # beyond 16 bits
_NGRAMS = {
    "ngram_counts": [0, 4],
    "ngram_indexes": [0, 1, 2, 3, 4, 5, 6],
    "min_gram_length": 1,
    "max_gram_length": 2,
    "max_skip_count": 0,
    "mode": "TF",
}
_POOL = {**_NGRAMS, "pool_int64s": [2, 3, 5, 4, 5, 6, 7, _FAR, 6, 7]}
_TEXTS = {**_NGRAMS, "pool_strings": ["ä", "b", "ab", "0", "ä", "b", "ab", "0", "b", "ä"]}


def _tfidf() -> list[Form]:
    numbers = In((12,), values.fixed([1, 1, 3, 3, 3, 7, _FAR, 6, 7, 5, 6, _FAR]))
    base = Form("numbers", (numbers,), _POOL, core=True, kinds="whole")
    weighted = {"weights": [0.3, 0.7, 3.1, 1.7, 4.3, 0.35, 8.7]}
    return [
        base,
        base.also(
            "matrix",
            inputs=(In((2, 6), values.fixed([[1, 1, 3, 3, 3, 7], [_FAR, 6, 7, 5, 6, _FAR]])),),
        ),
        *varied(
            base,
            mode=("TF", "IDF", "TFIDF"),
            max_skip_count=(1, 5),
            min_gram_length=(2,),
            max_gram_length=(1,),
        ),
        base.also("weights_idf", attributes={**weighted, "mode": "IDF"}),
        base.also("weights_tfidf", attributes={**weighted, "mode": "TFIDF"}),
        base.also(
            "ngram_counts",
            attributes={
                "ngram_counts": [0, 0],
                "pool_int64s": [5, 6, 7, _FAR, 6, 7],
                "ngram_indexes": [2, 0, 1],
                "min_gram_length": 2,
            },
        ),
        base.also("ngram_indexes", attributes={"ngram_indexes": [6, 5, 4, 3, 2, 1, 0]}),
        Form(
            "texts",
            (In((8,), values.fixed(["ä", "b", "ab", "0", "b", "ä", "zz", "b"])),),
            _TEXTS,
            kinds="text",
        ),
    ]


_REDUCTIONS = ("none", "sum", "mean")


def _loss(*, logged: bool) -> list[Form]:
    def form(label: str, *, weight: bool = False, shape: Any = (4, 5), **more: Any) -> Form:
        labels = (shape[0], *shape[2:])
        given: tuple[In, ...] = (In(shape), In(labels, values.whole(0, 5)))
        if weight:
            given = (*given, In((5,), values.between(0.25, 2)))
        return Form(label, given, more.pop("attributes", {}), **more)

    outputs = (True, True) if logged else (True,)
    base = form("plain", core=True, outputs=outputs)
    weighted = form("weight", weight=True, core=True, outputs=outputs)
    volume = form("volume", shape=(2, 5, 3, 4), weight=True)
    return [
        base,
        weighted,
        volume,
        *varied(base, reduction=_REDUCTIONS, ignore_index=(0, 3, -1)),
        *varied(weighted, "weight_", reduction=_REDUCTIONS, ignore_index=(2,)),
        *varied(volume, "volume_", reduction=_REDUCTIONS),
        form("long", shape=(1031, 5), core=True),
        form("ignored_mean", weight=True, attributes={"ignore_index": 1, "reduction": "mean"}),
        form("dynamic", shape=("N", 5), sizes=_N),
    ]


FAMILIES = (
    Family(("StringConcat",), _concat()),
    Family(("StringNormalizer",), _normalise()),
    Family(("StringSplit",), _split()),
    Family(("RegexFullMatch",), _regex()),
    Family(("TfIdfVectorizer",), _tfidf()),
    Family(("SoftmaxCrossEntropyLoss",), _loss(logged=True), typing="free"),
    Family(("NegativeLogLikelihoodLoss",), _loss(logged=False), typing="free"),
)
