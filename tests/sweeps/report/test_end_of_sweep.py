import shlex

from fixtures.recorded_sweeps import write_job

from nnexp.sweeps.report import end_of_sweep
from nnexp.sweeps.report.end_of_sweep import report_sweep


def write_runs(folder, number):
    for seed in range(number):
        write_job(folder / str(seed), {"seed": str(seed)}, [0.5, 0.6])
    return folder


def test_fewer_than_two_runs_have_no_report_at_the_end_of_a_sweep(tmp_path):
    assert report_sweep(write_runs(tmp_path, 1)) == (None, "")
    assert not (tmp_path / "report.html").exists()


def test_a_report_that_fails_is_a_message_with_the_command_that_makes_it(alone, monkeypatch, nnexp):
    folder = write_runs(alone / "outputs" / "sweeps" / "2026-11-26" / "my sweep", 2)
    with monkeypatch.context() as context:
        context.setattr(end_of_sweep, "write_report", lambda *_: 1 / 0)
        report, problem = report_sweep(folder)
    assert report is None
    message, _, command = problem.partition("; fix: ")
    assert message == "the report has failed: ZeroDivisionError: division by zero"
    program, *arguments = shlex.split(command)
    assert program == "nnexp"
    assert nnexp(*arguments).returncode == 0
    assert (folder / "report.html").is_file()


def test_the_question_of_a_sweep_is_answered_in_its_report(alone, nnexp):
    fast = ["data=digits", "model.hidden=[4]", "trainer.epochs=1", "tracking=none", "tracking.plots=false"]
    question = "sweep.question='Which rate, $x$ or <b>?'"
    done = nnexp("-m", *fast, "optimizer.lr=0.001,0.1", "seed=0,1", question)
    assert done.returncode == 0, done.stderr
    (page,) = alone.glob("outputs/sweeps/*/*/report.html")
    assert "Which rate, $x$ or &lt;b&gt;?\nbest/val_accuracy is best with 0.1:" in page.read_text()
    assert (page.parent / "plots" / "profile.png").is_file()
