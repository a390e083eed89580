"""A trained network at work, without anything of training: predictions, MLflow's model flavour, ONNX."""
