"""The report of a sweep when it is over, in the sweep's folder."""

import sys
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.experimental.callback import Callback
from omegaconf import DictConfig


class SweepPlot(Callback):
    """Remembers the folder of a sweep when it starts; `draw` is called at its end, even if jobs failed."""

    folder: Path | None = None

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        HydraConfig.instance().set_config(config)  # for ${hydra:...} in the sweep's folder
        SweepPlot.folder = Path(config.hydra.sweep.dir)

    @classmethod
    def draw(cls) -> None:
        """Write the report, if a sweep was started and two of its runs have metrics."""
        if cls.folder is None:
            return
        from nnexp.sweeps.report.end_of_sweep import report_sweep

        report, problem = report_sweep(cls.folder)
        if report is not None:
            for path in report.paths:
                print(f"report    {cls.folder / path}", flush=True)
        if problem:
            print(f"nnexp: {problem}", file=sys.stderr, flush=True)
        cls.folder = None
