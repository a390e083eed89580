"""The network, from scratch: parameters, layers, activations, initializers, losses. Pure NumPy and SciPy.

What a configuration lists in `model.stack` is named from here: `_target_: nnexp.nn.Conv2d`.
"""

from nnexp.nn.activations.activation import (
    ELU,
    SELU,
    HardTanh,
    Identity,
    LeakyReLU,
    ReLU,
    Sigmoid,
    Softplus,
    Tanh,
)
from nnexp.nn.activations.from_input import GELU, Mish, PReLU, SiLU
from nnexp.nn.layers.containers import Residual
from nnexp.nn.layers.convolution import Conv2d
from nnexp.nn.layers.dropout import Dropout, GaussianNoise
from nnexp.nn.layers.layer import Dense
from nnexp.nn.layers.maxout import Maxout
from nnexp.nn.layers.normalization import BatchNorm1d, BatchNorm2d, LayerNorm
from nnexp.nn.layers.pooling import AvgPool2d, Flatten, GlobalAvgPool2d, MaxPool2d, Unflatten

__all__ = [
    "ELU",
    "GELU",
    "SELU",
    "AvgPool2d",
    "BatchNorm1d",
    "BatchNorm2d",
    "Conv2d",
    "Dense",
    "Dropout",
    "Flatten",
    "GaussianNoise",
    "GlobalAvgPool2d",
    "HardTanh",
    "Identity",
    "LayerNorm",
    "LeakyReLU",
    "MaxPool2d",
    "Maxout",
    "Mish",
    "PReLU",
    "ReLU",
    "Residual",
    "SiLU",
    "Sigmoid",
    "Softplus",
    "Tanh",
    "Unflatten",
]
