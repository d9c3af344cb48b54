"""The driver: killed and resumed, stopped, on the command line, and without Ray."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from cluster_checks import comparable
from patience import PATIENCE
from small_studies import WORDS, asked, begin, command, lenet_tune

from lenet_tune.cli import main
from lenet_tune.study import Study

DRIVER = """
import sys
sys.path[:0] = {paths!r}
import numpy as np
from small_studies import tools
from lenet_tune import cluster, plan, loop
from lenet_tune.cluster.worker import Duty
from lenet_tune.data import load
from lenet_tune.study import Study
if __name__ == "__main__":
    dataset = load({data!r}, say=print)
    with Study.open(__import__("pathlib").Path({study!r})) as study:
        data = plan.training_data(study.definition, dataset)
        duty = Duty(engine="worker_engines:slow", backend=None)
        facts = {{"capacities": {{"CPU": 2}}, "trial_timeout": None}}
        with cluster.hire(workers=2, address=None, duty=duty, data=data, **facts) as fleet:
            loop.run(study, tools(study, dataset, site=fleet))
"""


def driver(study: Path, data: Path, paths) -> list[str]:
    return [sys.executable, "-c", DRIVER.format(paths=list(paths), study=str(study), data=str(data))]


def test_a_driver_that_is_killed_takes_its_workers_along_and_another_goes_on(
    tmp_path, tiny_npz, tiny_data, alone, notes, ray_environment
):
    with begin(tmp_path / "killed", tiny_data, asked("random", trials=8, epochs=5)) as study:
        path = study.path
    with subprocess.Popen(driver(path, tiny_npz, ray_environment), start_new_session=True) as process:
        while epochs_stored(path) < 8:
            assert process.poll() is None
            time.sleep(0.05)
        process.kill()
    before = epochs_stored(path)
    gone_by = time.monotonic() + 20
    while left_of(process.pid) and time.monotonic() < gone_by:
        time.sleep(0.2)
    assert left_of(process.pid) == []
    assert epochs_stored(path) == before < 40
    trained = len(notes())
    done = subprocess.run(driver(path, tiny_npz, ray_environment), check=True)
    assert done.returncode == 0
    with Study.read(path) as study:
        assert comparable(study.trials()) == comparable(alone("random", trials=8, epochs=5))
    assert sum(len(words) for _, words in notes()[trained:]) == 40 - before


def epochs_stored(path: Path) -> int:
    with Study.read(path) as study:
        return sum(len(e.epochs) for t in study.trials() for e in t.executions)


def left_of(session: int) -> list[str]:
    """Command lines of the processes of a driver's session that are not over.

    Two agents of Ray, which train nothing, need about a minute to see that theirs is; they are left out.
    """
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                words = (folder / "cmdline").read_text().replace("\0", " ")
            except OSError:
                continue
            if int(fields[3]) == session and fields[0] != "Z" and "Agent" not in words:
                found.append(words[:80])
    return found


WORKING = "from lenet_tune import workers; workers.engine_of = lambda name: 'worker_engines:slow'"


def test_the_command_line_trains_on_workers_and_a_signal_ends_them(
    tiny_npz, tmp_path, notes, ray_environment
):
    words = ["random", "--trials", "40", "--epochs", "4", "--name", "mine", "--workers", "2", *WORDS]
    with subprocess.Popen(
        command(*words, patch=WORKING),
        cwd=tmp_path,
        env={**os.environ, "LENET_TUNE_DATA": str(tiny_npz)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        said = ""
        for line in process.stderr:
            said += line
            if line.startswith("[3/40]"):
                process.send_signal(signal.SIGTERM)
                sent = time.monotonic()
            if "Go on with" in line:
                heard = time.monotonic() - sent
    assert process.returncode == 143, said
    assert heard < 5 * PATIENCE
    assert left_of(process.pid) == []
    assert "2 x CPU, 1 of" in said
    assert "Traceback" not in said
    assert len({pid for pid, _ in notes()}) == 2
    with Study.read(tmp_path / "studies/mine/study.db") as study:
        assert 3 <= study.snapshot().ended < 40


MEASURES_NOTHING = "import lenet_tune.artifacts as a; a.measure_leaders = lambda *words: None; "


def test_the_report_is_reproduced_on_workers(tmp_path, notes, ray_environment):
    images = np.random.default_rng(0).integers(0, 256, (80, 32, 32, 3), dtype=np.uint8)
    labels = np.arange(80) % 10
    np.savez(
        tmp_path / "noise.npz",
        x_train=images[:60],
        y_train=labels[:60],
        x_test=images[60:],
        y_test=labels[60:],
    )
    words = ["reproduce", "--quick", "--claim", "C16", "--seeds", "2", "--workers", "2"]
    patch = MEASURES_NOTHING + WORKING
    done = lenet_tune(*words, cwd=tmp_path, data=tmp_path / "noise.npz", patch=patch)
    assert done.returncode == 0, done.stderr
    assert "[4/4] test accuracy" in done.stderr
    trained = [word for _, epochs in notes() for word in epochs]
    assert len(set(trained)) == len(trained) == 8  # 2 settings x 2 seeds x 2 epochs


@pytest.fixture
def cli(tiny_npz, tmp_path, monkeypatch):
    """A small search on the command line, in this process, that is refused before anything trains."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LENET_TUNE_DATA", str(tiny_npz))
    words = ["random", "--trials", "2", "--epochs", "1", "--name", "mine", *WORDS]
    return lambda *more: CliRunner().invoke(main, [*words, *more])


@pytest.mark.parametrize("option", [("--workers", "2"), ("--ray", "auto")])
def test_without_ray_the_option_is_one_line_with_the_pip_command(cli, monkeypatch, option):
    monkeypatch.setitem(sys.modules, "ray", None)
    refused = cli(*option)
    assert refused.exit_code == 1
    last = refused.stderr.splitlines()[-1]
    assert last.startswith("Error: --workers and --ray need the package ray")
    assert "pip install 'lenet-tune[cluster]'" in last


@pytest.mark.parametrize("count", ["0", "-1", "two"])
def test_a_wrong_number_of_workers_is_refused(cli, count):
    refused = cli("--workers", count)
    assert refused.exit_code == 2
    assert "--workers" in refused.stderr.splitlines()[-1]


def test_a_ray_client_address_and_a_missing_cluster_are_one_line(cli, ray_environment):
    refused = cli("--ray", "ray://127.0.0.1:10001")
    assert refused.exit_code == 2
    assert "`--ray` must be auto or HOST:PORT" in refused.stderr.splitlines()[-1]
    nobody = cli("--ray", "auto")
    assert nobody.exit_code == 1
    assert nobody.stderr.splitlines()[-1].startswith("Error: Ray cannot be used: ")


def test_without_the_option_nothing_of_ray_is_imported(tiny_npz, tmp_path):
    seen = "import atexit; atexit.register(lambda: print(sorted(m for m in sys.modules if "
    seen += "m.partition('.')[0] == 'ray' or m.startswith('lenet_tune.cluster'))))"
    words = ["random", "--trials", "2", "--epochs", "1", "--confirm", "0", "--name", "mine", *WORDS]
    done = lenet_tune(*words, cwd=tmp_path, data=tiny_npz, patch=seen)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
