"""What of a study can be built for its images: refused or said before anything trains."""

from collections.abc import Iterable
from dataclasses import dataclass

from lenet_tune.config import InputSpec
from lenet_tune.errors import InfeasibleError
from lenet_tune.records import Definition
from lenet_tune.space import Setting, Space, configs


@dataclass(frozen=True, kw_only=True)
class Buildable:
    """How many of a study's settings (of a grid) or shapes of network (of a search) cannot be built.

    Args:
        reason: the rule that the first of them breaks; None where all can be built.
    """

    total: int
    left_out: int
    reason: str | None


def buildable(definition: Definition) -> Buildable:
    """Try to lay out every setting of a grid, or every shape of network of a searched space."""
    h, w, channels = definition.data["image_shape"]
    spec = InputSpec(
        image_shape=(h, w, channels),
        num_classes=definition.data["num_classes"],
        channel_mean=(0.0,) * channels,
        channel_std=(1.0,) * channels,
    )
    total, reasons = 0, []
    for setting in settings_of(definition):
        total += 1
        try:
            configs(setting, spec)
        except InfeasibleError as error:
            reasons.append(str(error))
    return Buildable(total=total, left_out=len(reasons), reason=reasons[0] if reasons else None)


def check(definition: Definition) -> None:
    """Refuse a study of which nothing can be built.

    Raises:
        InfeasibleError: with the rule that its first setting breaks.
    """
    found = buildable(definition)
    if found.left_out == found.total and found.reason is not None:
        raise InfeasibleError(
            f"No network of this {definition.kind} can be built for {_size(definition)} images: "
            f"{found.reason}"
        )


def sentence(definition: Definition) -> str | None:
    """What cannot be built and why, for people; None where everything can."""
    found = buildable(definition)
    if found.reason is None:
        return None
    of, fate = "shapes of network", "and are never proposed"
    if definition.kind == "grid":
        of, fate = "settings", "and end as failed"
    return (
        f"{found.left_out} of {found.total} {of} cannot be built for {_size(definition)} images {fate}. "
        f"The first: {found.reason}"
    )


def settings_of(definition: Definition) -> Iterable[Setting]:
    """The settings of a grid, or one for every shape of network of a searched space."""
    if definition.kind == "grid":
        return [run["setting"] for run in definition.options["runs"]]
    return Space.from_json(definition.space).shapes()


def _size(definition: Definition) -> str:
    h, w, _ = definition.data["image_shape"]
    return f"{h}x{w}"
