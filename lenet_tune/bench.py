"""`lenet-tune bench`: how fast each way of training many small networks is, side by side on one machine.

Every measurement runs in a process of its own, so that peak memory is its own and nothing is warm from
another; the contenders take turns, round after round, so that a machine that slows down slows all of them.
Speeds count whole epochs after the first, which pays for compilation.
"""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from lenet_tune.errors import LeNetTuneError, SettingError

GROUP_SIZES = {"cpu": (1, 4, 12, 24, 48), "gpu": (1, 12, 48, 120, 240)}
STOCK_TRIALS = 2
WARM_EPOCHS = 1


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is measured: a network of the report, and how many images an epoch has."""

    section: int
    images: int
    epochs: int
    device: str
    backend: str


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One process's figures.

    Args:
        rate: images x models per second over the epochs after the first.
        compile_seconds: what the first epoch took beyond the others.
        peak_bytes: most memory of the process; on a GPU, of the device where it says so.
    """

    contender: str
    models: int
    rate: float
    compile_seconds: float
    peak_bytes: int


@dataclass(frozen=True, kw_only=True)
class Row:
    """A contender's figures over the rounds."""

    contender: str
    models: int
    rates: tuple[float, ...]
    rate: float
    step_ms: float
    to_stock: float | None
    gflops: float
    matmul_share: float | None
    compile_seconds: float
    peak_bytes: int


def contenders(device: str, sizes: Sequence[int] = ()) -> list[tuple[str, int]]:
    """(name, models in a group) of everything that is measured."""
    groups = sizes or GROUP_SIZES["gpu" if device == "gpu" else "cpu"]
    return [("stock", 1), ("reference", 1), *_torch(), *(("fused", k) for k in groups)]


def run(
    task: Task, names: Sequence[tuple[str, int]], rounds: int, say: Callable[[str], None]
) -> dict[str, Any]:
    """Measure every contender `rounds` times, taking turns.

    Returns:
        JSON-ready: task, matmul GFLOP/s, rows, and what could not be measured and why.
    """
    found: dict[tuple[str, int], list[Measurement]] = {}
    problems: dict[str, str] = {}
    matmul: list[float] = []
    for number in range(1, rounds + 1):
        matmul.append(_child(task, "matmul", 1)["gflops"])
        for name, models in names:
            if f"{name} {models}" in problems:
                continue
            try:
                figures = Measurement(**_child(task, name, models))
            except LeNetTuneError as error:
                problems[f"{name} {models}"] = str(error)
                say(f"{name} K={models}: {error}")
                continue
            found.setdefault((name, models), []).append(figures)
            say(f"round {number}/{rounds}: {name} K={models}: {figures.rate:,.0f} images x models/s")
    return {
        "task": asdict(task),
        "proof": _child(task, "proof", 1),
        "rounds": rounds,
        "matmul_gflops": median(matmul),
        "rows": [asdict(row) for row in _rows(task, found, median(matmul))],
        "not_measured": problems,
    }


def _rows(task: Task, found: dict[tuple[str, int], list[Measurement]], matmul: float) -> list[Row]:
    from lenet_tune.estimate import training_flops

    lenet, train = _configs(task)
    stock = median(m.rate for m in found[("stock", 1)]) if ("stock", 1) in found else None
    rows = []
    for (name, models), runs in found.items():
        rate = median(m.rate for m in runs)
        gflops = rate * training_flops(lenet) / 1e9
        rows.append(
            Row(
                contender=name,
                models=models,
                rates=tuple(m.rate for m in runs),
                rate=rate,
                step_ms=1000 * train.batch_size * models / rate,
                to_stock=None if stock is None else rate / stock,
                gflops=gflops,
                matmul_share=gflops / matmul,
                compile_seconds=median(m.compile_seconds for m in runs),
                peak_bytes=round(median(m.peak_bytes for m in runs)),
            )
        )
    return rows


def _child(task: Task, name: str, models: int) -> dict[str, Any]:
    """One measurement in a process of its own."""
    words = json.dumps({"task": asdict(task), "name": name, "models": models})
    environment = {**os.environ, "KERAS_BACKEND": task.backend}
    done = subprocess.run(
        [sys.executable, "-m", "lenet_tune.bench", words],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or [f"ended with status {done.returncode}"])[-1]
        raise LeNetTuneError(last[:300])
    return json.loads(done.stdout.splitlines()[-1])


def _torch() -> list[tuple[str, int]]:
    from importlib.util import find_spec

    return [("pytorch", 1)] if find_spec("torch") else []


def network(task: Task) -> dict[str, Any]:
    """The setting that is measured; section 3's with 32 filters throughout, whatever its default is."""
    from lenet_tune import sections

    networks = {
        1: sections.ADJUSTED,
        2: sections.BASES["section2"],
        3: sections.model("section3", {"filters": "32"}),
    }
    if task.section not in networks:
        raise SettingError(
            f"`section` must be one of {', '.join(map(str, networks))}, but got {task.section}."
        )
    return {**networks[task.section], "epochs": task.epochs}


def _configs(task: Task) -> tuple[Any, Any]:
    from lenet_tune.config import InputSpec
    from lenet_tune.space import configs

    return configs(network(task), InputSpec())


# In the child


def _measure(task: Task, name: str, models: int) -> dict[str, Any]:
    from lenet_tune import bench_contenders, devices

    if name != "pytorch":
        devices.prepare(task.backend, task.device)
    if name == "matmul":
        return {"gflops": bench_contenders.matmul_gflops()}
    if name == "proof":
        from lenet_tune import manifest

        facts = manifest.collect({}, command=["bench"], device=devices.describe(), backend=task.backend)
        return {k: facts[k] for k in ("commit", "versions", "device", "dtype", "platform", "started")}
    seconds = bench_contenders.CONTENDERS[name](task, *_configs(task), models)  # of each epoch
    warm = seconds[WARM_EPOCHS:]
    return asdict(
        Measurement(
            contender=name,
            models=models,
            rate=models * task.images / median(warm),
            compile_seconds=max(0.0, sum(seconds[:WARM_EPOCHS]) - WARM_EPOCHS * median(warm)),
            peak_bytes=bench_contenders.device_peak_bytes(task)
            or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        )
    )


# Out


def store(results: dict[str, Any], folder: Path) -> Path:
    """Write the figures with their proof beside the pages."""
    from lenet_tune.report.files import write_atomically

    task = results["task"]
    name = f"bench-section{task['section']}-{task['device']}-{task['backend']}.json"
    return write_atomically(folder / name, (json.dumps(results, indent=1) + "\n").encode())


COLUMNS = (
    "what",
    "K",
    "images x models/s",
    "x stock",
    "ms/step",
    "GFLOP/s",
    "of matmul",
    "compile s",
    "peak MiB",
    "MiB/model",
)


def table(results: dict[str, Any]) -> list[tuple[str, ...]]:
    """The rows as people read them, under `COLUMNS`."""
    return [
        (
            row["contender"],
            str(row["models"]),
            f"{row['rate']:,.0f}",
            "-" if row["to_stock"] is None else f"{row['to_stock']:.2f}",
            f"{row['step_ms']:.2f}",
            f"{row['gflops']:.1f}",
            f"{100 * row['matmul_share']:.0f} %",
            f"{row['compile_seconds']:.1f}",
            f"{row['peak_bytes'] / 2**20:,.0f}",
            f"{row['peak_bytes'] / 2**20 / row['models']:,.0f}",
        )
        for row in results["rows"]
    ]


if __name__ == "__main__":
    request = json.loads(sys.argv[1])
    try:
        answer = _measure(Task(**request["task"]), request["name"], request["models"])
    except LeNetTuneError as problem:
        sys.exit(str(problem))
    print(json.dumps(answer))
