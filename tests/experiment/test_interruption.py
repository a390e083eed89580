import os
import signal
import threading
import time

import pytest

import nnexp
from nnexp.errors import Interrupted
from nnexp.experiment.display import Display
from nnexp.experiment.interruption import Interruption, request_end
from nnexp.run_folder import RunFolder

QUICK = ["data=digits", "tracking=none", "model.hidden=[8]", "trainer.epochs=40"]
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGXCPU]


class Sender(Display):
    """Calls a function after the second epoch, and again while the run ends."""

    def __init__(self, send, again=False):
        self.send = send
        self.again = again

    def epoch(self, record, best):
        if record.epoch == 2:
            self.send()
            if self.again:
                self.send()


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_a_run_after_a_checkpoint_and_handlers_are_as_before(number, no_upload, alone):
    before = [signal.getsignal(each) for each in SIGNALS]
    with pytest.raises(Interrupted, match=number.name) as caught:
        nnexp.run(QUICK, "run", display=Sender(lambda: os.kill(os.getpid(), number)))
    assert caught.value.exit_code == 128 + number
    assert "resume with: nnexp resume run" in caught.value.__notes__
    assert [signal.getsignal(each) for each in SIGNALS] == before
    entries = RunFolder(alone / "run").entries()
    assert entries[-1]["status"] == "KILLED"
    assert max(entry["step"] for entry in entries if entry["kind"] == "metrics") == 2
    assert list((alone / "run" / "checkpoints").iterdir())
    assert (alone / "run" / "weights" / "best.npz").exists()


def test_a_second_signal_ends_a_run_at_once(no_upload, alone):
    with pytest.raises(Interrupted):
        nnexp.run(QUICK, "run", display=Sender(lambda: os.kill(os.getpid(), signal.SIGINT), again=True))
    assert RunFolder(alone / "run").entries()[-1]["status"] == "KILLED"
    assert not (alone / "run" / "checkpoints").exists()


def test_a_run_in_another_thread_works_and_ends_when_it_is_asked_to(no_upload, alone):
    raised = []

    def train():
        try:
            nnexp.run(QUICK, "run", display=Sender(lambda: request_end(signal.SIGTERM)))
        except Interrupted as error:
            raised.append(error.number)

    thread = threading.Thread(target=train)
    thread.start()
    thread.join()
    assert raised == [signal.SIGTERM]
    assert RunFolder(alone / "run").entries()[-1]["status"] == "KILLED"


def test_ignored_signals_stay_ignored(no_upload, alone):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        display = Sender(lambda: os.kill(os.getpid(), signal.SIGHUP))
        assert nnexp.run([*QUICK, "trainer.epochs=3"], "run", display=display).status == "FINISHED"
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_signal_of_another_program_is_left_to_it(no_upload):
    received = []
    before = signal.signal(signal.SIGUSR1, lambda number, frame: received.append(number))
    try:
        display = Sender(lambda: os.kill(os.getpid(), signal.SIGUSR1))
        assert nnexp.run([*QUICK, "trainer.epochs=3"], "run", display=display).status == "FINISHED"
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert received == [signal.SIGUSR1]


def test_a_signal_while_results_are_written_leaves_a_finished_run(no_upload, alone, monkeypatch):
    import nnexp.experiment.run as module

    write = module.write_results

    def interrupted(*arguments):
        os.kill(os.getpid(), signal.SIGTERM)
        write(*arguments)

    monkeypatch.setattr(module, "write_results", interrupted)
    with pytest.raises(Interrupted):
        nnexp.run([*QUICK, "trainer.epochs=2"], "run", display="quiet")
    entries = RunFolder(alone / "run").entries()
    assert entries[-1]["status"] == "FINISHED"
    assert "test/accuracy" in entries[-2]["values"]


def test_a_signal_while_data_load_leaves_no_folder(no_upload, alone, monkeypatch):
    monkeypatch.setattr(
        "nnexp.experiment.run.build_components", lambda *_: os.kill(os.getpid(), signal.SIGINT)
    )
    with pytest.raises(Interrupted):
        nnexp.run(QUICK, "run", display="quiet")
    assert not (alone / "run").exists()


def test_a_request_interrupts_a_wait_of_the_main_thread():
    with Interruption() as interruption:
        threading.Timer(0.05, interruption.request, [signal.SIGTERM]).start()
        with pytest.raises(Interrupted):
            time.sleep(30)
