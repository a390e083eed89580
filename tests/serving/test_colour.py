"""A network of colour images in use: predictions, image files, ONNX, the signature, plots."""

import numpy as np
import pytest
from fixtures.image_files import cifar10_batches, write_cifar10
from PIL import Image

from nnexp import compose
from nnexp.config import build
from nnexp.plots.image_grid import to_rgb
from nnexp.plots.run.weights import first_layer, weight_images
from nnexp.serving.errors import PredictorError
from nnexp.serving.model_spec import ModelSpec
from nnexp.serving.prediction_table import predict_files

SHAPE = (3, 32, 32)
OVERRIDES = ("data=cifar10", "trainer.batch_size=20")
MODELS = {
    "cnn": ("model=cnn", "model.channels=[4,8]", "augment=crop_flip"),
    "residual": ("model=residual", "model.width=16", "augment=affine"),
    "not standardized": ("model.hidden=[16]", "data.standardize=false", "augment=elastic"),
}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    write_cifar10(folder)
    return folder


@pytest.fixture(params=MODELS.values(), ids=MODELS)
def run(trained, root, request):
    return trained(*OVERRIDES, *request.param, f"data.root={root}")


def test_images_are_predicted_as_by_the_run(run, root):
    data = build(compose([*OVERRIDES, f"data.root={root}"])).data.load()
    recorded = run.result.splits["test"].predictions
    for x in (data.x_test, data.x_test.reshape(-1, *SHAPE)):
        z = run.predictor.outputs(x)
        np.testing.assert_array_equal(run.predictor.task.predicted(z), recorded.predicted)
        np.testing.assert_array_equal(run.predictor.probabilities(z).max(axis=1), recorded.confidence)
    assert ModelSpec.from_json(run.predictor.spec.to_json()).to_json() == run.files[0].read_text()


def test_an_image_file_is_predicted_as_its_pixels(run, alone):
    _, images = cifar10_batches()["test_batch.bin"]
    Image.fromarray(images[0].transpose(1, 2, 0)).save("one.png")
    (from_file,) = predict_files(run.predictor, [alone / "one.png"])
    np.testing.assert_array_equal(from_file.z, run.predictor.outputs(images[:1]))


def test_classes_beside_arrays_are_names_or_numbers(run, alone):
    labels, images = cifar10_batches()["test_batch.bin"]
    names = np.array(run.predictor.spec.classes)[labels]
    unknown = np.where(np.arange(20) < 5, 10, labels)
    for y, known in ((labels, 20), (names, 20), (unknown, 15)):
        np.savez("test.npz", x=images, y=y)
        (predictions,) = predict_files(run.predictor, [alone / "test.npz"])
        assert predictions.score[1] == known
        np.testing.assert_array_equal(predictions.examples.true[5:], labels[5:])


def test_channels_in_the_last_place_are_refused_with_the_remedy(run):
    _, images = cifar10_batches()["test_batch.bin"]
    last = images.transpose(0, 2, 3, 1)
    with pytest.raises(PredictorError, match=r"got \(20, 32, 32, 3\); fix: .*x\.transpose\(0, 3, 1, 2\)"):
        run.predictor.outputs(last)
    z = run.predictor.outputs(last.transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(z, run.predictor.outputs(images))


def test_its_onnx_model_takes_colour_images_as_stored(run):
    pytest.importorskip("onnxruntime")
    from nnexp.serving.onnx.export import onnx_model
    from nnexp.serving.onnx.verify import verify

    model = onnx_model(run.predictor, {})
    (x,) = model.graph.input
    assert [size.dim_param or size.dim_value for size in x.type.tensor_type.shape.dim] == ["N", *SHAPE]
    assert verify(model, run.predictor) < 1e-5


def test_its_signature_is_of_colour_images(run):
    from nnexp.tracking.mlflow.model import input_example, signature

    (tensor,) = signature(run.predictor.spec).inputs.inputs
    assert (tensor.type, tensor.shape) == (np.uint8, (-1, *SHAPE))
    assert input_example(run.predictor.spec).shape[1:] == SHAPE


def test_misclassified_images_and_the_weights_of_the_first_layer_are_drawn_in_colour(run):
    with np.load(run.folder / "misclassified.npz") as arrays:
        images, scale, index = arrays["images"], float(arrays["scale"]), arrays["index"]
    _, stored = cifar10_batches()["test_batch.bin"]
    np.testing.assert_array_equal(to_rgb(images, scale), stored[index].transpose(0, 2, 3, 1))
    weights = first_layer(run.result.network.parameters.values, SHAPE)
    if weights is not None:  # a dense or convolutional first layer
        assert weights.shape[1] == 3
        drawn = np.asarray(weight_images(weights))
        assert (drawn[..., 0] != drawn[..., 2]).any()
