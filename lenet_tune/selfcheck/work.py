"""What a worker process does: one task at a time, each a pure function of the task."""

from functools import cache

from threadpoolctl import threadpool_limits

from lenet_tune.oracles import OracleOptions, make_oracle
from lenet_tune.selfcheck import realtable
from lenet_tune.selfcheck.forest import real_surface
from lenet_tune.selfcheck.play import Run, play
from lenet_tune.selfcheck.surface import SPEC, Surface, learning
from lenet_tune.selfcheck.surfaces import SYNTHETIC
from lenet_tune.selfcheck.tasks import EPOCHS, REAL, Task


def prepare() -> None:
    """Begin a worker: one thread, since the tasks themselves run side by side."""
    threadpool_limits(1)


@cache
def surface_named(name: str) -> Surface:
    """A synthetic surface, or the one fitted to the real results."""
    if name == REAL:
        return real_surface(realtable.shipped(), name)
    return next(surface for surface in SYNTHETIC if surface.name == name)


def run_task(task: Task) -> Run:
    """The run that a task asks for."""
    surface = surface_named(task.surface)
    if task.kind == "tpe":
        from lenet_tune.selfcheck.tpe import play_tpe

        return play_tpe(surface, seed=task.seed, trials=task.trials, batch=task.batch)
    if task.kind == "hyperband":
        surface = learning(surface, EPOCHS)
    options = OracleOptions(trials=task.trials, max_epochs=EPOCHS)
    oracle = make_oracle(task.kind, surface.space, SPEC, seed=task.seed, options=options)
    return play(oracle, surface, seed=task.seed, trials=task.trials, batch=task.batch)
