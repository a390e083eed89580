"""The sweeper of a search in Hydra's interface: hydra/sweeper=optuna."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.plugins import Plugins
from omegaconf import DictConfig, OmegaConf

from nnexp.config.overrides.sweeper import OPTUNA_SWEEPER
from nnexp.errors import UserError
from nnexp.metrics.objectives import objectives_of
from nnexp.run_folder import ERROR, MULTIRUN, pruned_in
from nnexp.sweeps.execution.events import JobEnded
from nnexp.sweeps.execution.launcher import SweepLauncher
from nnexp.sweeps.plan.search_settings import search_settings
from nnexp.sweeps.records import job_entries, job_status, stored_results
from nnexp.sweeps.search.custom_space import custom_space
from nnexp.sweeps.search.objectives import check_objectives, directions_of
from nnexp.sweeps.search.results import write_results
from nnexp.sweeps.search.space import space_of
from nnexp.sweeps.search.study import address_of, open_study, study_name
from nnexp.sweeps.search.trial import TrialHandle
from nnexp.sweeps.search.trial_queue import Search, TrialQueue

if TYPE_CHECKING:
    from optuna.study import Study


class SearchSweeper(BasicSweeper):
    """Takes the place of the official Optuna sweeper, which runs batches and waits for each."""

    def __init__(self, params: Any = None, **options: Any) -> None:
        super().__init__(max_batch_size=None)
        self.params = {} if params is None else dict(params)

    def sweep(self, arguments: list[str]) -> Any:
        execution = SweepLauncher.execution
        config = self.config
        assert execution is not None
        assert config is not None
        assert self.hydra_context is not None
        if not isinstance(self.launcher, SweepLauncher):
            raise UserError("hydra/launcher: it runs batches and waits for each, which no search can use")
        folder = Path(config.hydra.sweep.dir)
        folder.mkdir(parents=True, exist_ok=True)
        OmegaConf.save(config, folder / MULTIRUN)
        settings = search_settings(config)
        objectives = objectives_of(config.optimized_metric)
        extend = custom_space(settings, config)
        space = space_of(self.params, arguments, self.hydra_context.config_loader, extend)
        check_objectives(settings, objectives, config.trainer.epochs)
        directions = directions_of(settings, config)
        study = open_study(settings, folder, directions=directions, epochs=config.trainer.epochs)
        address = address_of(settings, folder)

        def handle_of(trial_id: int) -> TrialHandle | None:
            if settings.pruner is None:
                return None
            metric = objectives[0] if objectives else None
            epochs = config.trainer.epochs
            return TrialHandle(
                address, study_name(settings, folder), trial_id, settings.pruner, epochs, metric
            )

        groups = frozenset(config.hydra.runtime.choices)
        search = Search(study, settings, space, config.seed, handle_of, groups)
        sweep = execution.plan.settings
        queue = TrialQueue(search, execution.show, retries=sweep.retries, fail_fast=sweep.fail_fast)
        for event in ended_before(study, settings.seeds, folder, config):
            queue.event(event)
        try:
            return [self.launcher.run_queue(queue, execution)]
        finally:
            write_results(study, folder)


def ended_before(study: "Study", seeds: int, folder: Path, config: DictConfig) -> Iterator[JobEnded]:
    """Yield how the jobs of trials have ended that an earlier command has run."""
    for trial in study.get_trials(deepcopy=False):
        if not trial.state.is_finished():
            continue
        for number in range(trial.number * seeds, (trial.number + 1) * seeds):
            place = folder / str(number)
            entries = job_entries(place)
            if job_status(entries) == "FINISHED":
                value, metrics = stored_results(entries, config)
                end = JobEnded(number, "SKIPPED", value, metrics, folder=place, pruned=pruned_in(entries))
                yield replace(end, name=str(entries[0].get("name", "")))
            elif trial.state.name == "FAIL":
                error = "the trial has failed in an earlier command"
                log = place / ERROR if (place / ERROR).is_file() else None
                name = str(entries[0].get("name", "")) if entries else ""
                yield JobEnded(number, "FAILED", folder=place, error=error, log=log, name=name)
            elif number % seeds == 0:  # its folder was deleted
                pruned = f"epoch {trial.last_step}" if trial.state.name == "PRUNED" else ""
                yield JobEnded(number, "SKIPPED", folder=place, pruned=pruned)


def use_search_sweeper() -> None:
    """Let Hydra take this sweeper for `hydra/sweeper=optuna`."""
    Plugins.instance().class_name_to_class[OPTUNA_SWEEPER] = SearchSweeper
