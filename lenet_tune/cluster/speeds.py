"""How fast workers are, and whether a group had better change its worker."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from lenet_tune.engines.base import Execution
from lenet_tune.estimate import training_flops

UNKNOWN_COMPILE = 30.0
"""Seconds that a program is taken to need before its first step, until one was seen to be built."""

WORTH_MOVING = 5.0
"""Seconds that a slower worker must have left at least."""

FACTOR = 2.0
"""Times as long as elsewhere that it must need at least."""


@dataclass(eq=False)
class Speeds:
    """What was measured of each worker: work a second, in the units of `work`, averaged over late epochs."""

    rates: dict[Any, float] = field(default_factory=dict)
    compile_seconds: float | None = None

    def learn(self, worker: Any, done: float, seconds: float, compile_seconds: float) -> None:
        """A worker did so much work in `seconds`, those for compilation not counted."""
        rate = done / max(seconds, 1e-6)
        self.rates[worker] = (self.rates.get(worker, rate) + rate) / 2
        self.compile_seconds = max(self.compile_seconds or 0.0, compile_seconds)

    def needed(self, worker: Any, job_work: float, epochs: int) -> float | None:
        """Seconds that a worker would need to begin with a group now; None where nothing is known."""
        if not self.rates:
            return None
        rate = self.rates.get(worker) or median(self.rates.values())
        first = UNKNOWN_COMPILE if self.compile_seconds is None else self.compile_seconds
        return first + epochs * job_work / rate

    def left(self, worker: Any, job_work: float, epochs: int, elapsed: float) -> float:
        """Seconds that a worker still needs for its group, `elapsed` into the first of `epochs`."""
        rate = self.rates.get(worker)
        pace = 0.0 if rate is None else job_work / rate
        # One that is late already is taken to be half way.
        return epochs * (pace if elapsed <= pace else 2 * elapsed) - elapsed


def is_worth_moving(there: float, here: float | None) -> bool:
    """Whether a group changes the worker: it has so many seconds left there, and would need so many here."""
    return here is not None and there > WORTH_MOVING and there > FACTOR * here


def work(executions: Sequence[Execution]) -> float:
    """What an epoch of a group takes, in floating-point operations an image."""
    return float(sum(training_flops(e.lenet) for e in executions))
