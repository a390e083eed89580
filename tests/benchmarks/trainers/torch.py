"""PyTorch, eager, with the images in memory as floats and the fused step of its optimizers."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn
from trainers.work import CONVOLUTIONS, KERNEL, Work, examples


def prepare(work: Work) -> Callable[[], Any]:
    x, y = examples()
    images, labels = torch.from_numpy(x / np.float32(255)), torch.from_numpy(y)
    relu = nn.ReLU()
    layers: list[nn.Module] = []
    if work.is_lenet:
        images = images.reshape(-1, 1, 28, 28)
        for (channels, filters, _), padding in zip(CONVOLUTIONS, (2, 0), strict=True):
            layers += [nn.Conv2d(channels, filters, KERNEL, padding=padding), relu, nn.MaxPool2d(2)]
        layers.append(nn.Flatten())
    for inputs, outputs in zip(work.widths, work.widths[1:], strict=False):
        layers += [nn.Linear(inputs, outputs), relu]
    network = nn.Sequential(*layers[:-1])
    kind = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[work.optimizer]
    rule = kind(network.parameters(), lr=work.lr, fused=True)
    criterion = nn.CrossEntropyLoss()

    def turn() -> None:
        for rows in torch.randperm(len(labels)).split(work.batch)[: work.steps]:
            rule.zero_grad()
            criterion(network(images[rows]), labels[rows]).backward()
            rule.step()

    return turn
