"""Load a trained model from its specification and its weights: a network, or an ensemble of networks."""

from pathlib import Path

from nnexp.serving.ensemble import Ensemble
from nnexp.serving.model_spec import ModelSpec
from nnexp.serving.predictor import Predictor
from nnexp.serving.trained_model import TrainedModel


def load_model(spec_path: Path, weights: Path) -> TrainedModel:
    """Load network.json and an .npz file of weights.

    Raises:
        PredictorError: they cannot be read, or do not belong together.
    """
    model = Ensemble if ModelSpec.read(spec_path).members else Predictor
    return model.load(spec_path, weights)
