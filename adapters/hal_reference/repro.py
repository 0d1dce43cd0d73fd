"""A case without this package: what `hal repro` puts into its script."""

SCRIPT = """
from onnx.reference import ReferenceEvaluator


def run(model, feeds):
    return ReferenceEvaluator(model).run(None, feeds)
"""
