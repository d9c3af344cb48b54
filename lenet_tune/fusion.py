"""Which executions train together: the pure partition of executions into groups.

Two executions fit in one group when the same program can train both: equal shapes and an equal number of
images a step. Everything else may differ (`knobs.Knob.fusible`), the number of epochs and the place where
training starts included.
"""

from collections.abc import Hashable, Sequence
from typing import TypeVar

from lenet_tune.engines.base import Execution
from lenet_tune.errors import SettingError

Group = tuple[Execution, ...]
Item = TypeVar("Item")


def skeleton_key(execution: Execution) -> Hashable:
    """What all executions of a group must share: everything that changes a shape or the number of steps."""
    lenet = execution.lenet
    return (
        lenet.input.image_shape,
        lenet.input.num_classes,
        lenet.filters,
        lenet.kernel_size,
        lenet.padding,
        lenet.pooling,
        lenet.pools,
        lenet.dense_84,
        execution.train.batch_size,
    )


def partition(executions: Sequence[Execution], capacity: int) -> list[Group]:
    """Fewest groups that hold each execution once.

    Groups come in the order of their first execution, executions keep their order, and the groups of one
    skeleton differ in size by one at most, so that none is left with a costly remainder.

    Args:
        capacity: most executions a group may hold, at least 1.

    Raises:
        SettingError: if `capacity` is below 1.

    Example:
        Five executions of one skeleton and a capacity of 4 give a group of 3 and a group of 2.
    """
    if capacity < 1:
        raise SettingError(f"The capacity of a group must be at least 1, but got {capacity}. Pass more.")
    members: dict[Hashable, list[Execution]] = {}
    for execution in executions:
        members.setdefault(skeleton_key(execution), []).append(execution)
    groups = [group for same in members.values() for group in balanced(same, -(-len(same) // capacity))]
    place = {id(execution): i for i, execution in enumerate(executions)}
    return sorted(groups, key=lambda group: place[id(group[0])])


def balanced(items: Sequence[Item], parts: int) -> list[tuple[Item, ...]]:
    """`items` cut into `parts` runs whose sizes differ by one at most, longer ones first."""
    size, longer = divmod(len(items), parts)
    sizes = [size + 1] * longer + [size] * (parts - longer)
    ends = [sum(sizes[: i + 1]) for i in range(parts)]
    return [tuple(items[end - size : end]) for end, size in zip(ends, sizes, strict=True)]
