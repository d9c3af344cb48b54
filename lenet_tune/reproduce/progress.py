"""What a running reproduction tells on stderr: a line a group and a line an execution."""

import time
from collections.abc import Sequence

from lenet_tune.engines.base import EpochResult, Execution, GroupEpoch
from lenet_tune.progress import duration, parted_words, say
from lenet_tune.records import Ending


class Lines:
    """A `loop.Watcher` that counts executions.

    Args:
        total: executions to train in this sitting.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._ended = 0
        self._labels: dict[int, str] = {}
        self._started = time.monotonic()

    def __enter__(self) -> "Lines":
        return self

    def __exit__(self, *exc: object) -> None:
        pass

    def group(self, executions: Sequence[Execution]) -> None:
        """A group starts to train."""
        self._labels.update({e.trial: e.label for e in executions})
        seeds = sorted({e.repeat for e in executions})
        left = ""
        if self._ended:
            seconds = (time.monotonic() - self._started) * (self._total - self._ended) / self._ended
            left = f", about {duration(seconds)} to go"
        say(f"group of {len(executions)}, seed {', '.join(map(str, seeds))}{left}")

    def epoch(self, epoch: GroupEpoch) -> None:
        """A group has trained an epoch."""

    def ended(self, ending: Ending, result: EpochResult | None) -> None:
        """An execution has ended."""
        self._ended += 1
        found = (
            f"test accuracy {result.held_out_accuracy:.4f}"
            if ending.outcome == "done" and result is not None
            else ending.outcome
        )
        say(f"[{self._ended}/{self._total}] {found}  seed {ending.repeat}  {self._labels[ending.trial]}")

    def parted(self, executions: Sequence[Execution], reason: str) -> None:
        """A group cannot go on together."""
        say(parted_words(len(executions), reason))
