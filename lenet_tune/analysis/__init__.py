"""Pure figures from a `Snapshot`: no drawing, no files, no Keras.

Pages, exports and the terminal show these.
"""

from lenet_tune.analysis.best_model import BestModel, best_model, class_accuracies
from lenet_tune.analysis.comparison import comparison, not_comparable, report_tables
from lenet_tune.analysis.confirmation import Audit, Leader, audit, interval, leaders
from lenet_tune.analysis.curves import (
    accuracy_band,
    best_so_far,
    cost,
    learning_curves,
    overfit,
    trial_curves,
)
from lenet_tune.analysis.effects import best_setting, main_effects, slices
from lenet_tune.analysis.failures import failures
from lenet_tune.analysis.noise import expected_maximum, optimism, seed_noise
from lenet_tune.analysis.ranking import RankedTable, fixed, ranked_table, varying
from lenet_tune.analysis.summary import advice, model_words, state, summary

__all__ = [
    "Audit",
    "BestModel",
    "Leader",
    "RankedTable",
    "accuracy_band",
    "advice",
    "audit",
    "best_model",
    "best_setting",
    "best_so_far",
    "class_accuracies",
    "comparison",
    "cost",
    "expected_maximum",
    "failures",
    "fixed",
    "interval",
    "leaders",
    "learning_curves",
    "main_effects",
    "model_words",
    "not_comparable",
    "optimism",
    "overfit",
    "ranked_table",
    "report_tables",
    "seed_noise",
    "slices",
    "state",
    "summary",
    "trial_curves",
    "varying",
]
