"""Composition of configurations from YAML and overrides by Hydra, with all errors reported at once."""

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import RLock

from hydra import version as hydra_version
from hydra._internal.hydra import Hydra  # as initialize_config_dir, which takes no second folder
from hydra._internal.utils import create_config_search_path
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig, OmegaConf

from nnexp.config.errors import ConfigError, Problem
from nnexp.config.naming import short_id
from nnexp.config.overrides.composition_errors import CONFIG_NAME
from nnexp.config.overrides.examiner import Examination, OverridesExaminer
from nnexp.config.overrides.limits import beyond_limits
from nnexp.config.overrides.loader import CachingLoader
from nnexp.config.yaml.source import YamlSource

PACKAGE = Path(__file__).parent.parent
CONF = next(path for path in (PACKAGE / "conf", PACKAGE.parent / "conf") if path.is_dir())  # wheel, checkout
ONE_HYDRA = RLock()  # Hydra is a global of the process: one thread at a time
OmegaConf.register_new_resolver("nnexp.id", short_id, use_cache=True, replace=True)


def compose(
    overrides: str | Sequence[str] = (),
    *,
    config_dir: str | Path | None = None,
    config_name: str = CONFIG_NAME,
) -> DictConfig:
    """Compose the configuration that `nnexp OVERRIDES` would run.

    Args:
        overrides: as on the command line, e.g. ["data=digits", "trainer.epochs=3"], or as one text.
        config_dir: a folder of your own config groups, searched first.
        config_name: the primary config.

    Raises:
        ConfigError: all errors.
    """
    overrides = shlex.split(overrides) if isinstance(overrides, str) else overrides
    examination = examine_overrides(overrides, config_dir=config_dir, config_name=config_name)
    if examination.problems or examination.config is None:
        raise ConfigError(examination.problems)
    OmegaConf.set_struct(examination.config, False)  # a wrong key set later is reported by `run`, in words
    return examination.config


def examine_overrides(
    overrides: Sequence[str],
    *,
    sweep: bool = False,
    config_dir: str | Path | None = None,
    config_name: str = CONFIG_NAME,
) -> Examination:
    """Compose and validate overrides as `compose` does, collecting all errors; sweep: as with -m."""
    if config_dir is not None and not Path(config_dir).expanduser().is_dir():
        problem = Problem(f"--config-dir {config_dir}", "no such folder")
        return Examination(None, [problem], sweep, list(overrides))
    if problems := beyond_limits(list(overrides)):
        return Examination(None, problems, sweep, list(overrides))
    with hydra_of(config_dir) as loader:
        return OverridesExaminer(loader, sweep, config_name).examine(overrides)


@contextmanager
def hydra_of(config_dir: str | Path | None, loader: CachingLoader | None = None) -> Iterator[CachingLoader]:
    """Set up Hydra over our config groups and the user's; a Hydra application around it stays as it was.

    Args:
        config_dir: a folder of the user's config groups.
        loader: of these folders, from a setup before: what it has composed is not composed again.
    """
    search_path = create_config_search_path(f"{YamlSource.scheme()}://{CONF}")
    if config_dir is not None:
        folder = Path(config_dir).expanduser().resolve()
        search_path.prepend("command-line", f"{YamlSource.scheme()}://{folder}")
    with ONE_HYDRA:
        outer = GlobalHydra.instance().hydra
        try:
            hydra_version.setbase("1.3")
            GlobalHydra.instance().clear()
            loader = loader or CachingLoader(search_path)
            GlobalHydra.instance().initialize(Hydra("nnexp", loader))
            yield loader
        finally:
            GlobalHydra.instance().clear()
            GlobalHydra.instance().hydra = outer
