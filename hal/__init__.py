"""One device interface, per-vendor adapters, one model IR: ONNX."""
