"""Tables of the leaders and of the best model: fresh seeds, looks at the test images, mistakes."""

from lenet_tune import analysis
from lenet_tune.analysis.best_model import BestModel
from lenet_tune.analysis.text import NONE, decimal, percent, points
from lenet_tune.records import Snapshot
from lenet_tune.report.chart import Table
from lenet_tune.report.safe import shorten


def mistakes_table(model: BestModel) -> Table | None:
    """The wrong labels that the model was most sure of; None where none are kept."""
    if not model.mistakes:
        return None
    return Table(
        caption="The most confident mistakes",
        columns=(
            f"{model.split} image",
            "true class",
            "taken for",
            "output of that class",
            "of the true class",
        ),
        rows=tuple(
            (str(m.index), m.true, m.predicted, decimal(m.confidence, 3), decimal(m.true_confidence, 3))
            for m in model.mistakes
        ),
        numeric=(3, 4),
    )


def model_words(model: BestModel) -> str:
    """What the model does on the images it was measured on, in a sentence; empty where that is not kept."""
    if model.accuracy is None or not model.images:
        return ""
    words = f"On {model.images:,} {model.split} images this model labels {percent(model.accuracy)} right"
    if model.balanced_accuracy is not None:
        words += f"; balanced accuracy (mean over classes) {percent(model.balanced_accuracy)}"
    return f"{words}."


def leaders_table(snapshot: Snapshot) -> Table | None:
    """The leaders on fresh seeds and on the test images."""
    found = analysis.leaders(snapshot)
    if not found:
        return None
    held_out = snapshot.definition.held_out_name
    return Table(
        caption="The leaders, trained again with fresh seeds",
        columns=(
            "trial",
            "setting",
            "verdict",
            f"{held_out} accuracy, fresh seeds",
            "in the search",
            "search minus fresh",
            "test accuracy",
            "test minus fresh",
        ),
        rows=tuple(
            (
                str(leader.number),
                shorten(leader.label, 60),
                leader.verdict,
                analysis.interval(leader.fresh),
                percent(leader.score),
                points(leader.optimism, signed=True),
                f"{percent(leader.test)} (n = {leader.test_n})" if leader.test_n else NONE,
                points(leader.test_gap, signed=True),
            )
            for leader in found
        ),
        numeric=(3, 4, 5, 6, 7),
    )


def readings_table(snapshot: Snapshot) -> Table | None:
    """Every look at the test images."""
    if not snapshot.test_readings:
        return None
    scores = {(t.number, e.repeat): e.accuracy for t in snapshot.trials for e in t.executions}
    name = snapshot.definition.held_out_name
    rows = []
    for reading in snapshot.test_readings:
        score = scores.get((reading.trial, reading.repeat))
        gap = points(reading.accuracy - score, signed=True) if score is not None else NONE
        row = (
            str(reading.trial),
            str(reading.repeat),
            reading.when,
            f"{reading.images:,}",
            percent(reading.accuracy),
            gap,
        )
        rows.append(row)
    return Table(
        caption="Every look at the test images",
        columns=(
            "trial",
            "execution",
            "when (UTC)",
            "images",
            "test accuracy",
            f"test minus {name} accuracy",
        ),
        rows=tuple(rows),
        numeric=(3, 4, 5),
    )
