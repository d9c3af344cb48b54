"""Row 3: Ctrl-C, SIGTERM and SIGHUP; row 14: the process dies in the engine; row 15: a trial hangs."""

import os
import signal
import subprocess
import time
from contextlib import closing
from pathlib import Path

import pytest
from patience import PATIENCE
from small_studies import WORDS, command, lenet_tune

from lenet_tune.interrupts import Interrupted, stoppable, unbroken
from lenet_tune.study import Study
from lenet_tune.studyfile import connect, transaction

SEARCH = ["random", "--trials", "400", "--epochs", "2", "--name", "mine", *WORDS]
SLOW = "session.load_engine = lambda name: fake_engine(on_epoch=lambda: time.sleep(0.2))"


def started(cwd, data, *words, patch=SLOW) -> subprocess.Popen:
    """A search that has ended its third trial."""
    given = {**os.environ, "LENET_TUNE_DATA": str(data)}
    process = subprocess.Popen(
        command(*SEARCH, *words, patch=patch),
        cwd=cwd,
        env=given,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    heard = []
    for line in process.stderr:
        heard.append(line)
        if line.startswith("[3/400]"):
            return process
    pytest.fail("".join(heard))
    return process


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_row_03_a_signal_ends_the_search_within_two_seconds(tiny_npz, tmp_path, number, code):
    # The engine sleeps for an hour in the epoch that the signal falls into.
    hour = "n = iter(range(8)); session.load_engine = lambda name: fake_engine("
    hour += "on_epoch=lambda: time.sleep(0.1 if next(n, None) is not None else 3600))"
    with started(tmp_path, tiny_npz, patch=hour) as process:
        time.sleep(1)
        process.send_signal(number)
        sent, spent = time.monotonic(), _cpu_seconds(process.pid)
        said = ""
        for line in process.stderr:
            said += line
            if "Go on with" in line:
                break
        assert time.monotonic() - sent < 2 * PATIENCE
        spent = _cpu_seconds(process.pid) - spent
        stdout, rest = process.communicate(timeout=60)
    # On a machine that others use too, only the work that is left can be bounded.
    assert time.monotonic() - sent < 2 * PATIENCE or spent < 2
    assert process.returncode == code
    assert "Stopped; everything finished is kept. Go on with: lenet-tune resume studies/mine" in said
    assert "Traceback" not in said + rest
    assert (tmp_path / stdout.splitlines()[-1]).is_file()


def _cpu_seconds(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_row_03_the_second_ctrl_c_ends_the_process_at_once(tiny_npz, tmp_path):
    # The page takes an hour.
    hour = f"{SLOW}\nimport lenet_tune.report\nlenet_tune.report.write_page = lambda *words: time.sleep(3600)"
    with started(tmp_path, tiny_npz, patch=hour) as process:
        process.send_signal(signal.SIGINT)
        for line in process.stderr:
            if "Go on with" in line:
                break
        process.send_signal(signal.SIGINT)
        sent = time.monotonic()
        process.communicate(timeout=60)
        assert time.monotonic() - sent < 2 * PATIENCE
    assert process.returncode in (130, -signal.SIGINT)
    with Study.read(tmp_path / "studies/mine/study.db") as study:
        assert study.snapshot().ended >= 3


def test_row_03_ctrl_c_while_python_still_imports_is_one_line(cli, monkeypatch):
    from lenet_tune import devices

    def interrupted(*words):
        raise KeyboardInterrupt

    monkeypatch.setattr(devices, "prepare", interrupted)
    result = cli("random", "--trials", "2", "--epochs", "2", *WORDS)
    assert result.exit_code == 130
    assert "Traceback" not in result.output
    assert "Go on with the same command" in result.stderr


class _Signalling:
    """A connection during whose every call with `word` a signal arrives."""

    def __init__(self, db, word):
        self._db, self._word = db, word

    def __getattr__(self, name):
        return getattr(self._db, name)

    def execute(self, words, *values):
        result = self._db.execute(words, *values)
        if words.startswith(self._word):
            signal.raise_signal(signal.SIGTERM)
        return result


@pytest.mark.parametrize("word", ["BEGIN", "INSERT", "COMMIT"])
def test_row_03_a_signal_inside_of_a_transaction_waits_for_its_end(tmp_path, word):
    with closing(connect(tmp_path / "study.db")) as db:
        db.execute("CREATE TABLE epoch (number INTEGER)")
        with pytest.raises(Interrupted), stoppable(), transaction(_Signalling(db, word)) as given:
            given.execute("INSERT INTO epoch VALUES (1)")
        with stoppable(), transaction(db):
            db.execute("INSERT INTO epoch VALUES (2)")
        assert [tuple(row) for row in db.execute("SELECT number FROM epoch")] == [(1,), (2,)]


def test_row_03_a_signal_waits_for_the_outermost_of_two_parts_and_the_next_one_does_not():
    done = []

    def parts():
        with stoppable(), unbroken():
            with unbroken():
                signal.raise_signal(signal.SIGINT)
                done.extend(signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
            done.append("inner")

    with pytest.raises(Interrupted):
        parts()
    assert done == [signal.SIG_DFL] * 3 + ["inner"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_row_14_a_process_that_dies_in_the_engine_leaves_a_study_that_goes_on(tiny_npz, tmp_path, number):
    words = ["random", "--trials", "4", "--epochs", "3", "--name", "mine", *WORDS]
    death = "import os; n = iter(range(5)); session.load_engine = lambda name: fake_engine("
    death += f"on_epoch=lambda: next(n, None) is None and os.kill(os.getpid(), {int(number)}))"
    died = lenet_tune(*words, cwd=tmp_path, data=tiny_npz, patch=death)
    assert died.returncode == -number
    done = lenet_tune(*words, cwd=tmp_path, data=tiny_npz)
    assert done.returncode == 0, done.stderr
    assert "resuming: " in done.stderr
    with Study.read(tmp_path / "studies/mine/study.db") as study:
        assert {(t.status, len(t.executions[0].epochs)) for t in study.trials()} == {("done", 3)}


def test_row_15_a_trial_that_hangs_ends_the_process_and_the_next_one_goes_on(tiny_npz, tmp_path):
    words = [
        "grid",
        "--knob",
        "learning_rate=0.01,0.02,0.03,0.04",
        "--knob",
        "kernel_size=3",
        "--epochs",
        "2",
    ]
    words += ["--knob", "padding=same", "--name", "mine", "--trial-timeout", "2s"]
    # Trial 2 never comes back; first with its group, then alone.
    hang = "session.load_engine = lambda name: fake_engine("
    hang += "fail=lambda e: e.trial == 2 and time.sleep(3600))"
    ran = 0
    while ran < 4:
        ran += 1
        sent = time.monotonic()
        result = lenet_tune(*words, cwd=tmp_path, data=tiny_npz, patch=hang)
        if result.returncode == 0:
            break
        assert result.returncode == 3, result.stderr
        assert "--trial-timeout" in result.stderr
        assert "Traceback" not in result.stderr
        assert time.monotonic() - sent < 120
    with Study.read(tmp_path / "studies/mine/study.db") as study:
        statuses = [t.status for t in study.trials()]
        assert "--trial-timeout" in study.trials()[2].executions[0].error
    assert statuses == ["done", "done", "failed", "done"]
    assert ran == 3
