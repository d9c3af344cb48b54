"""Numbers as people read them: one place, so that every sentence and table says them the same way."""

import math
from collections.abc import Iterable

BACKEND_NAMES = {"tensorflow": "TensorFlow", "jax": "JAX"}
NONE = "–"


def percent(value: float | None, digits: int = 2) -> str:
    """A fraction as a percentage: 0.5475 gives "54.75 %"."""
    return f"{100 * value:.{digits}f} %" if is_number(value) else NONE


def points(value: float | None, *, signed: bool = False) -> str:
    """A difference or spread of fractions in percentage points: 0.0123 gives "1.23 points"."""
    return f"{100 * value:{'+' if signed else ''}.2f} points" if is_number(value) else NONE


def decimal(value: float | None, digits: int = 4) -> str:
    """A number with some significant digits."""
    return f"{value:.{digits}g}" if is_number(value) else NONE


def duration(seconds: float | None) -> str:
    """Seconds as "4.2 s", "3 min 20 s" or "1 h 02 min"."""
    if not is_number(seconds):
        return NONE
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def count(number: int, noun: str) -> str:
    """ "1 trial", "3 trials", "1,000 trials"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def spread(sd: float | None, n: int) -> str:
    """How sure a mean over seeds is, in words: the spread over n seeds, or that it is unknown."""
    if n > 1 and is_number(sd):
        return f"standard deviation {points(sd)} over {n} seeds"
    return "1 seed, spread unknown"


def listed(words: Iterable[object], limit: int = 12) -> str:
    """ "a, b, c", cut with a word on how many more there are."""
    every = [str(word) for word in words]
    more = [f"and {len(every) - limit} more"] if len(every) > limit else []
    return ", ".join(every[:limit] + more)


def is_number(value: float | None) -> bool:
    """Whether there is a finite number."""
    return isinstance(value, (int, float)) and math.isfinite(value)
