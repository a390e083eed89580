"""What is wrong with a search is reported before its folder is made; official names of its settings."""

import sys
from pathlib import Path

import pytest

pytest.importorskip("optuna")

from fixtures.plotless import leave_out_plots

SEARCH = ["-m", "hydra/sweeper=optuna", "data=digits", "trainer.epochs=1", "tracking=none"]
LR = "optimizer.lr=interval(0.001, 0.01)"


@pytest.mark.parametrize(
    ("overrides", "problem"),
    [
        ([], "a search needs a search space"),
        (["optimizer.lr=interval(3, 1)"], "with low < high"),
        (["optimizer.lr=interval(-1, 1)"], "must be a number > 0"),
        (["optimizer.momentun=interval(0, 1)"], "no such key"),
        (["search.sampler=grid", LR], "optimizer.lr is an interval"),
        (["search.pruner=asha", LR], "a trial has one"),
        (["search.trials=1,2", LR], "is of the whole sweep"),
        (["optimizer.lr=interval(-1, 1)"], "optimizer.lr=interval(-1, 1)"),
        (["hydra.sweeper.n_trials=0", LR], "hydra.sweeper.n_trials=0\n    must be a whole number >= 1"),
        (["hydra.sweeper.n_trials=many", LR], "hydra.sweeper.n_trials=many"),
        (["hydra.sweeper.n_jobs=0", LR], "hydra.sweeper.n_jobs=0"),
        (["hydra.sweeper.sampler=foo", LR], "hydra.sweeper.sampler=foo\n    must be one of tpe"),
        (["hydra.sweeper.max_failure_rate=2", LR], "hydra.sweeper.max_failure_rate=2"),
        (["search.timeout=-1", LR], "search.timeout=-1"),
        (["hydra/sweeper/sampler=gp", LR], "no such option; options: cmaes, grid, nsgaii, qmc, random, tpe"),
        (["+hydra.sweeper.sampler.foo=1", LR], "unexpected keyword argument 'foo'"),
    ],
)
def test_a_search_that_cannot_begin_is_an_error_without_a_folder(nnexp, overrides, problem):
    shown = nnexp(*SEARCH, *overrides)
    assert shown.returncode == 2
    assert problem in shown.stderr
    assert not Path("outputs").exists() or not list(Path("outputs").rglob("sweep.json"))


def test_a_search_without_optuna_says_what_to_install(nnexp, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    shown = nnexp(*SEARCH, LR)
    assert shown.returncode == 2
    assert "pip install 'nnexp[search]'" in shown.stderr


def test_settings_have_the_names_of_the_official_sweeper_and_globs_are_choices(nnexp, monkeypatch):
    leave_out_plots(monkeypatch.setattr)
    official = ["hydra.sweeper.n_trials=2", "hydra.sweeper.n_jobs=1"]
    official += ["hydra/sweeper/sampler=random", "hydra.sweeper.sampler.seed=3"]
    shown = nnexp(*SEARCH, *official, "init=glob(he_*)", "sweep.report=false")
    assert shown.returncode == 0, shown.stderr
    assert "2 of 2 finished" in shown.stdout


@pytest.mark.parametrize(
    ("overrides", "problem"),
    [
        (["search.storage=sqlite:////no/such/folder/s.db"], "it cannot be opened"),
        (["search.storage=file:///no/such/folder/s.log"], "No such file or directory"),
        (["search.storage=unknown://localhost/x"], "sqlite:///FILE or postgresql://HOST/NAME"),
        (["search.storage=postgresql://user:word@localhost/x"], "set PGUSER and PGPASSWORD"),
        (["search.seeds=2", "seed=1,2"], "fix: search.seeds=1"),
    ],
)
def test_a_storage_that_cannot_be_opened_and_seeds_twice_are_errors(nnexp, overrides, problem):
    shown = nnexp(*SEARCH, LR, *overrides)
    assert shown.returncode == 2
    assert problem in shown.stderr
    assert "Traceback" not in shown.stderr
    assert not Path("outputs").exists() or not list(Path("outputs").rglob("sweep.json"))


def test_a_driver_that_is_not_installed_is_named(nnexp, monkeypatch):
    for driver in ("psycopg", "psycopg2"):
        monkeypatch.setitem(sys.modules, driver, None)
    shown = nnexp(*SEARCH, LR, "search.storage=postgresql://localhost/x")
    assert shown.returncode == 2
    assert "pip install 'nnexp[postgres]'" in shown.stderr


def test_a_dry_run_says_how_trials_are_chosen_and_pruned(nnexp):
    options = ["search.seeds=3", "search.pruner=asha", "trainer.epochs=20", "search.timeout=60"]
    shown = nnexp(*SEARCH[:-2], "tracking=none", LR, "sweep.dry_run=true", "search.trials=5", *options)
    assert shown.returncode == 0, shown.stderr
    assert "5 trials that a search chooses" in shown.stdout
    line = next(line for line in shown.stdout.splitlines() if line.startswith("search"))
    assert "sampler tpe, pruner asha after 1, 4, 16 of 20 epochs" in line
    assert "3 seeds" in line
    assert "no new trial after 1m00s" in line
