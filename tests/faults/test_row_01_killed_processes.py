"""Row 1: real processes, really killed; `kill_harness` has the long version."""

import pytest
from kill_harness import Task, passed, run


@pytest.mark.parametrize(("kind", "engine"), [("bayes", "fused"), ("grid", "reference")])
def test_row_01_a_search_killed_at_random_moments_ends_like_one_that_was_not(tmp_path, kind, engine):
    task = Task(kind=kind, engine=engine, kills=2, seed=3, trials=3, epochs="2", train_size=100)
    figures = run(task, tmp_path, say=lambda text: None)
    assert figures["kills"] == 2
    assert passed(figures), {k: v for k, v in figures.items() if k != "moments"}
