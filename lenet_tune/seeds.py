"""Seeds: everything random in a study derives from its seed.

The k-th execution of every trial has the same two seeds (common random numbers): trials are compared on the
same order of images and, where their shapes agree, the same initial draws, so a difference between them is
the setting's doing; and a setting gives the same numbers in any study with the same seed.
"""

import numpy as np


def execution_seeds(study_seed: int, repeat: int) -> tuple[int, int]:
    """(seed of the initial weights, seed of the order of images) of a trial's `repeat`-th execution."""
    weights, order = np.random.SeedSequence([study_seed, repeat]).generate_state(2)
    return int(weights >> 1), int(order >> 1)
