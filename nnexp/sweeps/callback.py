"""A picture of a sweep when it is over: the curves of all its runs over each other, in the sweep's folder."""

from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

NAME = "sweep.png"


class SweepPlot(Callback):
    """Hydra tells it where a sweep begins; whoever runs Hydra tells it that the sweep is over, jobs that failed or not."""

    folder: Path | None = None  # of the sweep of this process

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        SweepPlot.folder = Path(config.hydra.sweep.dir)

    @classmethod
    def draw(cls) -> None:
        """Draw what has been recorded, if a sweep was begun and two of its runs learnt something."""
        from nnexp.plots.sweep import draw

        if cls.folder is not None and draw(cls.folder, cls.folder / NAME):
            print(f"picture   {cls.folder / NAME}", flush=True)
        cls.folder = None
