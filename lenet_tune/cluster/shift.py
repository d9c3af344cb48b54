"""One round of groups on the workers, from the first that is begun to the last that is stored."""

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from lenet_tune.cluster.crew import Crew, Hand, WorkerLostError
from lenet_tune.cluster.speeds import Speeds, is_worth_moving, work
from lenet_tune.cluster.worker import News
from lenet_tune.engines.base import GroupEpoch
from lenet_tune.progress import say
from lenet_tune.sites import is_over
from lenet_tune.training import FATAL, BudgetSpent, Run, Source, Trainer

DEATHS = 3
"""Workers that a group may lose in one epoch before its members are tried one by one, and a single fails."""

MOVES = 3
"""Times that a group may change its worker for a faster one."""

TICK_SECONDS = 1.0


@dataclass(eq=False)
class Job:
    """A group on its way through the workers.

    Args:
        deaths: workers it lost since its last stored epoch.
        asked: when its worker was asked for the epoch under way.
        epochs: left, the one under way included.
    """

    source: Source
    run: Run | None = None
    deaths: int = 0
    moves: int = 0
    begun: float = 0.0
    asked: float = 0.0
    epochs: int = 0

    @property
    def work(self) -> float:
        """Of an epoch."""
        return work(list(self.run.open.values()))


@dataclass(kw_only=True, eq=False)
class Shift:
    """One call of `Fleet.train`.

    Args:
        waiting: groups that no worker has had yet.
        again: groups to go on with on another worker.
        timeout: seconds that a group may train; None for no limit.
        has_begun: whether a group was begun, which one is however late it is.
        is_cut: whether the deadline left something undone.
    """

    crew: Crew
    speeds: Speeds
    waiting: Iterator[Source]
    trainer: Trainer
    deadline: float | None
    timeout: float | None
    jobs: dict[Hand, Job] = field(default_factory=dict)
    again: deque[Job] = field(default_factory=deque)
    has_begun: bool = False
    is_cut: bool = False

    def train(self) -> Iterator[None]:
        """Train every group to its end, and yield after each.

        Raises:
            BudgetSpent: the deadline has passed. SearchError: too many failures, or no workers.
        """
        while self._assign():
            for hand, answer in self.crew.wait(TICK_SECONDS):
                job = self.jobs.get(hand)
                if job is not None and self._take(hand, job, answer):
                    yield
            self._mind_the_time()
        if self.is_cut:
            raise BudgetSpent

    def leave(self) -> None:
        """What is still being trained is nobody's any more."""
        for hand in self.jobs:
            hand.is_orphaned = hand.call is not None
        self.jobs.clear()

    def _assign(self) -> bool:
        """Give the idle workers something to do; False where nothing is left to wait for."""
        for hand in self.crew.idle:
            while hand.call is None:
                if self.has_begun and is_over(self.deadline):
                    break
                job = self._next() or self._taken_over(hand)
                if job is None:
                    break
                self._begin(hand, job)
        if self.jobs:
            return True
        job = self._next()
        if job is None:
            return False
        self.again.appendleft(job)
        self.is_cut = self.has_begun and is_over(self.deadline)
        return not self.is_cut

    def _next(self) -> Job | None:
        if self.again:
            return self.again.popleft()
        source = next(self.waiting, None)
        return None if source is None else Job(source=source)

    def _begin(self, hand: Hand, job: Job) -> None:
        job.run = self.trainer.begin(job.source(), hand.facts.device)
        running = job.run.open.values()
        if not running:  # the stopping rule has ended all of them meanwhile
            return
        self.has_begun = True
        job.epochs = max(e.train.epochs - e.first_epoch + 1 for e in running)
        job.begun = job.asked = time.monotonic()
        self.jobs[hand] = job
        self.crew.ask(hand, "train", job.run.group)

    def _take(self, hand: Hand, job: Job, answer: object) -> bool:
        """What a worker has to say of its group; whether the group is at its end."""
        if isinstance(answer, News) and self._store(hand, job, answer):
            job.asked = time.monotonic()
            self.crew.ask(hand, "go_on", list(job.run.open))
            return False
        del self.jobs[hand]
        if isinstance(answer, FATAL):
            raise answer
        if isinstance(answer, WorkerLostError):
            self.speeds.rates.pop(hand, None)
            self._lost(job, answer)
            return False
        if isinstance(answer, Exception):
            self._fail(job, answer)
        return not (isinstance(answer, News) and job.run.open)

    def _store(self, hand: Hand, job: Job, news: News) -> bool:
        """Store an epoch; whether the group trains on with its worker."""
        seconds = time.monotonic() - job.asked - news.compile_seconds
        self.speeds.learn(hand, job.work, seconds, news.compile_seconds)
        job.deaths = 0
        results = tuple(r for r in news.results if job.run.is_open(r))
        if results:
            job.epochs = max(job.run.open[r.id].train.epochs - r.epoch for r in results)
            # Seconds of compilation would be taken off those since any group's epoch.
            epoch = GroupEpoch(results=results, checkpoint=news.states.__getitem__)
            endings = self.trainer.take(job.run, epoch)
            for other in self.jobs.values():
                other.run.forget(endings)
        if not job.run.open:
            return False
        if self.timeout is not None and time.monotonic() > job.begun + self.timeout:
            self._fail(job, TimeoutError(f"not at its end after {self.timeout:g} s (--trial-timeout)"))
            return False
        self.is_cut = self.is_cut or is_over(self.deadline)
        return not self.is_cut

    def _fail(self, job: Job, error: Exception) -> None:
        self.again.extend(Job(source=alone) for alone in self.trainer.after(error, job.run))

    def _lost(self, job: Job, error: WorkerLostError) -> None:
        """A worker is lost: its group goes on elsewhere, if it is not the group's own doing."""
        job.deaths += 1
        size = len(job.run.open)
        if job.deaths >= DEATHS:
            say(f"{DEATHS} workers were lost with a group of {size}: {error}")
            self._fail(job, WorkerLostError(f"{DEATHS} workers were lost with it; of the last one, {error}"))
            return
        say(f"A worker is lost: {error}. Its group of {size} goes on from its checkpoints on another one.")
        self.trainer.rewind(job.run)
        self.again.appendleft(job)

    def _taken_over(self, hand: Hand) -> Job | None:
        """The group of a worker that is much slower than this idle one, if there is one."""
        now = time.monotonic()
        left = {
            other: self.speeds.left(other, job.work, job.epochs, now - job.asked)
            for other, job in self.jobs.items()
            if job.moves < MOVES and job.run.open
        }
        if not left:
            return None
        slowest = max(left, key=left.get)
        job = self.jobs[slowest]
        if not is_worth_moving(left[slowest], self.speeds.needed(hand, job.work, job.epochs)):
            return None
        say(f"A group of {len(job.run.open)} changes to a faster worker.")
        del self.jobs[slowest]
        slowest.is_orphaned = True
        job.moves += 1
        self.trainer.rewind(job.run)
        return job

    def _mind_the_time(self) -> None:
        """Give up what trains far longer than it may; its worker cannot be stopped otherwise."""
        for hand, job in list(self.jobs.items()):
            if self.timeout is None or time.monotonic() < job.begun + 2 * self.timeout:
                continue
            del self.jobs[hand]
            self.crew.dismiss(hand)
            self._fail(job, TimeoutError(f"no epoch ended within {2 * self.timeout:g} s (--trial-timeout)"))
