import numpy as np
import pytest

from nnexp.plots.run.calibration import reliability_diagram


@pytest.mark.parametrize("n", [1, 30, 10_000])
def test_any_number_of_examples_can_be_drawn(n, tmp_path):
    rng = np.random.default_rng(0)
    figure = reliability_diagram(rng.random(n).astype(np.float32), rng.random(n) < 0.5, "test")
    figure.savefig(tmp_path / "calibration.png")
    assert figure.texts[0].get_text().startswith("test: ECE 0.")
