"""Charts of the best trial's model: learning curves, confusion matrix, accuracy by class."""

import math
from functools import partial

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes

from lenet_tune.analysis.best_model import BestModel, ClassAccuracy, class_accuracies
from lenet_tune.analysis.curves import Overfit, TrialCurves, overfit, trial_curves
from lenet_tune.analysis.text import count, decimal, percent
from lenet_tune.records import Snapshot
from lenet_tune.report.axes import finite, percent_axis, percent_limits, scaled, whole_axis
from lenet_tune.report.chart import Chart, Table
from lenet_tune.report.safe import shorten
from lenet_tune.report.style import BLUE, MUTED, VERMILLION

FEW_CLASSES = 20  # up to which a confusion matrix has numbers and names
PAIRS = 30


def fit_charts(snapshot: Snapshot) -> tuple[Chart, ...]:
    """Accuracy and loss of the best trial by epoch, train against held-out."""
    if snapshot.best is None:
        return ()
    curves, held_out = trial_curves(snapshot.best), snapshot.definition.held_out_name
    mean, turn = curves.mean, overfit(curves.mean)
    turned = (
        f"The lowest {held_out} loss came after epoch {turn.epoch} of {turn.last}"
        if turn
        else "No finite held-out loss"
    )
    return tuple(
        Chart(
            name=f"best-{metric}",
            title=f"Best trial ({curves.number}): {metric} by epoch",
            finding=(
                f"After epoch {mean.epochs[-1]}: train {say(getattr(mean, f'train_{metric}')[-1])}, "
                f"{held_out} {say(getattr(mean, f'held_out_{metric}')[-1])} "
                f"({count(len(curves.seeds), 'seed')}). {turned}."
            ),
            draw=partial(_draw_fit, curves, metric, held_out, turn),
            size=(6.6, 3.4),
            table=_fit_table(curves, metric, held_out) if metric == "accuracy" else None,
        )
        for metric, say in (("accuracy", percent), ("loss", decimal))
    )


def _draw_fit(curves: TrialCurves, metric: str, held_out: str, turn: Overfit | None, ax: Axes) -> None:
    mean = curves.mean
    to_axis = scaled if metric == "accuracy" else finite
    train, held = to_axis(getattr(mean, f"train_{metric}")), to_axis(getattr(mean, f"held_out_{metric}"))
    few = len(mean.epochs) < 12
    ax.plot(mean.epochs, train, "--s" if few else "--", color=VERMILLION, label="train", markersize=4)
    ax.plot(mean.epochs, held, "-o" if few else "-", color=BLUE, lw=2.2, label=held_out)
    if turn and turn.happened:
        ax.axvline(turn.epoch, color=MUTED, lw=1.2, ls=":", label=f"lowest {held_out} loss")
    if metric == "accuracy":
        values = (*mean.train_accuracy, *mean.held_out_accuracy)
        percent_axis(ax, "y", percent_limits(values), "accuracy, %")
    else:
        ax.set_ylabel("loss, regularisers included")
        ax.locator_params(axis="y", nbins=5)
    whole_axis(ax, 0.7, mean.epochs[-1] + 0.3, "epoch")
    ax.legend(loc="best")


def _fit_table(curves: TrialCurves, metric: str, held_out: str) -> Table:
    m = curves.mean
    columns = zip(m.epochs, m.train_accuracy, m.held_out_accuracy, m.train_loss, m.held_out_loss, strict=True)
    return Table(
        caption=f"Trial {curves.number} after each epoch, mean over {count(len(curves.seeds), 'seed')}",
        columns=("epoch", "train accuracy", f"{held_out} accuracy", "train loss", f"{held_out} loss"),
        rows=tuple((str(e), percent(a), percent(b), decimal(c), decimal(d)) for e, a, b, c, d in columns),
        numeric=(1, 2, 3, 4),
    )


def confusion_chart(model: BestModel) -> Chart | None:
    """The confusion matrix as a heat map; None where there is none."""
    if model.confusion is None:
        return None
    side = 1.2 + 0.52 * len(model.classes) if len(model.classes) <= FEW_CLASSES else 7.0
    named = len(model.classes) <= FEW_CLASSES
    pairs = _pairs(model)
    finding = (
        f"Most often confused: {pairs[0][0]} taken for {pairs[0][1]} ({pairs[0][2]} of {pairs[0][3]} images)."
        if pairs
        else "No image was labelled wrong."
    )
    return Chart(
        name="confusion",
        title=f"Confusion matrix, {count(int(model.confusion.sum()), f'{model.split} image')}",
        finding=finding,
        draw=partial(_draw_confusion, model, named),
        size=(side, side - 0.2),
        margins=(1.05, 0.1, 0.95, 0.1) if named else (0.6, 0.1, 0.6, 0.1),
        table=_confusion_table(model, named, pairs),
    )


def _pairs(model: BestModel) -> list[tuple[str, str, str, str]]:
    wrong = model.confusion.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:PAIRS]
    places = [divmod(int(i), len(wrong)) for i in order]
    return [
        (model.classes[i], model.classes[j], f"{wrong[i, j]:,}", f"{model.confusion[i].sum():,}")
        for i, j in places
        if wrong[i, j]
    ]


def _confusion_table(model: BestModel, named: bool, pairs: list[tuple[str, str, str, str]]) -> Table:
    if not named:
        return Table(
            caption=f"The {len(pairs)} commonest confusions",
            columns=("true class", "taken for", "images", "of"),
            rows=tuple(pairs),
            numeric=(2, 3),
        )
    rows = zip(model.classes, model.confusion, strict=True)
    return Table(
        caption="Images by true class (rows) and predicted class (columns)",
        columns=("true class", *model.classes),
        rows=tuple((name, *(f"{n:,}" for n in row)) for name, row in rows),
        numeric=tuple(range(1, len(model.classes) + 1)),
    )


def _draw_confusion(model: BestModel, named: bool, ax: Axes) -> None:
    totals = np.maximum(model.confusion.sum(axis=1, keepdims=True), 1)
    parts = model.confusion / totals  # (classes, classes) of the true class
    size = len(parts)
    ax.grid(visible=False)
    ax.set_xlabel("predicted class")
    ax.set_ylabel("true class")
    if not named:
        ax.imshow(parts, cmap="cividis", vmin=0, vmax=1, interpolation="nearest")
        return
    ax.pcolormesh(parts, cmap="cividis", vmin=0, vmax=1, edgecolors="none")
    for i, j in np.ndindex(size, size):
        colour = "#000000" if _is_light(parts[i, j]) else "#ffffff"
        ax.text(j + 0.5, i + 0.5, str(model.confusion[i, j]), ha="center", va="center", color=colour,
                fontsize=10)  # fmt: skip
    names = [shorten(name, 12) for name in model.classes]
    middles = np.arange(size) + 0.5
    ax.set_xticks(middles, names, rotation=40, ha="right")
    ax.set_yticks(middles, names)
    ax.set_xlim(0, size)
    ax.set_ylim(size, 0)


def _is_light(part: float) -> bool:
    red, green, blue, _ = colormaps["cividis"](part)
    return 0.299 * red + 0.587 * green + 0.114 * blue > 0.5


def classes_chart(model: BestModel) -> Chart | None:
    """Accuracy of each class, best first; None without a confusion matrix."""
    found = [c for c in class_accuracies(model) if c.accuracy is not None]
    if not found:
        return None
    order = sorted(found, key=lambda c: (-c.accuracy, c.name))
    drawn = order if len(order) <= FEW_CLASSES else [*order[:10], *order[-10:]]
    cut = "" if len(drawn) == len(order) else ", the ten best and ten worst"
    return Chart(
        name="classes",
        title=f"Accuracy by class{cut}",
        finding=(
            f"From {order[-1].name} with {percent(order[-1].accuracy, 1)} (n = {order[-1].n:,}) "
            f"to {order[0].name} with {percent(order[0].accuracy, 1)} (n = {order[0].n:,})."
        ),
        draw=partial(_draw_classes, drawn),
        size=(5.6, 0.75 + 0.34 * len(drawn)),
        margins=(1.15, 0.55, 0.55, 0.1),
        table=_classes_table(order),
    )


def _draw_classes(order: list[ClassAccuracy], ax: Axes) -> None:
    places = range(len(order))
    ax.barh(places, scaled(c.accuracy for c in order), color=BLUE, height=0.66)
    for place, c in zip(places, order, strict=True):
        ax.text(100 * c.accuracy + 1.2, place, f"{100 * c.accuracy:.1f}", va="center", fontsize=11)
    ax.set_yticks(places, [shorten(c.name, 13) for c in order])
    ax.set_ylim(len(order) - 0.4, -0.6)
    ax.grid(visible=False, axis="y")
    high = max(c.accuracy for c in order)
    percent_axis(ax, "x", (0, math.ceil(10 * high) * 10 or 10), "accuracy, %")


def _classes_table(order: list[ClassAccuracy]) -> Table:
    return Table(
        caption="Accuracy by class",
        columns=("class", "accuracy", "right", "images", "most often taken for"),
        rows=tuple(
            (c.name, percent(c.accuracy, 1), f"{c.right:,}", f"{c.n:,}",
             f"{c.taken_for} ({c.taken_count:,})" if c.taken_for else "nothing else")
            for c in order
        ),
        numeric=(1, 2, 3),
    )  # fmt: skip
