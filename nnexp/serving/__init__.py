"""A trained network in use, without anything of training: predictions, MLflow model flavor, ONNX."""
