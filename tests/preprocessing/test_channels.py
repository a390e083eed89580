"""Channels of images: standardized as by NumPy and torchvision, over the training rows alone."""

import json

import numpy as np
import pytest

from nnexp.preprocessing.channels import ChannelScaling

RNG = np.random.default_rng(0)
IMAGES = (RNG.integers(0, 256, (700, 3, 4, 5)) * np.array([1, 0.5, 0.25])[:, None, None]).astype(np.uint8)
ROWS = np.arange(100, 700)


def standardized(scaling, images, dtype=np.float64):
    x = images.reshape(len(images), -1) * np.asarray(scaling.scale, dtype)
    scaling.astype(dtype)(x)
    return x.reshape(images.shape)


@pytest.mark.parametrize("channels", [1, 3])
def test_statistics_are_those_of_the_training_rows_and_of_all_pixels_of_a_channel(channels, compare):
    images = IMAGES.reshape(700, channels, -1)
    scaling = ChannelScaling.fit(images.reshape(700, -1), ROWS, channels, 1 / 255)
    pixels = images[ROWS] / 255
    compare(scaling.mean, pixels.mean(axis=(0, 2)))
    compare(scaling.deviation, pixels.std(axis=(0, 2)))
    z = standardized(scaling, images)[ROWS]
    compare(z.mean(axis=(0, 2)), np.zeros(channels))
    compare(z.std(axis=(0, 2)), np.ones(channels))


def test_images_are_standardized_as_by_torchvision(compare):
    torch = pytest.importorskip("torch", reason="the oracle needs PyTorch: pip install torch==2.13.0")
    scaling = ChannelScaling.fit(IMAGES.reshape(700, -1), ROWS, 3, 1 / 255)
    mean, deviation = (torch.tensor(each)[:, None, None] for each in (scaling.mean, scaling.deviation))
    compare(standardized(scaling, IMAGES), (torch.from_numpy(IMAGES) / 255.0 - mean) / deviation, 1e-6)


def test_a_constant_channel_becomes_zero():
    images = IMAGES.copy()
    images[:, 1] = 77
    scaling = ChannelScaling.fit(images.reshape(700, -1), ROWS, 3, 1 / 255)
    np.testing.assert_allclose(standardized(scaling, images)[:, 1], 0, atol=1e-12)


def test_json_keeps_every_bit():
    scaling = ChannelScaling.fit(IMAGES.reshape(700, -1), ROWS, 3, 1 / 255)
    again = ChannelScaling.from_json(json.loads(json.dumps(scaling.to_json())))
    np.testing.assert_array_equal(standardized(again, IMAGES), standardized(scaling, IMAGES))
