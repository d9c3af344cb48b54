"""Each chart holds what the exported tables say: computed here from the CSV files alone, in another way."""

import csv
import json
import math
import statistics
from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest
import report_factory as factory

from lenet_tune.report import export_tables
from lenet_tune.report.live import drawings
from lenet_tune.report.page import page_parts


class Exported:
    """A study's charts by name, and the rows of its exported tables."""

    def __init__(self, snapshot, folder):
        export_tables(snapshot, folder)
        with open(folder / "trials.csv", newline="", encoding="utf-8") as file:
            self.trials = list(csv.DictReader(file))
        with open(folder / "epochs.csv", newline="", encoding="utf-8") as file:
            self.epochs = list(csv.DictReader(file))
        self.json = json.loads((folder / "trials.json").read_text())
        self.charts = {d.chart.name: d.chart for d in drawings(page_parts(snapshot))}

    def data(self, name, part=None):
        """The rows of a chart: of a shared data set, or of its own that has a field."""
        chart = self.charts[name]
        sets = chart.complete["datasets"]
        if part in sets:
            return sets[part]
        return next(rows for rows in sets.values() if rows and part in rows[0])

    @property
    def scored(self):
        return [row for row in self.trials if row["score"]]


@pytest.fixture(scope="module")
def search(tmp_path_factory):
    return Exported(factory.search(60, seeds=2, wide=True), tmp_path_factory.mktemp("search"))


@pytest.fixture(scope="module")
def grid(tmp_path_factory):
    return Exported(factory.section_grid(1, seeds=3), tmp_path_factory.mktemp("grid"))


@pytest.fixture(scope="module")
def ablation(tmp_path_factory):
    return Exported(factory.ablation(), tmp_path_factory.mktemp("ablation"))


def close(a, b):
    return a == pytest.approx(b, abs=2e-4)


def test_best_so_far_is_the_running_maximum(search):
    best = -math.inf
    rows = {row["trial"]: row for row in search.data("best-so-far", "trials")}
    assert len(rows) == len(search.trials)
    for trial in sorted(search.trials, key=lambda row: int(row["trial"])):
        score = float(trial["score"]) if trial["score"] else None
        new = score is not None and score > best
        best = max(best, score if score is not None else best)
        row = rows[int(trial["trial"])]
        assert row["new"] == new
        assert close(row["best"], 100 * best) if best > -math.inf else row["best"] is None


def test_seconds_add_up(search):
    total = 0.0
    rows = {row["trial"]: row for row in search.data("best-by-time", "trials")}
    for trial in sorted(search.trials, key=lambda row: int(row["trial"])):
        total += float(trial["train_seconds"])
        assert rows[int(trial["trial"])]["until"] == pytest.approx(total, rel=1e-6)


def test_slices_hold_every_trial_at_its_value(search):
    names = [name for name in search.charts if name.startswith("slice-")]
    assert len(names) > 20
    for place, name in enumerate(names):
        knob = name.removeprefix("slice-")
        for row in search.data(name, "trials"):
            trial = next(t for t in search.trials if t["trial"] == str(row["trial"]))
            assert (f"k{place}" in row) == bool(trial[knob])
            value = row.get(f"k{place}")
            if isinstance(value, (int, float)):
                assert value == pytest.approx(float(trial[knob]))
            assert close(row["score"], 100 * float(trial["score"])) if trial["score"] else not row["score"]


def test_curves_are_means_over_seeds(search):
    sums = defaultdict(list)
    for row in search.epochs:
        sums[int(row["trial"]), int(row["epoch"])].append(float(row["held_out_accuracy"]))
    rows = search.data("curves", "curves")
    assert rows
    for row in rows:
        assert close(row["accuracy"], 100 * statistics.fmean(sums[row["trial"], row["epoch"]]))


def test_a_crowd_of_curves_is_its_leaders_and_quantiles(tmp_path):
    found = Exported(factory.search(90, epochs=3), tmp_path)
    by_epoch = defaultdict(list)
    for row in found.epochs:
        by_epoch[int(row["epoch"])].append(float(row["held_out_accuracy"]))
    for row in found.data("curves", "middle"):
        values = sorted(by_epoch[row["epoch"]])
        assert close(row["middle"], 100 * statistics.median(values))
        low = statistics.quantiles(values, n=10, method="inclusive")[0]
        assert close(row["low"], 100 * low)


def test_nothing_cheaper_is_better_on_the_cost_line(search):
    own = search.charts["cost"].spec["datasets"].values()
    line = {row["trial"] for rows in own for row in rows if row["trial"] is not None}
    known = [(int(t["trial"]), float(t["train_seconds"]), float(t["score"])) for t in search.scored]
    for trial, seconds, score in known:
        beaten = any(s < seconds and high >= score for _, s, high in known)
        assert (trial in line) == (not beaten)


def test_parameters_are_those_of_the_layers(tmp_path):
    made = factory.search(60, wide=True, best=False)
    data = {**made.definition.data, "image_shape": [32, 32, 3], "num_classes": 10}
    found = Exported(replace(made, definition=replace(made.definition, data=data)), tmp_path)
    rows = {str(row["trial"]): row["size"] for row in found.data("parameters", "trials")}
    shallow = [t for t in found.trials if t["depth"] == "2" and rows[t["trial"]] is not None]
    assert len(shallow) > 5
    for trial in shallow:
        assert rows[trial["trial"]] == _parameters(trial), trial


def _parameters(trial):
    """Two convolutions, each followed by 2x2 pooling, then 120, 84 where asked, and 10 nodes."""
    kernel, bias = int(trial["kernel_size"]), trial["conv_bias"] == "true"
    filters = [int(trial["filters"]), int(trial["filters"]) + int(trial["filter_step"])]
    side, channels, total = 32, 3, 0
    for out in filters:
        total += kernel * kernel * channels * out + out * bias
        side, channels = (side if trial["padding"] == "same" else side - kernel + 1) // 2, out
    nodes = side * side * channels
    for out in [120, *([84] if trial["dense_84"] == "true" else []), 10]:
        total, nodes = total + (nodes + 1) * out, out
    return total


def test_expected_best_is_the_mean_over_all_subsets(tmp_path):
    found = Exported(factory.search(9, best=False), tmp_path)
    chance = 0.1
    scores = sorted(float(t["score"]) if t["score"] else chance for t in found.trials)
    for row in found.data("expected-best", "mean"):
        n, total = row["n"], len(scores)
        weights = [math.comb(i, n - 1) / math.comb(total, n) for i in range(total)]
        assert close(row["mean"], 100 * sum(w * s for w, s in zip(weights, scores, strict=True)))


def test_parallel_lines_stand_at_their_values(search):
    rows = search.data("parallel", "lines")
    axes = {row["axis"] for row in rows}
    assert len(axes) == 12
    trials = {t["trial"]: t for t in search.scored}
    assert {str(row["trial"]) for row in rows} == set(trials)
    for axis in axes:
        here = [(trials[str(r["trial"])][axis], r["place"]) for r in rows if r["axis"] == axis]
        cells = [(float(v), place) for v, place in here if place is not None and _is_number(v)]
        for (a, place), (b, other) in zip(sorted(cells), sorted(cells)[1:], strict=False):
            assert a == b or place < other or math.isclose(place, other, abs_tol=1e-6)


def _is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


def test_two_knobs_stand_at_their_ranks(search):
    points = search.data("two-knobs", "points")
    ranks = {int(t["trial"]): int(t["rank"]) for t in search.scored}
    assert {p["trial"]: p["rank"] for p in points} == {p["trial"]: ranks[p["trial"]] for p in points}
    assert len(points) > 10


def test_importance_puts_the_knob_that_decides_first(tmp_path):
    # Scores of the factory depend on the learning rate alone.
    found = Exported(factory.search(80, best=False), tmp_path)
    bars = found.data("importance", "value")
    assert bars[0]["knob"] == "learning_rate"
    assert bars[0]["low"] > max(bar["high"] for bar in bars[1:])


def test_leaders_are_their_seeds(search):
    rows = search.data("leaders", "score")
    for row in rows:
        trial = next(t for t in search.trials if t["trial"] == str(row["trial"]))
        seeds = [100 * float(trial[name]) for name in ("accuracy_0", "accuracy_1")]
        assert any(close(row["score"], seed) for seed in seeds)
    for row in search.data("leaders", "mean"):
        trial = next(t for t in search.trials if t["trial"] == str(row["trial"]))
        assert close(row["mean"], 100 * float(trial["score"]))


def test_main_effects_and_cells_are_means_of_the_trials_that_share_values(grid):
    for row in grid.data("main-effects", "mean"):
        knob = row["knob"]
        groups = defaultdict(list)
        for trial in grid.scored:
            groups[trial[knob]].append(float(trial["score"]))
        assert any(
            close(row["mean"], 100 * statistics.fmean(g)) and len(g) == row["n"] for g in groups.values()
        )
    maps = [name for name in grid.charts if name.startswith("interaction-")]
    assert maps
    for name in maps:
        first, second = grid.charts[name].title.split(" by ")
        groups = defaultdict(list)
        for trial in grid.scored:
            groups[trial[first], trial[second]].append(float(trial["score"]))
        cells = grid.data(name, "beyond")
        assert len(cells) == len(groups)
        means = sorted(100 * statistics.fmean(g) for g in groups.values())
        assert sorted(c["mean"] for c in cells) == pytest.approx(means, abs=2e-4)


def test_the_report_panels_hold_means_and_every_seed(grid):
    panels = [name for name in grid.charts if name.startswith("table-")]
    assert len(panels) == 24
    for name in panels:
        # Both stages have runs of one label: the panel's is one of them.
        same = {t["trial"] for t in grid.trials if t["label"] == grid.charts[name].title}
        held = [(r["epoch"], r["value"]) for r in grid.data(name, "part") if r["part"] == "test"]
        assert any(np.allclose(held, _means(grid, trial), atol=2e-4) for trial in same)
        assert len(grid.data(name, "seed")) == 3 * 30


def _means(found, trial):
    epochs = defaultdict(list)
    for row in found.epochs:
        if row["trial"] == trial:
            epochs[int(row["epoch"])].append(float(row["held_out_accuracy"]))
    return [(epoch, 100 * statistics.fmean(values)) for epoch, values in sorted(epochs.items())]


def test_published_stands_beside_measured(grid):
    rows = grid.data("published", "published")
    means = [float(t["score"]) for t in grid.scored]
    for row in rows:
        assert any(close(row["measured"], 100 * mean) for mean in means)


def test_the_best_curves_and_the_confusion_matrix_are_the_best_models(search):
    best = min(search.scored, key=lambda t: int(t["rank"]))["trial"]
    epochs = defaultdict(list)
    for row in search.epochs:
        if row["trial"] == best:
            epochs[int(row["epoch"])].append(float(row["train_loss"]))
    for row in search.data("best-loss", "part"):
        if row["part"] == "train":
            assert row["value"] == pytest.approx(statistics.fmean(epochs[row["epoch"]]), rel=1e-5)
    confusion = search.json["best_model"]["confusion"]
    cells = search.data("confusion", "images")
    assert [cell["images"] for cell in cells] == [n for line in confusion for n in line]
    for row in search.data("classes", "accuracy"):
        i = list(factory.CLASSES).index(row["label"])
        assert close(row["accuracy"], 100 * confusion[i][i] / sum(confusion[i]))


def test_where_the_best_lies_is_its_value(search):
    best = min(search.scored, key=lambda t: int(t["rank"]))
    for row in search.data("ranges", "words"):
        values = [float(t[row["knob"]]) for t in search.scored if _is_number(t[row["knob"]])]
        if row["place"] is not None and _is_number(best[row["knob"]]) and values:
            at = float(best[row["knob"]])
            assert (row["place"] < 1e-9) == (at == min(values)) or len(set(values)) < 3


def test_what_changes_cost_is_their_mean_minus_that_of_the_setting(ablation):
    whole, *changed = sorted(ablation.trials, key=lambda row: int(row["trial"]))
    labels = [trial["label"] for trial in ablation.json["trials"]][1:]
    rows = {row["change"]: row for row in ablation.data("ablation", "difference")}
    assert list(rows) != labels  # what costs most stands first
    for label, trial in zip(labels, changed, strict=True):
        seeds = [
            100 * (float(trial[name]) - float(whole[name]))
            for name in ("accuracy_0", "accuracy_1", "accuracy_2")
            if trial[name]
        ]
        row = rows[label]
        assert row["n"] == len(seeds)
        if not seeds:
            assert row["difference"] is None
            continue
        assert close(row["difference"], statistics.fmean(seeds))
        half = 4.302653 * statistics.stdev(seeds) / math.sqrt(3)  # Student's t, 2 degrees of freedom
        assert close(row["high"] - row["low"], 2 * half)


def test_an_ablation_shows_no_statistics_over_all_trials(ablation, search):
    over_all = {"importance", "parallel", "best-so-far"}
    assert over_all <= set(search.charts)
    assert not over_all & set(ablation.charts)
    assert "ablation" in ablation.charts


def test_every_specification_is_valid_vega_lite(search, grid, ablation):
    import altair as alt

    for chart in [*search.charts.values(), *grid.charts.values(), *ablation.charts.values()]:
        alt.Chart.from_dict({**chart.complete}, validate=True)


def test_no_trial_of_a_study_without_scores_is_drawn_with_one(tmp_path):
    made = factory.search(12, best=False)
    bad = tuple(factory.trial(i, [0.1], outcome="failed", error="no room") for i in range(3))
    found = Exported(replace(made, trials=bad, planned=3, test_readings=()), tmp_path)
    assert all(row["score"] is None for row in found.data("best-so-far", "trials"))
