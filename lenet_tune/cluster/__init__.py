"""Groups trained by several workers: the processes of one host, or those of a Ray cluster.

The driver keeps the oracle and the only store. `fleet` and `shift` decide which worker trains which group,
`crew` holds the workers, `ground` starts Ray on this host or joins a cluster, `worker` is what runs in a
worker. Ray is imported only when --workers or --ray asks for it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lenet_tune import manifest
from lenet_tune.engines.base import TrainingData
from lenet_tune.requirements import RequirementError


def check_there() -> None:
    """Refuse where Ray is missing.

    Raises:
        RequirementError: with the pip command.
    """
    from importlib.util import find_spec

    if find_spec("ray") is None:
        raise RequirementError(
            "--workers and --ray need the package ray, which is missing: pip install 'lenet-tune[cluster]'"
        )


@contextmanager
def hire(
    *, workers: int | None, address: str | None, duty: Any, data: TrainingData, **options: Any
) -> Iterator[Any]:
    """The workers of a search, ready to train; they end with the context.

    Args:
        workers: of this host, or of each node of a cluster; None for one a GPU, or one where there is none.
        address: of a Ray cluster; None starts Ray on this host, for this process alone.
        duty: a `worker.Duty`.
        options: of `Fleet`.

    Raises:
        RequirementError: Ray is missing. LeNetTuneError: it cannot be used. SearchError: no worker starts.
    """
    check_there()
    from lenet_tune.cluster import ground

    size = sum(split.images.nbytes for split in (data.train, data.held_out))
    with (
        ground.started(size) if address is None else ground.joined(address) as ray,
        staffed(ray, workers=workers, duty=duty, data=data, **options) as found,
    ):
        yield found


@contextmanager
def staffed(
    ray: Any, *, workers: int | None, duty: Any, data: TrainingData, patience: Any = None, **options: Any
) -> Iterator[Any]:
    """As `hire`, on a Ray that is connected; `patience` is that of `Crew`."""
    from lenet_tune.cluster.crew import Crew, Patience
    from lenet_tune.cluster.fleet import Fleet

    crew = Crew(
        ray,
        duty,
        data,
        per_node=workers,
        software=manifest.decisive(duty.backend),
        patience=patience or Patience(),
    )
    try:
        crew.assemble()
        yield Fleet(crew, **options)
    finally:
        crew.close()
