"""Pure figures from a `Snapshot`: no drawing, no files, no Keras.

Pages, exports and the terminal show these.
"""

from lenet_tune.analysis.advice import Advice, advice
from lenet_tune.analysis.best_model import BestModel, best_model, class_accuracies
from lenet_tune.analysis.compare import StudyComparison, compare
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
from lenet_tune.analysis.expected import ExpectedBest, expected_best
from lenet_tune.analysis.failure_rules import FailureRule, failure_rule
from lenet_tune.analysis.failures import FailureGroup, failures
from lenet_tune.analysis.importance import Importance, importance
from lenet_tune.analysis.interactions import (
    InteractionTable,
    KnobScatter,
    interaction_tables,
    knob_scatter,
)
from lenet_tune.analysis.noise import expected_maximum, optimism, seed_noise
from lenet_tune.analysis.parallel import ParallelCoordinates, parallel_coordinates
from lenet_tune.analysis.parameters import parameter_count
from lenet_tune.analysis.ranking import RankedTable, fixed, ranked_table, varying
from lenet_tune.analysis.summary import model_words, state, summary

__all__ = [
    "Advice",
    "Audit",
    "BestModel",
    "ExpectedBest",
    "FailureGroup",
    "FailureRule",
    "Importance",
    "InteractionTable",
    "KnobScatter",
    "Leader",
    "ParallelCoordinates",
    "RankedTable",
    "StudyComparison",
    "accuracy_band",
    "advice",
    "audit",
    "best_model",
    "best_setting",
    "best_so_far",
    "class_accuracies",
    "compare",
    "comparison",
    "cost",
    "expected_best",
    "expected_maximum",
    "failure_rule",
    "failures",
    "fixed",
    "importance",
    "interaction_tables",
    "interval",
    "knob_scatter",
    "leaders",
    "learning_curves",
    "main_effects",
    "model_words",
    "not_comparable",
    "optimism",
    "overfit",
    "parallel_coordinates",
    "parameter_count",
    "ranked_table",
    "report_tables",
    "seed_noise",
    "slices",
    "state",
    "summary",
    "trial_curves",
    "varying",
]
