"""A picture of a sweep when it is over: the curves of all its runs over each other, in the sweep's folder."""

from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

NAME = "sweep.png"


class Picture(Callback):
    """Hydra calls it when all jobs of a sweep are done; what goes wrong in here leaves the runs as they are."""

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        from nnexp.tracking.sweep_curves import draw

        folder = Path(config.hydra.sweep.dir)
        if draw(folder, folder / NAME):
            print(f"picture   {folder / NAME}")
