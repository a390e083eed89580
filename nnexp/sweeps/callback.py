"""The plot of a sweep when it is over: the learning curves of its runs, in the sweep's folder."""

from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

NAME = "sweep.png"


class SweepPlot(Callback):
    """Remembers the folder of a sweep when it starts; `draw` is called at its end, even if jobs failed."""

    folder: Path | None = None

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        HydraConfig.instance().set_config(config)  # for ${hydra:...} in the sweep's folder
        SweepPlot.folder = Path(config.hydra.sweep.dir)

    @classmethod
    def draw(cls) -> None:
        """Draw the runs, if a sweep was started and two of them have metrics."""
        if cls.folder is None:
            return
        from nnexp.plots.sweep import draw_sweep

        if draw_sweep(cls.folder, cls.folder / NAME):
            print(f"plot      {cls.folder / NAME}", flush=True)
        cls.folder = None
