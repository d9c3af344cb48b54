"""Numbers that a learning curve is judged by: how it starts, rises, ends, and when it overfits.

All but the last two are taken from test accuracy after each epoch, starting from chance before the first. A
share is a part of the curve's whole rise, from chance to its highest accuracy. A curve that never rises
above chance by `RISES` has no shape: its shares are 0 and its steepest epoch is 1.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lenet_tune.analysis.curves import Curve
from lenet_tune.sections.claim import EARLY_EPOCHS, MANY_OF_TEN

RISES = 0.02  # six standard deviations of chance accuracy on 10,000 images
NEAR_BEST = 0.01
TEST_IMAGES = 10_000


@dataclass(frozen=True, kw_only=True)
class Measure:
    """How a curve becomes a number.

    Args:
        of: (curve, chance accuracy) -> number.
        unit: "points" (a fraction, shown in percentage points), "epochs" or "share".
        step: the smallest difference it can show; sets the least spread that tests reckon with.
    """

    of: Callable[[Curve, float], float]
    unit: str
    step: float

    @property
    def floor(self) -> float:
        """Standard deviation of rounding to `step`: no sample of seeds is surer than that."""
        return self.step / math.sqrt(12)


def final_accuracy(curve: Curve, chance: float) -> float:
    """Accuracy after the last epoch."""
    return curve.held_out_accuracy[-1]


def _rises(curve: Curve, chance: float) -> tuple[list[float], float]:
    """Accuracy from before the first epoch on, and the whole rise (0 where there is none to speak of)."""
    levels = [chance, *curve.held_out_accuracy]
    whole = max(levels) - chance
    return levels, whole if whole >= RISES else 0.0


def early_share(curve: Curve, chance: float) -> float:
    """Part of the whole rise that is reached after the first three epochs."""
    levels, whole = _rises(curve, chance)
    early = levels[min(EARLY_EPOCHS, len(levels) - 1)]
    return (early - chance) / whole if whole else 0.0


def late_share(curve: Curve, chance: float) -> float:
    """Part of the whole rise that falls into the last third of the epochs."""
    levels, whole = _rises(curve, chance)
    third = max(1, (len(levels) - 1) // 3)
    return (levels[-1] - levels[-1 - third]) / whole if whole else 0.0


def steepest_epoch(curve: Curve, chance: float) -> float:
    """First of the three epochs in a row over which accuracy rises most."""
    levels, whole = _rises(curve, chance)
    width = min(EARLY_EPOCHS, len(levels) - 1)
    gains = [levels[i + width] - levels[i] for i in range(len(levels) - width)]
    return float(1 + gains.index(max(gains))) if whole else 1.0


def epochs_to_best(curve: Curve, chance: float) -> float:
    """Epochs until accuracy is within a point of its highest."""
    best = max(curve.held_out_accuracy)
    return float(
        next(e for e, a in zip(curve.epochs, curve.held_out_accuracy, strict=True) if a >= best - NEAR_BEST)
    )


def overfitting_epoch(curve: Curve, chance: float) -> float:
    """The epoch after the one with the lowest test loss: from it on, training makes the test loss worse."""
    pairs = zip(curve.held_out_loss, curve.epochs, strict=True)
    finite = [(loss, epoch) for loss, epoch in pairs if math.isfinite(loss)]
    return float(min(finite)[1] + 1) if finite else 1.0


def many_of_ten_wrong(curve: Curve, chance: float) -> float:
    """Chance that `MANY_OF_TEN` or more of ten test images, drawn without replacement, are wrong."""
    wrong = round((1 - final_accuracy(curve, chance)) * TEST_IMAGES)
    ways = math.comb(TEST_IMAGES, 10)
    few = sum(math.comb(wrong, k) * math.comb(TEST_IMAGES - wrong, 10 - k) for k in range(MANY_OF_TEN))
    return 1 - few / ways


_ACCURACY_STEP = 1 / TEST_IMAGES
MEASURES: Mapping[str, Measure] = {
    "final accuracy": Measure(of=final_accuracy, unit="points", step=_ACCURACY_STEP),
    "early share": Measure(of=early_share, unit="share", step=0.001),
    "steepest epoch": Measure(of=steepest_epoch, unit="epochs", step=1.0),
    "late share": Measure(of=late_share, unit="share", step=0.001),
    "epochs to best": Measure(of=epochs_to_best, unit="epochs", step=1.0),
    "overfitting epoch": Measure(of=overfitting_epoch, unit="epochs", step=1.0),
    "many of ten wrong": Measure(of=many_of_ten_wrong, unit="share", step=0.001),
}
