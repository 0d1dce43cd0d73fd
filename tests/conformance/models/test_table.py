from __future__ import annotations

from typing import Any

from hal_conformance.models.table import accused, found, lines, written


def case(name: str, half: str, **ratios: float) -> dict[str, Any]:
    return {
        "case": f"models/{name}/x",
        "half": half,
        "nodes": 3,
        "layers": 2,
        "seconds": 1.5,
        "outputs": [{"name": "y", "shape": [1, 2], "share": 1e-5, "decided": 1.0}],
        "devices": {
            label.replace("_", " "): {"ratio": {"1.0": ratio}}
            for label, ratio in ratios.items()
        },
    }


def results(*cases: dict[str, Any]) -> dict[str, Any]:
    return {"constants": {"passes": 16, "width": 8.0, "floor": 1.0}, "cases": list(cases)}


def test_a_right_device_beyond_the_bound_is_an_accusation() -> None:
    measured = results(
        case("a", "chosen", onnxruntime=7.9), case("b", "chosen", openvino_f32=16.0, bf16=99.0)
    )
    assert accused(measured) == ["models/b/x on openvino f32: 2 times the bound"]


def test_layers_are_counted_one_by_one_and_by_half() -> None:
    layers = {"bf16_layer_0_Conv": 9.0, "bf16_layer_7_Gemm": 1.0}
    measured = results(
        case("a", "chosen", **layers), case("b", "validated", **layers, bf16=9.0)
    )
    assert found(measured, "validated", "one bf16 layer") == (1, 2)
    assert found(measured, None, "one bf16 layer") == (2, 4)
    assert found(measured, None, "bf16") == (1, 1)


def test_a_default_that_computes_as_float32_is_no_fault_to_find() -> None:
    same = case("a", "chosen", openvino_default=1.0)
    same["devices"]["openvino default"]["same as f32"] = True
    assert found(results(same), None, "openvino default") == (0, 0)


def test_a_document_keeps_what_stands_around_its_tables() -> None:
    document = "before\n<!-- results: begin -->\nold\n<!-- results: end -->\nafter\n"
    text = written(document, results(case("a", "chosen", onnxruntime=4.0)))
    assert text.startswith("before\n<!-- results: begin -->\n")
    assert text.endswith("<!-- results: end -->\nafter\n")
    assert "old" not in text
    assert "| onnxruntime | chosen | 1 | 0 | 0.50 |" in text
    assert written(text, results(case("a", "chosen", onnxruntime=4.0))) == text


def test_the_row_of_a_case_shows_its_margins() -> None:
    layers = {"bf16_layer_0_Conv": 80.0, "bf16_layer_7_Gemm": 800.0}
    row = lines(results(case("a", "chosen", onnxruntime=4.0, **layers)))[-1]
    assert row == "| a/x | chosen | 3 | 2 | 1e-05 | 1 | 0.5 | not run | 10 | 1.5 s |"
