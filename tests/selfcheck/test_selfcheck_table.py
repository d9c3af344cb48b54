"""The table of real results: what ships is whole, and a study becomes it; the surface fitted to it."""

import math
from dataclasses import replace

import pytest
import report_factory as factory

from lenet_tune.errors import DataError
from lenet_tune.oracles import make_oracle
from lenet_tune.selfcheck import realtable
from lenet_tune.selfcheck.forest import Forest, quality, real_space, real_surface
from lenet_tune.selfcheck.surface import SPEC
from lenet_tune.space import complete, is_feasible, key


@pytest.fixture(scope="module")
def shipped():
    return realtable.shipped()


def test_every_shipped_row_is_a_setting_of_the_full_space_and_comes_once(shipped):
    space = real_space(shipped)
    assert len({key(row.setting) for row in shipped.rows}) == len(shipped.rows) >= 20
    for row in shipped.rows:
        assert complete(row.setting) == row.setting
        assert is_feasible(row.setting, SPEC)
        assert all(value in space.domains[name] for name, value in row.setting.items())
        assert row.status in realtable.STATUSES
        assert len(row.accuracies) == shipped.facts["seeds"] or row.status != "done"
        assert all(0 <= a <= 1 for a in row.accuracies)


def test_the_shipped_table_says_how_it_was_made(shipped):
    assert shipped.facts["data"] == "cifar10"
    for name in ("command", "versions", "started", "epochs", "seeds", "train_size", "validation_size"):
        assert shipped.facts[name], name
    counted = {status: sum(r.status == status for r in shipped.rows) for status in realtable.STATUSES}
    assert shipped.facts["rows"] == counted


def test_a_study_becomes_a_table_and_is_read_back_as_it_was(tmp_path):
    made = factory.search(12, seeds=2, wide=True)
    bad = replace(factory.trial(12, [0.1, 0.1], outcome="diverged"), number=12)
    waiting = factory.trial(13, [0.2], outcome=None)
    table = realtable.write(replace(made, trials=(*made.trials, bad, waiting)), tmp_path)
    assert [row.trial for row in table.rows] == [*(t.number for t in made.trials), 12]
    assert table.rows[-1].status == "diverged"
    for row, trial in zip(table.rows, made.trials, strict=False):
        assert row.setting == dict(trial.setting)
        assert row.accuracies == pytest.approx(trial.accuracies, abs=1e-4)


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / realtable.CSV).unlink(),
        lambda folder: (folder / realtable.FACTS).write_text("{"),
        lambda folder: (folder / realtable.CSV).write_text(
            (folder / realtable.CSV).read_text().replace("tanh", "sinh")
        ),
    ],
)
def test_a_damaged_table_is_one_clear_line(tmp_path, damage):
    realtable.write(factory.search(12, seeds=2), tmp_path)
    damage(tmp_path)
    with pytest.raises(DataError, match="cannot be read") as caught:
        realtable.read(tmp_path)
    assert "\n" not in str(caught.value)


def test_the_fitted_surface_is_the_same_every_time_and_never_above_its_rows(shipped):
    forests = Forest(shipped), Forest(shipped)
    settings = [p.setting for p in make_oracle("random", real_space(shipped), SPEC, seed=3).ask([], 40)]
    first, second = ([f.accuracy(s) for s in settings] for f in forests)
    assert [None if math.isnan(v) else v for v in first] == [None if math.isnan(v) else v for v in second]
    highest = max(sum(row.accuracies) / len(row.accuracies) for row in shipped.done)
    assert all(math.isnan(v) or v <= highest + 1e-9 for v in first)
    assert all(forests[0].noise(s) > 0 for s in settings)


def test_the_fitted_surface_knows_its_own_rows(shipped):
    surface = real_surface(shipped, "real")
    for row in shipped.rows[:30]:
        value = surface.accuracy(row.setting)
        assert math.isnan(value) == (row.status != "done")
        if row.status == "done":
            assert value == pytest.approx(sum(row.accuracies) / len(row.accuracies), abs=1e-6)


def test_its_quality_is_measured_on_rows_it_has_not_seen(shipped):
    found = quality(shipped)
    assert found.rows == len(shipped.done)
    assert found.r2 < 0.95  # on rows it has seen it would be 1
    assert 0 < found.seed_sd < 0.1
