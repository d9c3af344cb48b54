"""Charts of the best trial's model: learning curves, confusion matrix, accuracy by class."""

from dataclasses import replace

import numpy as np

from lenet_tune.analysis.best_model import BestModel, ClassAccuracy, class_accuracies
from lenet_tune.analysis.curves import Overfit, TrialCurves, overfit, trial_curves
from lenet_tune.analysis.text import count, decimal, percent
from lenet_tune.records import Snapshot
from lenet_tune.report.chart import Chart, Table
from lenet_tune.report.plot import (
    Boxes,
    Line,
    Plot,
    Points,
    Scale,
    Words,
    linear_scale,
    list_scale,
    percent_scale,
    round_ticks,
    scaled,
    whole_scale,
)
from lenet_tune.report.safe import shorten
from lenet_tune.report.style import BLUE, INK, MUTED, VERMILLION

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
            plot=_fit_plot(curves, metric, held_out, turn),
            table=_fit_table(curves, metric, held_out) if metric == "accuracy" else None,
        )
        for metric, say in (("accuracy", percent), ("loss", decimal))
    )


def _fit_plot(curves: TrialCurves, metric: str, held_out: str, turn: Overfit | None) -> Plot:
    mean = curves.mean
    train, held = getattr(mean, f"train_{metric}"), getattr(mean, f"held_out_{metric}")
    if metric == "accuracy":
        y = percent_scale((*train, *held), "accuracy, %")
        train, held = scaled(train), scaled(held)
    else:
        y = linear_scale((*train, *held), "loss, regularisers included")
    marks = [
        Line(xs=mean.epochs, ys=train, colour=VERMILLION, dashed=True, label="train"),
        Line(xs=mean.epochs, ys=held, colour=BLUE, width=2.4, label=held_out),
    ]
    if len(mean.epochs) < 12:
        marks.append(Points(xs=mean.epochs, ys=train, colour=VERMILLION, shape="square", size=6))
        marks.append(Points(xs=mean.epochs, ys=held, colour=BLUE, size=7))
    if turn and turn.happened:
        label = f"lowest {held_out} loss"
        span = (y.low, y.high)
        marks.append(Line(xs=[turn.epoch] * 2, ys=span, colour=MUTED, width=1.2, dashed=True, label=label))
    x = whole_scale(0.7, mean.epochs[-1] + 0.3, "epoch")
    return Plot(x=x, y=y, marks=tuple(marks), size=(520, 260))


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
    """The confusion matrix as a heat map; None where there is none, or too many classes to print numbers."""
    if model.confusion is None or len(model.classes) > FEW_CLASSES:
        return None
    side = 46 * len(model.classes)
    return Chart(
        name="confusion",
        title=f"Confusion matrix, {count(int(model.confusion.sum()), f'{model.split} image')}",
        finding=f"{_worst(model)} Shades are parts of a true class.",
        plot=Plot(
            x=replace(list_scale(_names(model), tilt=True), low=-0.5, high=len(model.classes) - 0.5,
                      label="predicted class"),
            y=replace(list_scale(_names(model), down=True), low=len(model.classes) - 0.5, high=-0.5,
                      label="true class", grid=False),
            marks=_confusion_marks(model),
            size=(side + 118, 0.8 * side + 82),
            margins=(110, 8, 6, 76),
        ),
        table=_confusion_table(model),
    )  # fmt: skip


def _names(model: BestModel) -> list[str]:
    return [shorten(name, 12) for name in model.classes]


def _worst(model: BestModel) -> str:
    pairs = _pairs(model)
    if not pairs:
        return "No image was labelled wrong."
    true, predicted, images, total = pairs[0]
    return f"Most often confused: {true} taken for {predicted} ({images} of {total} images)."


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


def confusions_table(model: BestModel) -> Table | None:
    """The commonest confusions, where there are too many classes for a heat map."""
    if model.confusion is None or len(model.classes) <= FEW_CLASSES:
        return None
    return Table(
        caption=f"The {PAIRS} commonest confusions",
        columns=("true class", "taken for", "images", "of"),
        rows=tuple(_pairs(model)),
        numeric=(2, 3),
    )


def _confusion_table(model: BestModel) -> Table:
    rows = zip(model.classes, model.confusion, strict=True)
    return Table(
        caption="Images by true class (rows) and predicted class (columns)",
        columns=("true class", *model.classes),
        rows=tuple((name, *(f"{n:,}" for n in row)) for name, row in rows),
        numeric=tuple(range(1, len(model.classes) + 1)),
    )


def _confusion_marks(model: BestModel) -> tuple[Boxes, Words]:
    parts = model.confusion / np.maximum(model.confusion.sum(axis=1, keepdims=True), 1)  # of the true class
    cells = list(np.ndindex(parts.shape))
    return (
        Boxes(
            corners=[(j - 0.5, i - 0.5, j + 0.5, i + 0.5) for i, j in cells],
            colours=[_shade(parts[cell]) for cell in cells],
        ),
        Words(
            xs=[j for _, j in cells],
            ys=[i for i, _ in cells],
            texts=[str(model.confusion[cell]) for cell in cells],
            colours=["#ffffff" if parts[cell] > 0.62 else "#000000" for cell in cells],
        ),
    )


def _shade(part: float) -> str:
    # From nearly white to a blue dark enough for white numbers.
    light, dark = (244, 247, 250), (8, 72, 122)
    return "#" + "".join(f"{round(a + (b - a) * part**0.8):02x}" for a, b in zip(light, dark, strict=True))


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
        plot=_classes_plot(drawn),
        table=_classes_table(order),
    )


def _classes_plot(order: list[ClassAccuracy]) -> Plot:
    widths = scaled(c.accuracy for c in order)
    high = min(100.0, max(widths) * 1.16 + 1)
    places = range(len(order))
    return Plot(
        x=Scale(low=0, high=high, ticks=_ticks(high), label="accuracy, %"),
        y=replace(list_scale([shorten(c.name, 13) for c in order], down=True), grid=False),
        marks=(
            Boxes(
                corners=[(0, i - 0.33, width, i + 0.33) for i, width in enumerate(widths)],
                colours=[BLUE] * len(order),
            ),
            Words(
                xs=[width + 0.012 * high for width in widths], ys=places,
                texts=[f"{width:.1f}" for width in widths], colours=[INK] * len(order), anchor="start",
            ),
        ),
        size=(480, 60 + 27 * len(order)),
        margins=(100, 34, 6, 42),
    )  # fmt: skip


def _ticks(high: float) -> tuple[tuple[float, str], ...]:
    return tuple((tick, f"{tick:g}") for tick in round_ticks(0, high, 6))


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
