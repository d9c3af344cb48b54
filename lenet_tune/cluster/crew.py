"""The workers of a search as Ray actors: hired where there is room, asked, listened to, dismissed."""

import os
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from lenet_tune.cluster.worker import Duty, Facts, GroupWorker
from lenet_tune.engines.base import TrainingData
from lenet_tune.errors import SearchError
from lenet_tune.progress import say

LOOK_SECONDS = 2.0
"""Between looks at the nodes of the cluster."""

ASSEMBLY_SECONDS = 60.0
"""That a search waits for further workers when one is ready."""

STARTS = 3
"""Times that a worker is started on a node that has none yet, until the node is left alone."""


class WorkerLostError(Exception):
    """A worker is gone, or does not answer."""


@dataclass(frozen=True, kw_only=True)
class Patience:
    """When a worker counts as lost, in seconds.

    Args:
        pulse: between questions whether it lives.
        silence: until an unanswered one means that it does not.
    """

    pulse: float = 10.0
    silence: float = 60.0


@dataclass(eq=False)
class Hand:
    """A worker: `facts` are None until it has begun, `call` is what it was asked and has not answered.

    The answer of one that `is_orphaned` is nobody's any more; `heard` is when it last showed life.
    """

    actor: Any
    node: str
    call: Any
    facts: Facts | None = None
    is_orphaned: bool = False
    pulse: Any = None
    heard: float = 0.0


class Crew:
    """Hires as many workers a node as asked for, also on nodes that join later, and replaces the dead.

    Args:
        ray: the module, connected.
        data: goes into shared memory once a node.
        per_node: workers of a node; None for one a GPU, or one where there is none.
    """

    def __init__(
        self,
        ray: Any,
        duty: Duty,
        data: TrainingData,
        *,
        per_node: int | None,
        software: Mapping[str, str | None],
        patience: Patience = Patience(),
    ) -> None:
        self._ray, self._duty, self._per_node, self._patience = ray, duty, per_node, patience
        self._software = software
        self._class = ray.remote(concurrency_groups={"pulse": 1})(GroupWorker)
        self._data = ray.put(data)
        self._own_node = ray.get_runtime_context().get_node_id()
        self._looked = float("-inf")
        self._failed: dict[str, int] = {}
        self.hands: list[Hand] = []

    @property
    def ready(self) -> list[Hand]:
        """Those that have begun."""
        return [hand for hand in self.hands if hand.facts is not None]

    @property
    def idle(self) -> list[Hand]:
        """Those that have begun and wait to be asked."""
        return [hand for hand in self.ready if hand.call is None]

    def assemble(self) -> None:
        """Wait until a worker is ready, and a while for the others.

        Raises:
            SearchError: no worker can be started.
        """
        self._look()
        started, said = time.monotonic(), False
        while not self.ready or len(self.ready) < len(self.hands):
            self.wait(1.0)
            waited = time.monotonic() - started
            if waited > ASSEMBLY_SECONDS and self.ready:
                return
            if waited > ASSEMBLY_SECONDS and not said:
                said = True
                say("Waiting for a worker: the cluster has no room for one, or it is still starting.")

    def ask(self, hand: Hand, method: str, *words: Any) -> None:
        """Put a question to an idle worker; `wait` brings the answer."""
        hand.call = getattr(hand.actor, method).remote(*words)
        hand.heard = time.monotonic()

    def wait(self, seconds: float) -> list[tuple[Hand, Any]]:
        """The answers that have come, in `seconds` at most: a value, the engine's error, or WorkerLostError.

        Raises:
            SearchError: no worker can be started.
        """
        self._look()
        calls = {hand.call: hand for hand in self.hands if hand.call is not None}
        if not calls:
            time.sleep(seconds if not self.hands else 0.0)
            return []
        ready, _ = self._ray.wait(list(calls), num_returns=1, timeout=seconds)
        if ready:
            ready, _ = self._ray.wait(list(calls), num_returns=len(calls), timeout=0)
        found = []
        for call in ready:
            hand = calls[call]
            answer, hand.call = self._answer(call), None
            if hand.facts is None:
                self._begun(hand, answer)
                continue
            if isinstance(answer, WorkerLostError):
                self.dismiss(hand)
            if not hand.is_orphaned:
                found.append((hand, answer))
            hand.is_orphaned = False
        return found + self._silent()

    def dismiss(self, hand: Hand) -> None:
        """End a worker, whatever it does; another one takes its place."""
        if hand not in self.hands:
            return
        self.hands.remove(hand)
        with suppress(self._ray.exceptions.RayError):
            self._ray.kill(hand.actor)
        if hand.facts is not None and hand.node == self._own_node:
            # Ray asks a worker to end itself, which one that is stopped cannot do.
            with suppress(ProcessLookupError, PermissionError):
                os.kill(hand.facts.pid, signal.SIGKILL)

    def close(self) -> None:
        """End all workers."""
        for hand in list(self.hands):
            self.dismiss(hand)

    # Inside

    def _look(self) -> None:
        """Hire where workers are missing, and forget those of nodes that have left."""
        if time.monotonic() - self._looked < LOOK_SECONDS:
            return
        self._looked = time.monotonic()
        nodes = {n["NodeID"]: n["Resources"] for n in self._ray.nodes() if n["Alive"]}
        for hand in self.hands:
            if hand.node not in nodes and hand.call is None:
                self.dismiss(hand)
        for node, resources in nodes.items():
            count = self._wanted(node, resources)
            for _ in range(count - sum(hand.node == node for hand in self.hands)):
                self._hire(node, resources, count)

    def _wanted(self, node: str, resources: Mapping[str, float]) -> int:
        if resources.get("CPU", 0) < 1 or self._failed.get(node, 0) >= STARTS:
            return 0
        return self._per_node or max(1, self._gpus(resources))

    def _gpus(self, resources: Mapping[str, float]) -> int:
        return 0 if self._duty.device == "cpu" else int(resources.get("GPU", 0))

    def _hire(self, node: str, resources: Mapping[str, float], count: int) -> None:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        threads = max(1, int(resources["CPU"]) // count)
        actor = self._class.options(
            num_cpus=_share(resources["CPU"], count),
            num_gpus=_share(self._gpus(resources), count),
            scheduling_strategy=NodeAffinitySchedulingStrategy(node_id=node, soft=False),
        ).remote()
        call = actor.begin.remote(self._duty, self._data, threads, count)
        self.hands.append(Hand(actor=actor, node=node, call=call, heard=time.monotonic()))

    def _answer(self, call: Any) -> Any:
        errors = self._ray.exceptions
        try:
            return self._ray.get(call)
        except errors.RayTaskError as error:
            return error.cause if isinstance(error.cause, Exception) else SearchError(str(error))
        except errors.OutOfMemoryError:
            return WorkerLostError("its host ran out of memory, and Ray ended it")
        except errors.RayError as error:
            return WorkerLostError(_why(error))

    def _begun(self, hand: Hand, answer: Any) -> None:
        """A worker has begun, or could not."""
        if isinstance(answer, Facts):
            differing = _differences(self._software, answer.software)
            if not differing:
                hand.facts = answer
                self._failed.pop(hand.node, None)
                return
            answer = SearchError(f"other software than here: {'; '.join(differing)}")
        self.dismiss(hand)
        self._failed[hand.node] = self._failed.get(hand.node, 0) + 1
        reason = " ".join(str(answer).split())[:300]
        if self._failed[hand.node] < STARTS:
            return
        say(f"A node gets no worker: {reason}")
        if not self.hands:
            raise SearchError(
                f"No worker can be started: {reason}. Install the same lenet-tune on every node."
            )

    def _silent(self) -> list[tuple[Hand, WorkerLostError]]:
        """Workers that were asked something and show no life, now dismissed."""
        now, found = time.monotonic(), []
        asked = [hand for hand in self.ready if hand.call is not None]
        for hand in asked:
            if hand.pulse is None:
                if now - hand.heard > self._patience.pulse:
                    hand.pulse = hand.actor.pulse.options(concurrency_group="pulse").remote()
                    hand.heard = now
            elif self._ray.wait([hand.pulse], timeout=0)[0]:
                hand.pulse, hand.heard = None, now
            elif now - hand.heard > self._patience.silence:
                self.dismiss(hand)
                if not hand.is_orphaned:
                    found.append(
                        (hand, WorkerLostError(f"it did not answer for {self._patience.silence:g} s"))
                    )
        return found


def _share(whole: float, parts: int) -> float:
    """What one of `parts` gets: whole units, or a part of one where there are not enough (Ray's rule)."""
    return whole // parts if whole >= parts else int(1e4 * whole / parts) / 1e4


def _differences(here: Mapping[str, str | None], there: Mapping[str, str | None]) -> Sequence[str]:
    return [
        f"{name} {there.get(name)}, here {version}"
        for name, version in here.items()
        if there.get(name) != version
    ]


def _why(error: Exception) -> str:
    kind = type(error).__name__
    if "Node" in kind or "node" in str(error).partition("\n")[0]:
        return f"its node left the cluster or cannot be reached ({kind})"
    return f"its process ended, killed or crashed ({kind})"
