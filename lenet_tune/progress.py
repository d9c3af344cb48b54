"""What a running search tells on stderr: a line a trial, and on a terminal a live line below them."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from statistics import fmean

from rich.console import Console
from rich.live import Live
from rich.text import Text

from lenet_tune.engines.base import EpochResult, Execution, GroupEpoch
from lenet_tune.records import Ending, Snapshot

_quiet: ContextVar[bool] = ContextVar("quiet", default=False)


@contextmanager
def quiet() -> Iterator[None]:
    """Nothing is said inside."""
    token = _quiet.set(True)
    try:
        yield
    finally:
        _quiet.reset(token)


class Progress:
    """A `loop.Watcher` that prints.

    Args:
        snapshot: the study as it starts or goes on.
        images: training images an epoch.
    """

    def __init__(self, snapshot: Snapshot, images: int) -> None:
        self._console = Console(stderr=True, highlight=False, soft_wrap=True, quiet=_quiet.get())
        self._live = Live(console=self._console, refresh_per_second=4, transient=True)
        self._images = images
        self._seeds = snapshot.definition.seeds
        self._planned = snapshot.planned
        self._held_out = snapshot.definition.held_out_name
        self._ended = snapshot.ended
        self._labels = {t.number: t.label for t in snapshot.trials}
        self._scores = {t.number: t.score for t in snapshot.ranked if t.score is not None}
        self._finals: dict[int, list[float | None]] = {
            t.number: [e.accuracy for e in t.searched if e.outcome] for t in snapshot.trials
        }
        self._ended_before = sum(e.outcome is not None for t in snapshot.trials for e in t.searched)
        self._started = self._last = time.monotonic()
        self._epochs_trained = 0
        self._epochs_of: dict[tuple[int, int], int] = {}
        self._owed: dict[tuple[int, int], int] = {}
        self._rate = 0.0

    def __enter__(self) -> "Progress":
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._live.stop()

    def group(self, executions: Sequence[Execution]) -> None:
        """A group starts to train."""
        self._labels.update({e.trial: e.label for e in executions})
        self._epochs_of.update({e.id: e.train.epochs for e in executions})
        self._owed.update({e.id: e.train.epochs - e.first_epoch + 1 for e in executions})
        self._last = time.monotonic()
        self._show(f"{len(executions)} in training, first epoch")

    def epoch(self, epoch: GroupEpoch) -> None:
        """A group has trained an epoch."""
        now = time.monotonic()
        count = len(epoch.results)
        self._epochs_trained += count
        self._rate = self._images * count / max(now - self._last - epoch.compile_seconds, 1e-9)
        self._last = now
        self._owed.update({r.id: self._epochs_of[r.id] - r.epoch for r in epoch.results})
        first = epoch.results[0]
        self._show(f"{count} in training, epoch {first.epoch}/{self._epochs_of[first.id]}")

    def ended(self, ending: Ending, result: EpochResult | None) -> None:
        """An execution has ended: say so when it was its trial's last."""
        self._owed[ending.trial, ending.repeat] = 0
        if ending.repeat >= self._seeds:
            self._confirmed(ending, result)
            return
        finals = self._finals.setdefault(ending.trial, [])
        done = result if ending.outcome == "done" else None
        finals.append(None if done is None else done.held_out_accuracy)
        if len(finals) < self._seeds:
            return
        self._ended += 1
        total = "" if self._planned is None else f"/{self._planned}"
        label = self._labels.get(ending.trial, "")
        head = f"[{self._ended}{total}] trial {ending.trial}: "
        if ending.outcome == "stopped":
            text = f"stopped early, below the median after epoch {ending.stop_epoch}  {label}"
        elif None in finals:
            text = f"{ending.outcome} ({ending.error})  {label}"
        else:
            self._scores[ending.trial] = fmean(final for final in finals if final is not None)
            seeds = f" (mean of {len(finals)} seeds)" if len(finals) > 1 else ""
            text = f"{self._held_out} accuracy {self._scores[ending.trial]:.4f}{seeds}  {label}"
        self._console.print(Text(head + text))

    def parted(self, executions: Sequence[Execution], reason: str) -> None:
        """A group cannot go on together."""
        self._console.print(Text(parted_words(len(executions), reason)))

    def _confirmed(self, ending: Ending, result: EpochResult | None) -> None:
        found = f"{self._held_out} accuracy {result.held_out_accuracy:.4f}" if result else ending.outcome
        self._console.print(
            Text(f"[confirming] trial {ending.trial}, fresh seed {ending.repeat - self._seeds + 1}: {found}")
        )

    def _show(self, doing: str) -> None:
        if not self._console.is_terminal:
            return
        parts = [f"{self._ended}{f'/{self._planned}' if self._planned else ''} trials done", doing]
        if self._rate:
            parts.append(f"{self._rate:,.0f} images/s")
        if self._scores:
            best = max(self._scores, key=self._scores.__getitem__)
            parts.append(f"best {self._scores[best]:.4f} (trial {best})")
        if (left := self._seconds_left()) is not None:
            parts.append(f"about {duration(left)} to go")
        self._live.update(Text("  ".join(parts), style="cyan"))

    def _seconds_left(self) -> float | None:
        if self._planned is None or not self._epochs_trained:
            return None
        # Trials not yet proposed are taken to be as long as those seen; ended ones owe nothing.
        unseen = self._planned * self._seeds - self._ended_before - len(self._epochs_of)
        owed = sum(self._owed.values()) + max(0, unseen) * fmean(self._epochs_of.values())
        return owed * (time.monotonic() - self._started) / self._epochs_trained


def parted_words(count: int, reason: str) -> str:
    """What is said of a group that cannot go on together."""
    return f"A group of {count} failed and trains on one by one, which takes longer: {reason}"


def say(text: str) -> None:
    """A line on stderr."""
    if _quiet.get():
        return
    print(text, file=sys.stderr, flush=True)


def duration(seconds: float) -> str:
    """Seconds as people say them: "45 s", "12 min", "2 h 5 min"."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"
