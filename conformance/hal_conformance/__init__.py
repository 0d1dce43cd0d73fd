"""The conformance suite of onnx-hal: corpus, verdicts, runner, reports."""
