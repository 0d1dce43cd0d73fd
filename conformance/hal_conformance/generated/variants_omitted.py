"""Variants that inference and the reference take and the standard does not."""

from __future__ import annotations

from collections.abc import Mapping

OMITTED: Mapping[str, tuple[tuple[str, str, str], ...]] = {
    "coordinates that are no number, or overflow on the way to a pixel": (
        ("ops/GridSample/22/float32/plain", "plain_specials", "grid:nan"),
        ("ops/GridSample/22/float32/plain", "plain_specials", "grid:inf"),
        ("ops/GridSample/22/float32/plain", "plain_specials", "grid:minus_inf"),
        ("ops/GridSample/22/float32/plain", "plain_specials", "grid:largest"),
        ("ops/GridSample/22/float32/plain", "plain_specials", "grid:minus_largest"),
        ("ops/GridSample/22/float32/plain", "plain_specials", "grid:one_subnormal"),
        ("ops/GridSample/22/float32/plain", "plain_specials", "grid:wide"),
    ),
    "a sum of whole numbers that overflows": (
        ("ops/ReduceL2/18/int64/large", "large_rankmore2", "+2"),
    ),
    "sizes that an attribute or another operand contradicts": (
        ("ops/AffineGrid/20/float32/two", "two_sizes", "3=24"),
        ("ops/AffineGrid/20/float32/two", "two_sizes", "2=3"),
        ("ops/InstanceNormalization/22/float32/plain", "plain_sizes", "2=1,3=1,5=1,7=1"),
        ("ops/LayerNormalization/17/float32/plain", "plain_sizes", "2=1,3=1,17=1"),
        ("ops/RMSNormalization/23/float32/plain", "plain_sizes", "2=1,3=1,17=1"),
        ("ops/NonMaxSuppression/11/fixed/plain", "plain_sizes", "2=1,4=1,6=1"),
        ("ops/MaxRoiPool/22/float32/plain", "plain_sizes", "9=0"),
        ("ops/ReverseSequence/28/float32/time", "time_sizes", "2=12,3=17,4=22"),
        ("ops/ReverseSequence/28/float32/time", "time_sizes", "2=9,3=13,4=17"),
        ("ops/ReverseSequence/28/float32/time", "time_rankmore1", "*"),
        ("ops/ReverseSequence/28/float32/time", "time_rankmore2", "*"),
        ("ops/ReverseSequence/28/float32/given", "given_sizes", "3=1,4=1"),
        ("ops/StringNormalizer/10/fixed/plain", "plain_sizes", "6=0"),
        ("ops/ScatterND/18/float32/points", "points_sizes", "2=1,3=1,4=1"),
        ("ops/ai.onnx.ml/FeatureVectorizer/1/float32/plain", "plain_sizes", "2=0"),
        ("ops/ai.onnx.ml/LinearRegressor/1/float32/plain", "plain_sizes", "3=1,4=1"),
        ("ops/ai.onnx.ml/SVMRegressor/1/float32/plain", "plain_sizes", "3=1"),
        ("ops/ai.onnx.ml/SVMRegressor/1/float32/plain", "plain_sizes", "3=1,4=1"),
        ("ops/ai.onnx.ml/ArrayFeatureExtractor/1/float32/plain", "plain_sizes", "3=1,4=1,7=1"),
        ("ops/ai.onnx.ml/SVMClassifier/1/float32-int64/plain", "plain_sizes", "3=1"),
        ("ops/ai.onnx.ml/SVMClassifier/1/float32-int64/plain", "plain_sizes", "3=1,9=1"),
        (
            "ops/ai.onnx.ml/SVMClassifier/1/float32-int64/two_classes",
            "two_classes_sizes",
            "3=24",
        ),
        (
            "ops/ai.onnx.ml/SVMClassifier/1/float32-int64/two_classes",
            "two_classes_sizes",
            "3=10",
        ),
        ("ops/ai.onnx.ml/Scaler/1/float32/plain", "plain_sizes", "3=1"),
        ("ops/ai.onnx.ml/Scaler/1/float32/plain", "plain_sizes", "3=1,4=1"),
        ("ops/ai.onnx.ml/FeatureVectorizer/1/float32/plain", "plain_sizes", "2=3"),
        ("ops/ai.onnx.ml/FeatureVectorizer/1/float32/plain", "plain_sizes", "3=8,2=8"),
    ),
    "the case has numbers of every kind already": (
        ("ops/GRU/22/float32/kinds", "kinds_specials", "*"),
        ("ops/GRU/22/float32/kinds_alone", "kinds_alone_sizes", "*"),
        ("ops/LSTM/22/float32/kinds", "kinds_specials", "*"),
        ("ops/RNN/22/float32/kinds", "kinds_specials", "*"),
        ("ops/RNN/22/float32/kinds_alone", "kinds_alone_sizes", "*"),
        ("ops/LSTM/22/float32/kinds_alone", "kinds_alone_sizes", "*"),
    ),
    "what is left has no area, or no longer fits its pads": (
        ("ops/GlobalAveragePool/22/float32/plain", "plain_rankless2", "*"),
        ("ops/GlobalMaxPool/22/float32/plain", "plain_rankless2", "*"),
        ("ops/GlobalLpPool/22/float32/plain", "plain_rankless2", "*"),
        ("ops/LRN/13/float32/plain", "plain_rankless2", "*"),
        ("ops/Pad/25/float32-int64/zeros", "zeros_rankless2", "*"),
    ),
    "whether a transform overflows half way is its own affair": (
        ("ops/DFT/20/float32-int64/real", "real_specials", "input:largest"),
        ("ops/DFT/20/float32-int64/real", "real_specials", "input:minus_largest"),
    ),
    "three operands may be multiplied in any order": (
        ("ops/Einsum/28/float32/three", "three_specials", "Inputs_2:inf"),
        ("ops/Einsum/28/float32/three", "three_specials", "Inputs_2:minus_inf"),
    ),
    "the standard says nothing of NaN here": (
        ("ops/Hardmax/13/float32/twins", "twins_specials", "input:nan"),
        ("ops/ai.onnx.ml/Binarizer/1/float32/plain", "plain_specials", "X:nan"),
        ("ops/Unique/28/float32/twins", "twins_specials", "X:nan"),
        ("ops/Clip/13/float32/given", "given_specials", "min:nan"),
        ("ops/Clip/13/float32/given", "given_specials", "max:nan"),
    ),
    "the case is one of draws that are sure": (
        ("ops/Multinomial/22/float32-int64/sure", "sure_specials", "*"),
        ("ops/Multinomial/22/float32-int64/sure", "sure_sizes", "*"),
    ),
    "numbers that are not whole become others, or none": (
        ("ops/ai.onnx.ml/OneHotEncoder/1/float32/numbers", "numbers_specials", "*"),
        ("ops/ai.onnx.ml/OneHotEncoder/1/float32/numbers", "numbers_sizes", "*"),
        ("ops/ai.onnx.ml/OneHotEncoder/1/float32/matrix", "matrix_sizes", "*"),
    ),
}
"""By reason: the case, the label, and the run; "*" for all of them."""
