"""Rows 1 and 2: a search killed at any of its commits ends like one that was not."""

from contextlib import contextmanager

import pytest
from fakes import fake_engine
from kill_harness import comparable
from small_studies import asked, begin, tools

from lenet_tune import loop, session, studyfile
from lenet_tune import study as study_module
from lenet_tune.study import Study


class Killed(BaseException):
    """Stands for a process that dies."""


class Kills:
    """Counts the commits of all studies, and dies in the k-th, all of its statements made, none committed."""

    def __init__(self, monkeypatch) -> None:
        self.count, self.at = 0, None
        transaction = Study._transaction

        @contextmanager
        def counted(study):
            self.count += 1
            with transaction(study) as db:
                yield db
                if self.count == self.at:
                    raise Killed

        def connect(path):
            # A process that dies leaves the operating system alive: no need to wait for the disk.
            db = studyfile.connect(path)
            db.execute("PRAGMA synchronous = OFF")
            return db

        monkeypatch.setattr(Study, "_transaction", counted)
        monkeypatch.setattr(study_module, "connect", connect)

    def arm(self, at: int | None) -> None:
        self.count, self.at = 0, at


@pytest.fixture
def kills(monkeypatch):
    return Kills(monkeypatch)


def run_on(path, dataset, **changes) -> dict:
    """Go on with a study to its end; what it then holds."""
    with Study.open(path) as study:
        loop.run(study, tools(study, dataset, **changes))
        return comparable(study.snapshot())


def survives(kills, folder, dataset, options, **changes) -> int:
    """Kill the search in each of its commits in turn; returns how many there were."""
    changes = {"train_group": fake_engine(), **changes}
    with begin(folder / "whole", dataset, options) as study:
        kills.arm(None)
        loop.run(study, tools(study, dataset, **changes))
        commits, whole = kills.count, comparable(study.snapshot())
    for at in range(1, commits + 1):
        kills.arm(None)
        with begin(folder / f"cut-{at}", dataset, options) as study:
            kills.arm(at)
            with pytest.raises(Killed):
                loop.run(study, tools(study, dataset, **changes))
            path = study.path
        kills.arm(None)
        assert run_on(path, dataset, **changes) == whole, f"killed in commit {at}"
    return commits


@pytest.mark.parametrize("kind", ["grid", "random", "bayes", "hyperband"])
def test_row_02_killed_at_any_commit_nothing_is_lost_or_repeated(kills, tmp_path, tiny_data, kind):
    options = {
        "grid": {"epochs": 2},
        "random": {"epochs": 2, "confirm": 2},
        "bayes": {"epochs": 2, "section": 3, "knobs": (), "trials": 4},
        "hyperband": {"epochs": 4},
    }
    assert survives(kills, tmp_path, tiny_data, asked(kind, **options[kind])) >= 8


def test_row_02_seeds_divergence_and_sparse_checkpoints_change_nothing(kills, tmp_path, tiny_data):
    knobs = ("learning_rate=0.01,0.3", "momentum=0,0.9", "kernel_size=3", "padding=same")
    options = asked("grid", knobs=knobs, seeds=2, epochs=5)
    assert survives(kills, tmp_path, tiny_data, options, checkpoint_every=2) >= 8


def test_row_02_killed_again_and_again_a_search_still_ends(kills, tmp_path, tiny_data):
    options = asked("random", name="again")
    with begin(tmp_path / "whole", tiny_data, options) as study:
        loop.run(study, tools(study, tiny_data))
        whole = comparable(study.snapshot())
    with begin(tmp_path, tiny_data, options) as study:
        path = study.path
    for lives in range(1, 100):
        # Later in each life than in the one before: a life gets on only if it gets as far as an epoch.
        kills.arm(3 + lives)
        try:
            assert run_on(path, tiny_data) == whole
        except Killed:
            continue
        break
    assert 3 < lives < 99


@pytest.mark.parametrize("engine", ["fused", "reference"])
def test_row_02_a_real_engine_gives_the_same_bits_after_a_kill_at_any_commit(
    kills, tmp_path, tiny_data, engine
):
    rates = "learning_rate=0.01,0.1" if engine == "fused" else "learning_rate=0.01"  # it takes seconds a run
    knobs = (rates, "depth=2", "filters=6", "kernel_size=3", "padding=same")
    options = asked("grid", knobs=knobs, epochs=2, engine=engine)
    changes = {"train_group": session.load_engine(engine), "capacity": session.capacity_of(engine)}
    assert survives(kills, tmp_path, tiny_data, options, **changes) >= 8


def test_row_01_a_killed_search_says_what_is_done_again_and_to_go(cli, monkeypatch):
    epochs = iter(range(5))

    def die() -> None:
        if next(epochs, None) is None:
            raise Killed

    words = ["random", "--trials", "6", "--epochs", "2", "--name", "mine", "--knob", "kernel_size=3"]
    words += ["--knob", "padding=same", "--confirm", "0"]
    monkeypatch.setattr(session, "capacity_of", lambda engine: 2)
    monkeypatch.setattr(session, "load_engine", lambda name: fake_engine(on_epoch=die))
    with pytest.raises(Killed):
        cli(*words)
    monkeypatch.setattr(session, "load_engine", lambda name: fake_engine())
    result = cli(*words)
    assert result.exit_code == 0
    done = sum(line.startswith("[") for line in result.stderr.splitlines())
    assert f"resuming: {6 - done} done, {done} again, 0 to go" in result.stderr
    assert 0 < done < 6
