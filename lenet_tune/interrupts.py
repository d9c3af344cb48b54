"""Signals that ask the process to stop, as an exception in the main thread."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


class Interrupted(BaseException):
    """A signal asked the process to stop."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class _Shields:
    """How many `unbroken` parts the main thread is in, and the signal that waits for their end."""

    depth = 0
    waiting: int | None = None


@contextmanager
def unbroken() -> Iterator[None]:
    """A signal that arrives in this part is raised at its end, as `Interrupted`.

    An exception from a signal can come between any two operations, even between a resource's opening and the
    `try` that closes it; a part that must be whole, such as a transaction, can be guarded in this way only.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _Shields.depth += 1
    try:
        yield
    finally:
        _Shields.depth -= 1
        if not _Shields.depth and _Shields.waiting is not None:
            number, _Shields.waiting = _Shields.waiting, None
            raise Interrupted(number)


@contextmanager
def stoppable() -> Iterator[None]:
    """SIGINT, SIGTERM and SIGHUP raise `Interrupted` once; the next one of any kind ends the process.

    Inside of `unbroken` it is raised at that part's end. In another thread than the main one, which alone
    gets signals, nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def interrupt(number: int, frame: Any) -> None:
        for other in numbers:
            signal.signal(other, signal.SIG_DFL)
        if _Shields.depth:
            _Shields.waiting = number
            return
        raise Interrupted(number)

    before: dict[int, Callable | int | None] = {n: signal.signal(n, interrupt) for n in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
