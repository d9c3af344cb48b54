"""Charts of several studies side by side: best so far by trials and by time, scores, paired differences."""

import altair as alt

from lenet_tune.analysis.compare import StudyComparison
from lenet_tune.analysis.paired import PairedStudies
from lenet_tune.analysis.text import count, duration, percent
from lenet_tune.report.chart import Chart, Table
from lenet_tune.report.draw import (
    Row,
    domain,
    inline,
    layered,
    number,
    per_cent,
    percent_x,
    percent_y,
    series,
    spec,
    text,
    tip,
    whole_x,
)
from lenet_tune.report.safe import shorten
from lenet_tune.report.style import BLUE, GREY, MUTED, SERIES


def comparison_charts(found: StudyComparison) -> tuple[Chart, ...]:
    """Best so far by trials and by seconds, and the spread of scores; empty without a score."""
    if not any(score is not None for steps in found.steps for score in steps.best):
        return ()
    return (_by_trials(found), _by_seconds(found), _distribution(found))


def _palette(found: StudyComparison) -> dict[str, str]:
    return {text(s.name): SERIES[i % len(SERIES)] for i, s in enumerate(found.studies)}


def _lines(found: StudyComparison, rows: list[dict], x: alt.X, y: alt.Y, told: list) -> alt.Chart:
    colour, dash = series("study", _palette(found))
    lines = alt.Chart(inline(rows)).mark_line(interpolate="step-after", strokeWidth=2.2)
    return lines.encode(x=x, y=y, color=colour, strokeDash=dash, tooltip=told)


def _steps(found: StudyComparison) -> list[dict]:
    return [
        {"study": text(s.study), "trial": n, "seconds": number(seconds), "best": per_cent(best)}
        for s in found.steps
        for n, seconds, best in zip(s.trials, s.seconds, s.best, strict=True)
        if best is not None
    ]


def _y(found: StudyComparison) -> alt.Y:
    limits = domain(score for steps in found.steps for score in steps.best)
    return percent_y("best", f"best {found.held_out_name} accuracy, %", limits)


def _by_trials(found: StudyComparison) -> Chart:
    last = max(max(steps.trials, default=0) for steps in found.steps)
    told = tip(("study:N", "study"), ("trial:Q", "trials"), ("best:Q", "best, %"))
    lines = _lines(found, _steps(found), whole_x("trial", "trials", 0, last + 0.5), _y(found), told)
    at = "; ".join(f"{s.name} {percent(s.at_trials)}" for s in found.studies)
    return Chart(
        name="best-by-trials",
        title="Best so far by trials",
        finding=f"After {count(found.trials, 'trial')}, which all have behind them: {at}.",
        spec=spec(_with_rule(lines, "trial", found.trials)),
        shared={},
    )


def _by_seconds(found: StudyComparison) -> Chart:
    x = alt.X("seconds:Q", title="training time, seconds", axis={"tickCount": 7, "format": "~s"})
    told = tip(("study:N", "study"), ("seconds:Q", "seconds"), ("best:Q", "best, %"))
    lines = _lines(found, _steps(found), x, _y(found), told)
    at = "; ".join(f"{s.name} {percent(s.at_seconds)}" for s in found.studies)
    return Chart(
        name="best-by-seconds",
        title="Best so far by training time",
        finding=f"After {duration(found.seconds)}, which all have behind them: {at}.",
        spec=spec(_with_rule(lines, "seconds", found.seconds)),
        shared={},
    )


def _with_rule(lines: alt.Chart, field: str, at: float) -> alt.LayerChart:
    rule = alt.Chart(inline([{field: number(at)}])).mark_rule(color=MUTED, strokeDash=[4, 4])
    return layered(lines, rule.encode(x=alt.X(f"{field}:Q")), width=460, height=210)


def _distribution(found: StudyComparison) -> Chart:
    rows: list[Row] = [
        {"study": text(e.study), "score": per_cent(score), "share": per_cent(share)}
        for e in found.ecdfs
        for score, share in zip(e.scores, e.shares, strict=True)
    ]
    limits = domain(row["score"] / 100 for row in rows)
    told = tip(("study:N", "study"), ("score:Q", "score, %"), ("share:Q", "% of the trials at or below"))
    x = percent_x("score", f"{found.held_out_name} accuracy, %", limits)
    y = alt.Y("share:Q", title="trials at or below, %", scale={"domain": [0, 100]})
    medians = "; ".join(f"{s.name} {percent(s.median)}" for s in found.studies)
    return Chart(
        name="scores",
        title="How trials are spread over scores",
        finding=f"Medians of the scores: {medians}. Trials without a score lie below all.",
        spec=spec(_lines(found, rows, x, y, told).properties(width=460, height=210)),
        shared={},
    )


def paired_chart(place: int, found: PairedStudies) -> Chart:
    """Each common setting in both studies: differences beside their mean."""
    rows: list[Row] = [
        {"setting": f"{shorten(p.label, 34)} ({p.first_trial}, {p.second_trial})", "n": p.n,
         "difference": per_cent(p.difference)}
        for p in found.settings
    ]  # fmt: skip
    base = alt.Chart(inline(rows)).encode(y=alt.Y("setting:N", title=None, sort=None))
    x = alt.X("difference:Q", title=f"{text(found.second)} minus {text(found.first)}, points")
    told = tip(("setting:N", "setting"), ("difference:Q", "points"), ("n:Q", "seeds"))
    zero = alt.Chart(inline([{"at": 0}])).mark_rule(color=MUTED).encode(x="at:Q")
    mean = alt.Chart(inline([{"mean": per_cent(found.sample.mean)}])).mark_rule(color=BLUE, strokeDash=[6, 4])
    layers = (
        zero,
        base.mark_bar(color=GREY, height=3).encode(x=x),
        base.mark_point(filled=True, size=60, color=BLUE).encode(x="difference:Q", tooltip=told),
        mean.encode(x="mean:Q"),
    )
    return Chart(
        name=f"paired-{place}",
        title=f"{found.first} and {found.second} on equal settings and seeds",
        finding=found.words,
        spec=spec(layered(*layers, width=380, height=max(40, 20 * len(rows)))),
        shared={},
        table=_paired_table(found),
    )


def _paired_table(found: PairedStudies) -> Table:
    return Table(
        caption="Settings that both trained, trial numbers in brackets",
        columns=("setting", found.first, found.second, "difference, points", "common seeds"),
        rows=tuple(
            (f"{shorten(p.label, 60)} ({p.first_trial}, {p.second_trial})", percent(p.first),
             percent(p.second), f"{100 * p.difference:+.2f}", str(p.n))
            for p in found.settings
        ),
        numeric=(1, 2, 3, 4),
    )  # fmt: skip
