"""What each ONNX operator is in madi: importing this package fills the table."""
