"""Pairs of knobs and parallel coordinates, on studies whose structure is known."""

import itertools
import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lenet_tune import analysis
from lenet_tune.analysis.parallel import MOST_AXES

sys.path.insert(0, str(Path(__file__).parent / "report"))
import report_factory as factory

RATES, ACTIVATIONS, SIZES = (0.001, 0.01, 0.1), ("sigmoid", "tanh", "relu"), (32, 128)


def grid(score, *, seeds=3, sd=0.005, drop=()):
    """A grid of 3 x 3 x 2 settings whose scores are `score(i, j, k)` plus noise of the seeds."""
    rng = np.random.default_rng(5)
    made = []
    for number, (i, j, k) in enumerate(itertools.product(range(3), range(3), range(2))):
        setting = {"learning_rate": RATES[i], "activation": ACTIVATIONS[j], "batch_size": SIZES[k]}
        scores = (score(i, j, k) + rng.normal(0, sd, seeds)).tolist()
        bad = {"outcome": "failed", "error": "x"} if number in drop else {}
        made.append(factory.trial(number, scores, setting=setting, **bad))
    definition = factory.definition(kind="grid", seeds=seeds)
    return replace(factory.search(1, best=False), definition=definition, trials=tuple(made))


def together(i, j, k):
    return 0.3 + 0.02 * i + 0.03 * j + 0.05 * k + 0.1 * (i == 2 and j == 2)


def test_the_pair_that_works_together_comes_first_and_beyond_noise():
    first, *others = analysis.interaction_tables(grid(together))
    assert {first.rows, first.columns} == {"learning_rate", "activation"}
    assert first.p < 1e-6
    assert all(table.p > 0.05 for table in others)
    assert len(others) == 2
    assert "learning_rate 0.1 with activation relu lies" in first.words
    assert "more than seeds explain" in first.words


def test_a_table_holds_means_and_their_deviation_from_additivity():
    made = grid(together, sd=0.0)
    table = analysis.interaction_tables(made)[0]
    rows, columns = (RATES, ACTIVATIONS) if table.rows == "learning_rate" else (ACTIVATIONS, RATES)
    assert (table.row_values, table.column_values) == (rows, columns)
    means = np.array([[cell.mean for cell in line] for line in table.cells])
    assert means == pytest.approx(np.array([[together(i, j, 0.5) for j in range(3)] for i in range(3)]))
    additive = means.mean(axis=1, keepdims=True) + means.mean(axis=0) - means.mean()
    assert [[c.additive for c in line] for line in table.cells] == pytest.approx(additive)
    assert table.size == pytest.approx(np.sqrt(((means - additive) ** 2).mean()))
    assert {cell.n for line in table.cells for cell in line} == {2}


def test_additive_scores_show_no_interaction_beyond_noise():
    found = analysis.interaction_tables(grid(lambda i, j, k: 0.3 + 0.05 * i + 0.03 * j + 0.02 * k))
    assert all(table.p > 0.05 for table in found)
    assert all(table.size < 3 * table.noise for table in found)
    assert "luck of the seeds can explain" in found[0].words


def test_noise_is_the_size_that_seeds_alone_give():
    sizes = []
    rng = np.random.default_rng(2)
    for _ in range(30):
        made = grid(lambda i, j, k: 0.3 + rng.normal(0, 0.01), seeds=1, sd=0.0)
        sizes += [t.size**2 for t in analysis.interaction_tables(made) if t.columns == "activation"
                  or t.rows == "activation"]  # fmt: skip
    # Three by three cells of two trials each: 4 of 18 numbers; three by two of three: 2 of 18.
    table = analysis.interaction_tables(grid(together, sd=0.01))[0]
    noise = analysis.seed_noise(grid(together, sd=0.01)).of_mean
    assert table.noise == pytest.approx(noise * math.sqrt(4 / 18))
    assert 0.01**2 * 2 / 18 < np.mean(sizes) < 0.01**2 * 4 / 18


def test_cells_without_a_finished_trial_are_empty_and_the_rest_is_fitted_around_them():
    made = grid(together, sd=0.0, drop=(0, 1))
    table = next(t for t in analysis.interaction_tables(made) if t.columns != "batch_size")
    cells = {
        (row, column): cell
        for row, line in zip(table.row_values, table.cells, strict=True)
        for column, cell in zip(table.column_values, line, strict=True)
    }
    empty = [at for at, cell in cells.items() if cell is None]
    assert [set(at) for at in empty] == [{0.001, "sigmoid"}]


def test_one_seed_gives_no_noise_and_says_so():
    table = analysis.interaction_tables(grid(together, seeds=1))[0]
    assert (table.noise, table.p) == (None, None)
    assert "unknown" in table.words


def test_searches_that_fill_no_tables_give_a_scatter_of_their_two_leading_knobs():
    made = factory.search(80, wide=True, best=False)
    assert analysis.interaction_tables(made) == ()
    found = analysis.importance(made)
    scatter = analysis.knob_scatter(made, found)
    assert [scatter.x, scatter.y] == [k.knob for k in found.knobs[:2]]
    assert scatter.x == "learning_rate"
    assert scatter.weak == found.weak
    for point in scatter.points:
        trial = made.trials[point.trial]
        assert (point.x, point.y) == (trial.setting[scatter.x], trial.setting[scatter.y])
        assert (point.rank, point.score) == (made.ranks[point.trial], trial.score)
    assert len(scatter.points) + scatter.inactive == len(made.ranked)
    best = sorted(scatter.points, key=lambda p: p.rank)[: len(scatter.points) // 4]
    assert f"learning_rate from {min(p.x for p in best):.4g} to {max(p.x for p in best):.4g}" in scatter.words


def test_a_grid_has_no_scatter_and_neither_has_a_single_knob():
    assert analysis.knob_scatter(grid(together)) is None
    one = [factory.trial(i, [0.1 * i], setting={"learning_rate": 0.01 * (i + 1)}) for i in range(9)]
    made = replace(factory.search(1), definition=factory.definition(), trials=tuple(one))
    assert analysis.knob_scatter(made) is None


# Parallel coordinates


def test_axes_are_the_most_important_knobs_in_order():
    made = factory.search(80, wide=True, best=False)
    found = analysis.importance(made)
    figure = analysis.parallel_coordinates(made, found)
    assert [axis.knob for axis in figure.axes] == [k.knob for k in found.knobs[:MOST_AXES]]
    assert len(figure.axes) == MOST_AXES
    assert set(figure.left_out) == {k.knob for k in found.knobs[MOST_AXES:]}


def test_every_finished_trial_is_a_line_with_its_places():
    made = factory.search(80, wide=True, best=False)
    figure = analysis.parallel_coordinates(made)
    assert [line.trial for line in figure.lines] == [t.number for t in made.order]
    kinds = set()
    for i, axis in enumerate(figure.axes):
        known = {t.number: t.setting.get(axis.knob) for t in made.ranked}
        active = {number: value for number, value in known.items() if value is not None}
        places = {line.trial: line.places[i] for line in figure.lines}
        assert {n for n, place in places.items() if place is not None} == set(active)
        assert min(places[n] for n in active) == 0
        assert max(places[n] for n in active) == 1
        kinds.add(axis.kind)
        if axis.kind != "category":
            scaled = {n: math.log(v) if axis.kind == "log" else v for n, v in active.items()}
            low, high = min(scaled.values()), max(scaled.values())
            assert all(places[n] == pytest.approx((v - low) / (high - low)) for n, v in scaled.items())
    assert kinds == {"linear", "log", "category"}


def test_ticks_run_from_end_to_end_and_name_categories():
    figure = analysis.parallel_coordinates(grid(together))
    axes = {axis.knob: axis for axis in figure.axes}
    assert [(t.place, t.text) for t in axes["activation"].ticks] == [
        (0, "sigmoid"), (0.5, "tanh"), (1, "relu")
    ]  # fmt: skip
    made = analysis.parallel_coordinates(factory.search(60, best=False))
    rate = next(axis for axis in made.axes if axis.knob == "learning_rate")
    assert rate.kind == "log"
    assert (rate.ticks[0].place, rate.ticks[-1].place) == (0, 1)
    assert {"0.001", "0.01"} <= {tick.text for tick in rate.ticks}


def test_nothing_to_compare_has_no_coordinates():
    assert analysis.parallel_coordinates(factory.search(1)) is None
    assert analysis.parallel_coordinates(grid(together, drop=range(17))) is None
