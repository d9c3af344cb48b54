"""A search as it is asked for, before data or a study is there."""

from dataclasses import dataclass

from lenet_tune import sections
from lenet_tune.ablation import Ablation
from lenet_tune.config import check_in, check_int, check_range
from lenet_tune.errors import SettingError
from lenet_tune.space import Setting

CLASS_WEIGHTS = ("none", "balanced")
KINDS = ("grid", "random", "bayes", "hyperband")


@dataclass(frozen=True, kw_only=True)
class Quick:
    """What `--quick` means: small enough for about a minute on two cores."""

    epochs = 2
    train_size = 2000
    held_out_size = 1000
    confirm = 3


@dataclass(frozen=True, kw_only=True)
class Options:
    """A search as the command line asks for it; None leaves a choice to the rules here.

    Args:
        reading: "choice=option" texts, how to read what the report leaves open; of a section's grid.
        knobs: "name=values" texts that change the space.
        parallel: trials the oracle proposes at a time.
        confirm: fresh seeds for each leader, at most; 0 for none.
        starts: settings to try first; None leaves it to the kind of search.
        class_weights: "balanced" makes every class count alike in the training loss.
        stop_bad: whether to end trials early that do badly; `audit` is the share that is spared.
        ablation: of a grid: try this setting and its changes, and nothing else.
    """

    kind: str
    section: int | None = None
    stage: str | None = None
    base: str = "adjusted"
    reading: tuple[str, ...] = ()
    knobs: tuple[str, ...] = ()
    trials: int | None = None
    epochs: int | None = None
    train_size: int | None = None
    validation_size: int | None = None
    seeds: int = 1
    seed: int = 0
    quick: bool = False
    engine: str = "fused"
    parallel: int | None = None
    confirm: int | None = None
    starts: tuple[Setting, ...] | None = None
    class_weights: str = "none"
    stop_bad: bool = False
    audit: float | None = None
    ablation: Ablation | None = None
    name: str | None = None

    def __post_init__(self) -> None:
        check_in("kind", self.kind, KINDS)
        check_in("base", self.base, tuple(sections.BASES))
        check_in("class_weights", self.class_weights, CLASS_WEIGHTS)
        check_int("seeds", self.seeds, 1, 1000)
        check_int("seed", self.seed, 0, 2**31 - 1)
        for name in ("trials", "epochs", "train_size", "validation_size", "parallel"):
            if getattr(self, name) is not None:
                check_int(name, getattr(self, name), 1, 10_000_000)
        if self.confirm is not None:
            check_int("confirm", self.confirm, 0, 100)
        if self.audit is not None:
            check_range("audit", self.audit, 0.0, 1.0)
        self._check_stopping()
        if self.stage is not None and self.section is None:
            raise SettingError("`stage` belongs to a section, but none is given: add --section 1.")
        if self.reading and (self.section is None or self.kind != "grid"):
            raise SettingError("`reading` belongs to a section's grid, but none is given: add --section 1.")

    def _check_stopping(self) -> None:
        if self.audit is not None and not self.stop_bad:
            raise SettingError("`audit` belongs to early stopping, which is off: add --stop-bad.")
        if self.stop_bad and self.kind == "hyperband":
            raise SettingError("`stop_bad` does not go with Hyperband, which stops trials itself: leave it.")
        if self.stop_bad and self.kind == "grid" and self.section is not None:
            raise SettingError(
                "`stop_bad` does not go with a section's grid: its curves are on the test images, which must "
                "decide nothing. Leave --stop-bad out."
            )
