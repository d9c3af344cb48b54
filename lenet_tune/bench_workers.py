"""`lenet-tune bench --workers N`: what the driver can feed, with an engine that only waits.

The oracle, the store and Ray are the real ones. Two questions: does the rate grow with the workers while a
trial takes time (each waits as long, so cores do not matter), and what does a trial cost the driver when it
takes none. Every measurement is a search of its own in a process of its own.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lenet_tune.errors import LeNetTuneError

TRIAL_SECONDS = 0.1
TRIALS_A_WORKER = 64
SPACES = {"alike": 1, "mixed": None}
"""Where trials are drawn from, as a section: few shapes of network (large groups), or the full space."""


@dataclass(frozen=True, kw_only=True)
class Load:
    """One search to measure.

    Args:
        trial_seconds: that a worker waits for each trial, of one epoch.
        space: a name of `SPACES`.
    """

    workers: int
    trials: int
    trial_seconds: float
    space: str


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What one search took.

    Args:
        groups: that the trials were cut into.
        start_seconds: until all workers were ready.
        oracle_seconds: part of the search that the oracle took.
        driver_cpu_seconds: processor time of the driver during the search.
        load_average: of the host over the last minute, before the search; the measurement itself left out.
    """

    load: Load
    groups: int
    start_seconds: float
    search_seconds: float
    oracle_seconds: float
    driver_cpu_seconds: float
    driver_peak_bytes: int
    study_bytes: int
    load_average: float

    @property
    def rate(self) -> float:
        """Trials per second of the search, proposals included."""
        return self.load.trials / self.search_seconds

    @property
    def ideal(self) -> float | None:
        """Trials per second if nothing but waiting took time."""
        seconds = self.load.trial_seconds
        return self.load.workers / seconds if seconds else None

    @property
    def driver_ms(self) -> float:
        """Wall milliseconds of a trial without its proposal: where trials take no time, the driver's cost."""
        return 1000 * (self.search_seconds - self.oracle_seconds) / self.load.trials

    def record(self) -> dict[str, Any]:
        """JSON-ready, derived figures included."""
        return asdict(self) | {"rate": self.rate, "ideal": self.ideal, "driver_ms": self.driver_ms}


def loads(workers: int, trials: int) -> list[Load]:
    """What is measured: 1, 2, 4, ... workers with trials that take time, then many trials that take none."""
    counts = [2**k for k in range(workers.bit_length()) if 2**k < workers] + [workers]
    scaling = [
        Load(workers=n, trials=TRIALS_A_WORKER * n, trial_seconds=TRIAL_SECONDS, space="alike")
        for n in counts
    ]
    return [*scaling, *(Load(workers=workers, trials=trials, trial_seconds=0.0, space=s) for s in SPACES)]


def run(workers: int, trials: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Measure every load; JSON-ready: figures with their proof.

    Raises:
        LeNetTuneError: Ray is missing, or a search failed.
    """
    from lenet_tune import cluster, manifest

    cluster.check_there()
    found = []
    for load in loads(workers, trials):
        found.append(_child(load))
        say("  ".join(row(found[-1])))
    facts = manifest.collect({}, command=["bench", f"--workers {workers}"], device=_host(), backend="none")
    proof = {k: facts[k] for k in ("commit", "device", "platform", "started")}
    return {"proof": {**proof, "versions": facts["versions"] | {"ray": _ray_version()}}, "searches": found}


def _host() -> str:
    return f"CPU, {len(os.sched_getaffinity(0))} cores"


def _ray_version() -> str:
    from importlib import metadata

    return metadata.version("ray")


def _child(load: Load) -> dict[str, Any]:
    from lenet_tune.cluster.synthetic import WAIT

    environment = {**os.environ, WAIT: str(load.trial_seconds), "CUDA_VISIBLE_DEVICES": "-1"}
    done = subprocess.run(
        [sys.executable, "-m", "lenet_tune.bench_workers", json.dumps(asdict(load))],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or [f"ended with status {done.returncode}"])[-1]
        raise LeNetTuneError(last[:300])
    return json.loads(done.stdout.splitlines()[-1])


# In the child


class _Nobody:
    """A watcher that is told and says nothing."""

    def group(self, executions: Sequence) -> None:
        """Nothing."""

    def epoch(self, epoch: Any) -> None:
        """Nothing."""

    def ended(self, ending: Any, result: Any) -> None:
        """Nothing."""

    def parted(self, executions: Sequence, reason: str) -> None:
        """Nothing."""


class _Clocked:
    """An oracle whose time is taken."""

    def __init__(self, oracle: Any) -> None:
        self._oracle, self.seconds = oracle, 0.0

    def ask(self, past: Sequence, count: int) -> list:
        """As the oracle's."""
        started = time.perf_counter()
        try:
            return self._oracle.ask(past, count)
        finally:
            self.seconds += time.perf_counter() - started


def measure(load: Load, folder: Path) -> Figures:
    """Run one search, its study in `folder`, and take its time."""
    from lenet_tune import cluster, devices, plan
    from lenet_tune.cluster.worker import Duty
    from lenet_tune.study import Study

    average, began = os.getloadavg()[0], time.perf_counter()
    dataset = _dataset()
    asked = plan.Options(
        kind="random", section=SPACES[load.space], trials=load.trials, epochs=1, confirm=0, validation_size=10
    )
    definition = plan.define(asked, dataset)
    data = plan.training_data(definition, dataset)
    duty = Duty(engine="lenet_tune.cluster.synthetic:train_group", backend=None)
    with (
        Study.create(folder, definition, planned=load.trials, source=None) as study,
        cluster.hire(
            workers=load.workers,
            address=None,
            duty=duty,
            data=data,
            capacities={"CPU": 16},
            trial_timeout=None,
        ) as fleet,
    ):
        ready = time.perf_counter()
        devices.prepare(None, "cpu")
        figures = _search(study, data, fleet)
        groups = len({e.cohort for t in study.trials() for e in t.executions})
        size = study.path.stat().st_size
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return Figures(
        load=load,
        groups=groups,
        start_seconds=ready - began,
        **figures,
        driver_peak_bytes=peak,
        study_bytes=size,
        load_average=average,
    )


def _search(study: Any, data: Any, fleet: Any) -> dict[str, float]:
    from lenet_tune import loop, plan, session

    spec = plan.input_spec(study.definition, data)
    oracle = _Clocked(session.build_oracle(study.definition, spec, study.planned))
    tools = loop.Tools(
        oracle=oracle,
        train_group=None,
        data=data,
        spec=spec,
        watcher=_Nobody(),
        device="none",
        batch=100_000,
        capacity=1,
        site=fleet,
    )
    started, cpu = time.perf_counter(), time.process_time()
    loop.run(study, tools)
    return {
        "search_seconds": time.perf_counter() - started,
        "oracle_seconds": oracle.seconds,
        "driver_cpu_seconds": time.process_time() - cpu,
    }


def _dataset() -> Any:
    import numpy as np

    from lenet_tune.data import DataSet, Split

    rng = np.random.default_rng(0)
    labels = np.arange(100) % 10
    split = Split(images=rng.integers(0, 256, (100, 32, 32, 3), dtype=np.uint8), labels=labels)
    return DataSet(name="noise", train=split, test=split, classes=tuple("0123456789"), notice="noise")


# Out


COLUMNS = ("workers", "trials", "each", "groups", "trials/s", "of ideal", "driver ms/trial", "driver MiB")


def row(found: dict[str, Any]) -> tuple[str, ...]:
    """One search's figures as people read them, under `COLUMNS`."""
    load, ideal = found["load"], found["ideal"]
    return (
        str(load["workers"]),
        f"{load['trials']:,}",
        f"{load['trial_seconds']:g} s, {load['space']}",
        f"{found['groups']:,}",
        f"{found['rate']:.1f}",
        "-" if ideal is None else f"{100 * found['rate'] / ideal:.0f} %",
        "-" if ideal is not None else f"{found['driver_ms']:.1f}",
        f"{found['driver_peak_bytes'] / 2**20:,.0f}",
    )


def store(results: dict[str, Any], folder: Path) -> Path:
    """Write the figures with their proof beside the pages."""
    from lenet_tune.report.files import write_atomically

    return write_atomically(folder / "bench-workers.json", (json.dumps(results, indent=1) + "\n").encode())


if __name__ == "__main__":
    try:
        with tempfile.TemporaryDirectory() as place:
            answer = measure(Load(**json.loads(sys.argv[1])), Path(place) / "bench").record()
    except LeNetTuneError as problem:
        sys.exit(str(problem))
    print(json.dumps(answer))
