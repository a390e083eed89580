"""Rules of Linux, macOS and Windows: checks around what only one of them has; names that all accept."""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from fixtures.plotless import PLOTLESS

import nnexp
from nnexp.__main__ import main
from nnexp.atomic_write import replace
from nnexp.detached import detached
from nnexp.run_folder import RunFolder

PACKAGE = Path(nnexp.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
POSIX_CALLS = {
    "os": "fork kill killpg nice setsid getuid geteuid getpgid mkfifo sched_getaffinity statvfs sysconf chown"
}
POSIX_CALLS |= {"signal": "SIGHUP SIGQUIT SIGKILL SIGPROF SIGUSR1 setitimer alarm pthread_kill pause"}
POSIX_ONLY = {f"{module}.{name}" for module, names in POSIX_CALLS.items() for name in names.split()}
POSIX_MODULES = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "termios"}
CHECKS = ("hasattr", "os.name", "sys.platform", "WINDOWS", "getattr")
IMPOSSIBLE = re.compile(r'[<>:"|?*\\\x00-\x1f]|[. ]$|^(con|prn|aux|nul|com\d|lpt\d)(\.|$)', re.IGNORECASE)
ONE_EPOCH = ["data=digits", "trainer.epochs=1", "tracking=none", "model.hidden=[8]"]
HOSTILE = "a b 'ü' 100% (1) 中文 $HOME & #"


def unguarded(path: Path) -> list[str]:
    """Return the names of POSIX alone that a file uses without a check of the platform around them."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}

    def is_guarded(node: ast.AST) -> bool:
        while (node := parents.get(node)) is not None:
            if isinstance(node, ast.If | ast.IfExp | ast.FunctionDef | ast.With | ast.Try | ast.BoolOp):
                text = ast.unparse(node)
                suppressed = isinstance(node, ast.With | ast.Try) and re.search(
                    "ImportError|AttributeError", text
                )
                if suppressed or any(check in text for check in CHECKS):
                    return True
        return False

    used = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute | ast.Import | ast.keyword)]
    names = {ast.unparse(node): node for node in used if isinstance(node, ast.Attribute)}
    wrong = [name for name, node in names.items() if name in POSIX_ONLY and not is_guarded(node)]
    for node in used:
        if (
            isinstance(node, ast.Import)
            and {a.name for a in node.names} & POSIX_MODULES
            and not is_guarded(node)
        ):
            wrong.append(ast.unparse(node))
        if isinstance(node, ast.keyword) and node.arg in ("process_group", "preexec_fn", "pass_fds"):
            wrong.append(f"{node.arg}=")
    return wrong


def test_what_only_posix_has_stands_behind_a_check():
    assert len(FILES) > 200
    assert {str(path): names for path in FILES if (names := unguarded(path))} == {}


def test_processes_are_started_by_a_context_that_all_platforms_have():
    texts = [path.read_text("utf-8") for path in FILES]
    contexts = {
        (call, 'if sys.platform == "linux"' in text)
        for text in texts
        for call in re.findall(r"get_context\((.*?)\)", text)
    }
    assert {call for call, _ in contexts} == {'"spawn"', '"fork"'}
    assert ('"fork"', False) not in contexts


def test_files_are_text_with_unix_newlines_and_their_names_valid_on_windows():
    root = PACKAGE.parent
    names = [path for folder in ("nnexp", "conf", "tests") for path in (root / folder).rglob("*")]
    assert not [path for path in names if IMPOSSIBLE.search(path.name) and "__pycache__" not in path.parts]
    assert len({str(path).lower() for path in names}) == len(names), "names that differ in case alone"


def test_a_process_of_its_own_group_is_started_on_both_kinds_of_platforms():
    assert detached(windows=False) == {"process_group": 0}
    assert detached(windows=True) == {"creationflags": 0x200}


def test_a_file_that_a_reader_has_open_is_replaced_once_it_is_closed(tmp_path, monkeypatch):
    (tmp_path / "new").write_text("new")
    (tmp_path / "old").write_text("old")
    rename, refusals = os.replace, [PermissionError(13, "in use")] * 2

    def refuse(source, target):
        if refusals:
            raise refusals.pop()
        rename(source, target)

    monkeypatch.setattr("nnexp.atomic_write.os.replace", refuse)
    with pytest.raises(PermissionError):
        replace(tmp_path / "new", tmp_path / "old", windows=False)
    replace(tmp_path / "new", tmp_path / "old", windows=True)
    assert (tmp_path / "old").read_text() == "new"


@pytest.mark.plots
def test_all_files_of_a_run_have_names_that_windows_accepts(alone):
    assert main([*ONE_EPOCH, "checkpoint.epochs=1"]) == 0
    paths = [path.relative_to(alone) for path in (alone / "outputs").rglob("*")]
    assert any(path.name == "curves.png" for path in paths)
    assert not [path for path in paths for name in path.parts if IMPOSSIBLE.search(name)]
    assert max(len(str(path)) for path in paths) < 110, "Windows allows 260 with the folder of the project"


@pytest.mark.parametrize("name", [HOSTILE, "x" * 200], ids=["special", "long"])
def test_a_project_folder_and_a_file_of_any_name_train_and_predict(name, alone, monkeypatch, nnexp):
    project = alone / name
    project.mkdir()
    monkeypatch.chdir(project)
    rows = "".join(f"{n},{n % 7},{'uv'[n % 2]}\n" for n in range(60))
    (project / f"{name}.csv").write_text(f"a,b,y\n{rows}", encoding="utf-8")
    quoted = "data.path='" + f"{name}.csv".replace("'", r"\'") + "'"
    done = nnexp("data=table", quoted, "data.target=y", *ONE_EPOCH[1:], "hydra.run.dir=run")
    assert (done.returncode, done.stderr) == (0, "")
    assert RunFolder(project / "run").entries()[-1]["status"] == "FINISHED"
    done = nnexp("predict", "run", f"{name}.csv")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_home_and_an_installation_that_cannot_be_written_to_do_not_hinder_a_run(tmp_path):
    """As a user with no right but to read: HOME and TMPDIR are no folders."""
    program = shutil.which("setpriv")
    if os.name == "nt" or os.geteuid() != 0 or program is None:
        pytest.skip("only root can be a user without rights, with setpriv")
    import tempfile

    with tempfile.TemporaryDirectory(prefix="nnexp-project-", dir="/tmp") as folder:
        os.chmod(folder, 0o777)
        account = [program, "--reuid=65532", "--regid=65532", "--clear-groups"]
        account += [f"--{kind}-caps=+dac_read_search" for kind in ("inh", "ambient")]
        settings = {"PATH": os.environ["PATH"], "TMPDIR": "/nonexistent/tmp", "HOME": "/nonexistent"}
        settings |= {"XDG_CACHE_HOME": "/proc/nowhere", "XDG_CONFIG_HOME": "/dev/null"}
        command = [*account, *PLOTLESS, *ONE_EPOCH, "hydra.run.dir=run"]
        pipes = {"capture_output": True, "text": True, "cwd": folder}
        done = subprocess.run(command, check=False, env=settings, **pipes)
        assert (done.returncode, done.stderr) == (0, "")
        assert RunFolder(Path(folder) / "run").entries()[-1]["status"] == "FINISHED"


def test_the_package_runs_on_the_versions_that_it_names():
    text = (PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8")
    named = set(re.findall(r'Python :: (3\.\d+)"', text))
    assert named == {"3.11", "3.12", "3.13"}
    assert f"{sys.version_info[0]}.{sys.version_info[1]}" in named or sys.version_info > (3, 13)
