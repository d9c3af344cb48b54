"""Only what may come back is kept, and the file really shrinks."""

from pathlib import Path

from fakes import SilentWatcher, fake_engine
from small_studies import WORDS, asked, begin, tools

from lenet_tune import loop
from lenet_tune.overview import disk_use

STATE = 100_000 * 4  # bytes of a checkpoint's weights


def test_a_study_stays_small_over_a_hundred_trials(tmp_path, tiny_data):
    sizes = []

    class Measuring(SilentWatcher):
        def epoch(self, epoch) -> None:
            sizes.append(study.path.stat().st_size)

    with begin(tmp_path, tiny_data, asked("random", trials=110, epochs=2)) as study:
        engine = fake_engine(weights=STATE // 4)
        loop.run(study, tools(study, tiny_data, train_group=engine, watcher=Measuring(), batch=8))
        use = disk_use(study.path)
        leaders = [t.number for t in study.snapshot().leaders]
    # A group of four in training, the leaders, and room for the figures; 110 states would be 44 MB.
    assert max(sizes) < (4 + len(leaders) + 4) * STATE + 2**20
    assert use.total < len(leaders) * STATE + 2**19
    assert list(use.trials) == leaders
    assert use.checkpoints >= len(leaders) * STATE


def test_the_study_command_shows_state_trials_size_and_the_way_on(cli):
    cli("random", "--trials", "4", "--epochs", "2", "--name", "mine", "--confirm", "0", *WORDS)
    text = cli("study", "mine").stdout
    size = Path("studies/mine/study.db").stat().st_size
    assert "mine: LeNet on tiny: random search" in text
    assert "complete" in text
    assert "4 of 4: 4 done" in text
    assert f"{size / 1024:,.0f} KiB" in text
    assert "the weights of trial" in text
    assert "lenet-tune resume studies/mine" in text
