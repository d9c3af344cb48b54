"""Charts of the best trial's model: learning curves, confusion matrix, accuracy by class."""

import altair as alt
import numpy as np

from lenet_tune.analysis.best_model import BestModel, ClassAccuracy, class_accuracies
from lenet_tune.analysis.curves import Overfit, TrialCurves, overfit, trial_curves
from lenet_tune.analysis.text import count, decimal, percent
from lenet_tune.records import Snapshot
from lenet_tune.report.chart import Chart, Table
from lenet_tune.report.draw import (
    Row,
    distinct,
    domain,
    inline,
    layered,
    number,
    per_cent,
    percent_y,
    series,
    spec,
    tip,
    whole_x,
)
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
            spec=spec(_fit_layers(curves, metric, held_out, turn)),
            shared={},
            table=_fit_table(curves, metric, held_out) if metric == "accuracy" else None,
        )
        for metric, say in (("accuracy", percent), ("loss", decimal))
    )


def _fit_layers(curves: TrialCurves, metric: str, held_out: str, turn: Overfit | None) -> alt.LayerChart:
    mean = curves.mean
    found = {"train": getattr(mean, f"train_{metric}"), held_out: getattr(mean, f"held_out_{metric}")}
    say = per_cent if metric == "accuracy" else number
    rows: list[Row] = [
        {"part": part, "epoch": epoch, "value": say(value)}
        for part, values in found.items()
        for epoch, value in zip(mean.epochs, values, strict=True)
    ]
    if metric == "accuracy":
        y = percent_y("value", "accuracy, %", domain(v for values in found.values() for v in values))
    else:
        y = alt.Y("value:Q", title="loss, regularisers included", scale={"zero": False})
    colour, dash = series("part", {held_out: BLUE, "train": VERMILLION})
    lines = alt.Chart(inline(rows)).mark_line(point=len(mean.epochs) < 12, strokeWidth=2.2).encode(
        x=whole_x("epoch", "epoch", 0.7, mean.epochs[-1] + 0.3), y=y, color=colour, strokeDash=dash,
        tooltip=tip(("part:N", "images"), ("epoch:Q", "epoch"), ("value:Q", metric)))  # fmt: skip
    layers = [lines]
    if turn and turn.happened:
        at = alt.Chart(inline([{"epoch": turn.epoch, "text": f"lowest {held_out} loss"}]))
        at = at.encode(x=alt.X("epoch:Q"))
        layers.append(at.mark_rule(color=MUTED, strokeDash=[4, 4]))
        if metric == "loss":
            words = at.mark_text(color=MUTED, align="left", dx=4, dy=8, baseline="top", fontSize=11)
            layers.append(words.encode(text="text:N", y=alt.YValue(0)))
    return layered(*layers, width=440, height=200)


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
    return Chart(
        name="confusion",
        title=f"Confusion matrix, {count(int(model.confusion.sum()), f'{model.split} image')}",
        finding=f"{_worst(model)} Shades are parts of a true class.",
        spec=spec(_confusion_layers(model)),
        shared={},
        table=_confusion_table(model),
    )


def _confusion_layers(model: BestModel) -> alt.LayerChart:
    parts = model.confusion / np.maximum(model.confusion.sum(axis=1, keepdims=True), 1)  # of the true class
    names = distinct(model.classes, 12)
    rows: list[Row] = [
        {"true": names[i], "predicted": names[j], "images": int(model.confusion[i, j]),
         "part": per_cent(float(parts[i, j]))}
        for i, j in np.ndindex(parts.shape)
    ]  # fmt: skip
    x = alt.X("predicted:N", title="predicted class", sort=None, scale={"domain": names},
              axis={"labelAngle": -40})  # fmt: skip
    y = alt.Y("true:N", title="true class", sort=None, scale={"domain": names})
    base = alt.Chart(inline(rows)).encode(x=x, y=y)
    scale = {"domain": [0, 100], "range": ["#f4f7fa", "#08487a"], "interpolate": "lab"}
    cells = base.mark_rect().encode(
        color=alt.Color("part:Q", scale=scale, legend=None),
        tooltip=tip(("true:N", "true"), ("predicted:N", "predicted"), ("images:Q", "images"),
                    ("part:Q", "% of the true class")))  # fmt: skip
    words = base.mark_text(fontSize=11).encode(
        text="images:Q", color=alt.condition("datum.part > 50", alt.value("#ffffff"), alt.value("#000000"))
    )
    return layered(cells, words, width=44 * len(names), height=34 * len(names))


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
        spec=spec(_classes_layers(drawn)),
        shared={},
        table=_classes_table(order),
    )


def _classes_layers(order: list[ClassAccuracy]) -> alt.LayerChart:
    rows: list[Row] = [
        {"label": label, "accuracy": per_cent(c.accuracy), "n": c.n}
        for label, c in zip(distinct([c.name for c in order], 16), order, strict=True)
    ]
    y = alt.Y("label:N", title=None, sort=None)
    high = min(105.0, 1.12 * max(row["accuracy"] for row in rows) + 1)
    scale = {"domain": [0, round(high, 2)], "nice": False}
    base = alt.Chart(inline(rows)).encode(y=y, x=alt.X("accuracy:Q", title="accuracy, %", scale=scale))
    bars = base.mark_bar(color=BLUE, height={"band": 0.66}).encode(
        tooltip=tip(("label:N", "class"), ("accuracy:Q", "accuracy, %"), ("n:Q", "images"))
    )
    words = base.mark_text(align="left", dx=4, color=INK, fontSize=11).encode(
        text=alt.Text("accuracy:Q", format=".1f")
    )
    return layered(bars, words, width=380, height=24 * len(rows))


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
