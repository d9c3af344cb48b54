"""Engines for workers, found by name in other processes: they note what they train, and break on request.

Notes and the marks of what was broken already are files in the folder LENET_TUNE_TEST_FOLDER.
"""

import os
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from fakes import fake_engine


def folder() -> Path:
    return Path(os.environ["LENET_TUNE_TEST_FOLDER"])


def once(name: str) -> bool:
    """Whether this is the first time that any worker asks."""
    try:
        (folder() / name).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def noted(executions: Sequence, data, keep, before=lambda executions, done: None) -> Iterator:
    """The fake engine; each epoch is a line "pid trial/repeat@epoch ..." in the file `notes`."""
    running = [e for e in executions if not e.is_over]
    first = min((e.first_epoch for e in running), default=1)
    for done, epoch in enumerate(fake_engine()(executions, data, keep=keep)):
        before(running, first - 1 + done)
        words = [f"{r.trial}/{r.repeat}@{r.epoch}" for r in epoch.results]
        with open(folder() / "notes", "a", encoding="utf-8") as notes:
            notes.write(f"{os.getpid()} {' '.join(words)}\n")
        yield epoch


def plain(executions, data, *, keep):
    """Breaks nothing."""
    yield from noted(executions, data, keep)


def slow(executions, data, *, keep):
    """A third of a second an epoch."""
    yield from noted(executions, data, keep, lambda running, done: time.sleep(0.3))


def killed_once(executions, data, *, keep):
    """The first worker that has trained three epochs of trial 0 is killed in the fourth."""

    def kill(running, done):
        if done == 3 and any(e.trial == 0 for e in running) and once("killed"):
            os.kill(os.getpid(), signal.SIGKILL)

    yield from noted(executions, data, keep, kill)


def killed_by_trial_1(executions, data, *, keep):
    """Whoever trains trial 1 is killed."""

    def kill(running, done):
        if any(e.trial == 1 for e in running):
            with open(folder() / "deaths", "a", encoding="utf-8") as deaths:
                deaths.write(f"{len(running)}\n")
            os.kill(os.getpid(), signal.SIGKILL)

    yield from noted(executions, data, keep, kill)


def stopped_once(executions, data, *, keep):
    """The first worker that has trained an epoch of trial 0 is stopped, and does not answer any more."""

    def stop(running, done):
        if done == 1 and any(e.trial == 0 for e in running) and once("stopped"):
            os.kill(os.getpid(), signal.SIGSTOP)

    yield from noted(executions, data, keep, stop)


def hangs_in_trial_1(executions, data, *, keep):
    """Trial 1 takes an hour an epoch."""

    def hang(running, done):
        if any(e.trial == 1 for e in running):
            time.sleep(3600)

    yield from noted(executions, data, keep, hang)


def slow_first_worker(executions, data, *, keep):
    """The worker that asks first takes 40 s an epoch, the others 0.1 s."""
    lame = folder() / "lame"
    if once("lame"):
        lame.write_text(str(os.getpid()), encoding="utf-8")
    own = lame.read_text(encoding="utf-8") == str(os.getpid())
    yield from noted(executions, data, keep, lambda running, done: time.sleep(40 if own else 0.1))


def fails_in_trial_1(executions, data, *, keep):
    """Trial 1 raises."""
    if any(e.trial == 1 for e in executions):
        raise RuntimeError("out of\nluck")
    yield from noted(executions, data, keep)
