"""The network, from scratch: parameters, layers, activations, initializers, losses. Pure NumPy and SciPy.

What a configuration lists in `model.stack` is named from here: `_target_: nnexp.nn.Conv2d`.
"""

from nnexp.nn.activations import ELU, SELU, HardTanh, Identity, LeakyReLU, ReLU, Sigmoid, Softplus, Tanh
from nnexp.nn.chain import Residual
from nnexp.nn.convolution import Conv2d
from nnexp.nn.layers import Dense
from nnexp.nn.maxout import Maxout
from nnexp.nn.noise import Dropout, GaussianNoise
from nnexp.nn.normalization import BatchNorm1d, BatchNorm2d, LayerNorm
from nnexp.nn.pooling import AvgPool2d, Flatten, GlobalAvgPool2d, MaxPool2d, Unflatten
from nnexp.nn.smooth_activations import GELU, Mish, PReLU, SiLU

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
