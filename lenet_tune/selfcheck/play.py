"""One run: an oracle searches a surface, told exactly what a real search tells.

**Best** means: the setting one would pick, the finished trial with the highest measured score, at its
accuracy without noise. So a lucky score earns nothing, and the curve may fall when one displaces a better
setting.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from lenet_tune.engines.base import EpochResult
from lenet_tune.loop import told
from lenet_tune.oracles import Oracle, Proposal, Told
from lenet_tune.records import ExecutionRecord, TrialRecord
from lenet_tune.selfcheck.surface import CHANCE, CLASSES, SPEC, Surface
from lenet_tune.space import Setting, is_feasible, key


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a run came to.

    Args:
        best: after each trial, the accuracy without noise of the setting with the highest score; chance
            before the first finished trial.
        epochs: spent until after each trial.
        duplicates: proposals that came before.
        outside: proposals outside the space, incomplete, or that cannot be built.
        bad: trials that diverged or failed.
        slowest: the most CPU seconds a proposal took, batches shared evenly.
    """

    best: tuple[float, ...]
    epochs: tuple[int, ...]
    duplicates: int
    outside: int
    bad: int
    slowest: float


@dataclass
class Game:
    """A search as it goes on: proposals in, scores and the leader out."""

    surface: Surface
    seed: int
    trials: list[TrialRecord] = field(default_factory=list)
    best: list[float] = field(default_factory=list)
    epochs: list[int] = field(default_factory=list)
    leader: float = -math.inf  # the highest score so far

    def play(self, proposal: Proposal) -> None:
        """Train a proposal."""
        setting = proposal.setting
        score = self.surface.score(setting, self.seed)
        self.trials.append(_record(len(self.trials), proposal, score))
        self.best.append(self.best[-1] if self.best else CHANCE)
        before = self.epochs[-1] if self.epochs else 0
        self.epochs.append(before + setting["epochs"] - proposal.detail.get("initial_epoch", 0))
        reached = self.trials[-1].score
        if reached is not None and reached > self.leader:
            self.leader = reached
            true = self.surface.accuracy(setting)
            self.best[-1] = CHANCE if true is None else true

    def told(self) -> list[Told]:
        """What the oracle learns of the trials so far, by the function that a real search uses."""
        return told(self.trials, CLASSES)

    def run(self, *, slowest: float) -> Run:
        """What it came to."""
        settings = [trial.setting for trial in self.trials]
        return Run(
            best=tuple(self.best),
            epochs=tuple(self.epochs),
            duplicates=len(settings) - len({key(setting) for setting in settings}),
            outside=sum(not _is_inside(dict(setting), self.surface) for setting in settings),
            bad=sum(trial.status != "done" for trial in self.trials),
            slowest=slowest,
        )


def play(oracle: Oracle, surface: Surface, *, seed: int, trials: int, batch: int) -> Run:
    """Let `oracle` search `surface` for `trials` trials, `batch` at a time, or until it has no more."""
    game, slowest = Game(surface, seed), 0.0
    while (count := min(batch, trials - len(game.trials))) > 0:
        past = game.told()
        started = time.process_time()
        proposals = oracle.ask(past, count)
        slowest = max(slowest, (time.process_time() - started) / max(1, len(proposals)))
        if not proposals:
            break
        for proposal in proposals:
            game.play(proposal)
    return game.run(slowest=slowest)


def history(surface: Surface, proposals: Sequence[Proposal], *, seed: int) -> list[Told]:
    """What a search that got these proposals, all of them trained, would tell."""
    game = Game(surface, seed)
    for proposal in proposals:
        game.play(proposal)
    return game.told()


def _record(number: int, proposal: Proposal, score: float | None) -> TrialRecord:
    diverged = score is not None and math.isnan(score)
    outcome = "failed" if score is None else "diverged" if diverged else "done"
    epochs = () if score is None else (_epoch(number, proposal.setting["epochs"], score),)
    execution = ExecutionRecord(
        trial=number, repeat=0, seed=0, order_seed=0, outcome=outcome, error=None, device=None,
        seconds=None, epochs=epochs,
    )  # fmt: skip
    return TrialRecord(
        number=number, setting=proposal.setting, label="", proposal=proposal.detail, executions=(execution,)
    )


def _epoch(number: int, epoch: int, score: float) -> EpochResult:
    return EpochResult(
        trial=number, repeat=0, epoch=epoch, train_loss=score, train_accuracy=score, held_out_loss=score,
        held_out_accuracy=score, seconds=0.0,
    )  # fmt: skip


def _is_inside(setting: Setting, surface: Surface) -> bool:
    domains = surface.space.domains
    inside = all(name == "epochs" or value in domains[name] for name, value in setting.items())
    return inside and is_feasible(setting, SPEC)
