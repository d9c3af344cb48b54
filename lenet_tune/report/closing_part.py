"""The part of the reproduction page on the searches that answer the report's closing question."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lenet_tune import analysis
from lenet_tune.analysis.ablation import METHOD, Ablated, ablated, ablation_words
from lenet_tune.analysis.closing import answering, fresh_words, heights, together
from lenet_tune.analysis.importance import Importance
from lenet_tune.analysis.ranking import epochs_done
from lenet_tune.analysis.text import count, duration, percent
from lenet_tune.records import Snapshot
from lenet_tune.report.chart import Table
from lenet_tune.report.charts_ablation import ablation_chart
from lenet_tune.report.charts_insight import importance_chart
from lenet_tune.report.content import best_table, provenance_table
from lenet_tune.report.content_model import leaders_table, readings_table
from lenet_tune.report.live import Drawing
from lenet_tune.report.page import all_drawn


@dataclass(frozen=True, kw_only=True)
class ClosingSearch:
    """A search that answers the closing question.

    Args:
        panels: a chart of the knobs that made the difference; none where too few trials have finished.
        matters: what to know about it, sentences.
    """

    title: str
    name: str
    sentence: str
    best: Table | None
    leaders: Table | None
    readings: Table | None
    panels: tuple[Drawing, ...]
    matters: tuple[str, ...]
    proof: Table


def closing_searches(searches: Sequence[Snapshot]) -> tuple[ClosingSearch, ...]:
    """The searches, each as the page shows it: the one that answers first."""
    answer = answering(searches)
    return tuple(_closing(snapshot) for snapshot in sorted(searches, key=lambda s: s is not answer))


@dataclass(frozen=True, kw_only=True)
class ClosingKnobs:
    """The knobs that made the difference, by one kind of evidence."""

    sentence: str
    panels: tuple[Drawing, ...]
    matters: tuple[str, ...]


def closing_apart(studies: Sequence[Snapshot]) -> tuple[ClosingKnobs, ...]:
    """What ablations of the best setting say, those that have begun."""
    found = [(snapshot, apart) for snapshot in studies if (apart := ablated(snapshot))]
    return tuple(_apart(snapshot, apart) for snapshot, apart in found)


def _apart(snapshot: Snapshot, apart: Ablated) -> ClosingKnobs:
    chart, d = ablation_chart(apart), snapshot.definition
    epochs = count(epochs_done(apart.whole), "epoch")
    protocol = (
        f"{epochs} on {d.train_size:,} images, accuracy on {d.held_out_size:,} {d.held_out_name} images."
    )
    return ClosingKnobs(
        sentence=ablation_words(apart),
        panels=all_drawn([replace(chart, name=f"ablation-{d.name}")] if chart else []),
        matters=(protocol, METHOD),
    )


def closing_knobs(searches: Sequence[Snapshot]) -> ClosingKnobs | None:
    """What the searches that trained alike say together; None where no two did, or too few trials ended."""
    whole = together(searches)
    if whole is None:
        return None
    found = analysis.importance(whole)
    panels = _panels(found, "together")
    if not panels:
        return None
    epochs = count(epochs_done(whole.best), "epoch")
    return ClosingKnobs(
        sentence=f"{found.trials} finished trials of the searches with {epochs} on "
        f"{whole.definition.train_size:,} images, taken together.",
        panels=panels,
        matters=_matters(found),
    )


def _panels(found: Importance, name: str) -> tuple[Drawing, ...]:
    chart = importance_chart(found)
    return all_drawn([replace(chart, name=f"importance-{name}")] if chart else [])


def _matters(found: Importance) -> tuple[str, ...]:
    return tuple(words for words in (found.weak, found.note) if words)


def closing_table(searches: Sequence[Snapshot]) -> Table | None:
    """How high each of several searches got."""
    if len(searches) < 2:
        return None
    return Table(
        caption="The searches, in the order in which they began",
        columns=(
            "study",
            "trials",
            "training images",
            "epochs of the best",
            "in the search",
            "fresh seeds, 95 % interval",
            "test images",
            "training time",
        ),
        rows=tuple(
            (
                height.name,
                f"{height.trials:,}",
                f"{height.images:,}",
                str(height.epochs),
                percent(height.score),
                fresh_words(height),
                percent(height.test.mean if height.test else None),
                duration(height.seconds),
            )
            for height in heights(searches)
        ),
        numeric=(1, 2, 3, 4, 6, 7),
    )


def _closing(snapshot: Snapshot) -> ClosingSearch:
    name = snapshot.definition.name
    found = analysis.importance(snapshot)
    return ClosingSearch(
        title=snapshot.definition.title,
        name=name,
        sentence=analysis.summary(snapshot),
        best=best_table(snapshot),
        leaders=leaders_table(snapshot),
        readings=readings_table(snapshot),
        panels=_panels(found, name),
        matters=_matters(found),
        proof=provenance_table(snapshot),
    )
