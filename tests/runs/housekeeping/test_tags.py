"""Tags of one's own: what is accepted, and where they are kept."""

import shutil

import pytest
from fixtures.third_party import accepts_warnings

from nnexp.runs.query import Runs

pytestmark = accepts_warnings


@pytest.fixture
def project(original, alone):
    """A copy of a project with an uploaded run."""
    shutil.copytree(original, alone, dirs_exist_ok=True)
    return alone


def test_a_tag_is_set_in_the_store_and_stays_when_that_is_made_again(project, nnexp, empty_store):
    done = nnexp("tag", "last", "paper=figure 3", "note=a=b")
    assert (done.returncode, done.stderr) == (0, "")
    assert "paper=figure 3, note=a=b" in done.stdout
    assert "figure 3" in nnexp("runs", "--columns", "name,paper").stdout
    assert "\ntags        note=a=b, paper=figure 3\n" in nnexp("show", "last").stdout
    assert "1 run" not in nnexp("runs", "--filter", 'tags.paper = "figure 3"', "--csv").stderr
    (project / "mlruns" / "mlflow.db").write_bytes(empty_store.read_bytes())
    (folder,) = project.glob("outputs/runs/*/*")
    assert Runs().find(str(folder)).tags["paper"] == "figure 3"
    assert nnexp("sync", "--rebuild").returncode == 0
    assert Runs().find("last").tags["note"] == "a=b"


def test_a_tag_is_removed_with_a_tilde(project, nnexp):
    nnexp("tag", "last", "paper=1", "draft=yes")
    assert nnexp("tag", "last", "~draft").stdout.endswith("removed draft\n")
    assert "draft" not in Runs().find("last").tags
    (folder,) = project.glob("outputs/runs/*/*")
    assert Runs().find(str(folder)).tags["paper"] == "1"
    done = nnexp("tag", "last", "~papr")
    assert (done.returncode, "did you mean paper? there are: paper" in done.stderr) == (2, True)


def test_a_run_without_a_store_keeps_its_tags_in_its_folder(trained, nnexp, tmp_path):
    folder = shutil.copytree(trained("data=digits").folder, tmp_path / "run")
    assert nnexp("tag", str(folder), "kept=yes").returncode == 0
    assert Runs().find(str(folder)).tags["kept"] == "yes"
    assert not (tmp_path / "mlruns").exists()


@pytest.mark.parametrize(
    ("tag", "message"),
    [
        ("paper", "expected key=value, or ~key"),
        ("=1", "'' is no name of a tag"),
        ("a//b=1", "'a//b' is no name of a tag"),
        ("../a=1", "'../a' is no name of a tag"),
        ("a,b=1", "'a,b' is no name of a tag"),
        ("nnexp.config_hash=1", "are reserved"),
        ("~mlflow.source.name", "are reserved"),
        (f"{'a' * 251}=1", "got 251"),
        (f"a={'1' * 5001}", "got 1 and 5,001"),
    ],
)
def test_what_is_no_tag_is_refused_before_anything_changes(tag, message, alone, nnexp):
    done = nnexp("tag", "last", "good=1", tag)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert list(alone.iterdir()) == []


def test_a_command_without_tags_shows_how_to_write_one(nnexp):
    done = nnexp("tag", "last")
    assert (done.returncode, "nnexp tag last paper=figure3" in done.stderr) == (2, True)
