"""Compiled programs, kept for the next group that needs the same one, and the time they took."""

import time
from collections import OrderedDict
from collections.abc import Callable

from lenet_tune.engines.backend import ops
from lenet_tune.engines.program import Skeleton

MOST_KEPT = 64
"""Programs kept at once: a Hyperband search needs two for each size of a group."""

_kept: OrderedDict[tuple, Callable] = OrderedDict()


class Compiler:
    """Gives compiled functions and counts the seconds spent on new ones."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def get(self, make: Callable, skeleton: Skeleton, fixed: tuple, streams: tuple) -> Callable:
        """`make(skeleton)`, compiled for these arguments, from the kept ones where it is there."""
        shapes = tuple(tuple(w.shape) for w in fixed[0])
        key = (make, skeleton, shapes, ops.stream_key(streams))
        if key not in _kept:
            started = time.perf_counter()
            _kept[key] = ops.compiled(make(skeleton), fixed, streams)
            self.seconds += time.perf_counter() - started
            if len(_kept) > MOST_KEPT:
                _kept.popitem(last=False)
        _kept.move_to_end(key)
        return _kept[key]
