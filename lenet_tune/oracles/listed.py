"""Oracles that know their proposals beforehand: a list of settings, and the grid of a space.

Keras Tuner's `GridSearchOracle` hands out two trials and then one at a time, and cannot be resumed
(keras-tuner #1055), so the product is enumerated here.
"""

from collections.abc import Iterable, Sequence

from lenet_tune.config import InputSpec
from lenet_tune.oracles.base import Proposal, Told, seen_keys
from lenet_tune.space import Setting, Space, complete, is_feasible, key


class ListOracle:
    """Proposes the settings of a list in order, each once.

    Args:
        settings: complete or not; settings that mean the same training are proposed once.
        spec: where given, settings from which no network can be built are left out.
    """

    def __init__(self, settings: Iterable[Setting], spec: InputSpec | None = None) -> None:
        kept = (complete(s) for s in settings if spec is None or is_feasible(s, spec))
        self._settings = {key(setting): setting for setting in kept}

    def __len__(self) -> int:
        return len(self._settings)

    def ask(self, past: Sequence[Told], count: int) -> list[Proposal]:
        """As `Oracle.ask`."""
        seen = seen_keys(past)
        left = [setting for identity, setting in self._settings.items() if identity not in seen]
        return [Proposal(setting=dict(setting), detail={"origin": "grid"}) for setting in left[:count]]


def grid_oracle(space: Space, spec: InputSpec) -> ListOracle:
    """The oracle of every feasible setting of a space of listed values.

    Raises:
        SettingError: a knob has a range instead of listed values.
    """
    return ListOracle(space.grid(), spec)
