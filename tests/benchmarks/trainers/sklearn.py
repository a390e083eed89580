"""scikit-learn's MLPClassifier with the images in memory as floats."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier
from trainers.work import Work, examples


def prepare(work: Work) -> Callable[[], Any]:
    warnings.simplefilter("ignore")  # one epoch does not converge
    x, y = examples()
    n = (work.steps or len(y)) * work.batch
    images = (x / np.float32(255))[:n]
    options = {"solver": work.optimizer, "learning_rate_init": work.lr, "momentum": 0, "alpha": 0}
    network = MLPClassifier(work.hidden, batch_size=work.batch, max_iter=1, warm_start=True, **options)
    return lambda: network.fit(images, y[:n])
