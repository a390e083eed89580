"""What the README promises of MNIST, where it is at hand."""

import pytest

from nnexp import compose, run


@pytest.mark.parametrize(
    ("overrides", "validation", "test"),
    [
        ([], 0.978, 0.977),
        (["experiment=fast_98"], 0.98, 0.98),
        (["experiment=seed_readme"], 0.96, 0.96),
        (["model=softmax"], 0.915, 0.92),
        (["model=lenet5", "trainer.epochs=3"], 0.98, 0.98),  # all ten epochs come to 99 % and take a minute
    ],
    ids=str,
)
def test_promised_accuracies(mnist_root, overrides, validation, test):
    result = run(compose([*overrides, "data=mnist", f"data.root={mnist_root}", "tracking=none"]))
    assert result.metrics["best/val_accuracy"] >= validation
    assert result.metrics["test/accuracy"] >= test
