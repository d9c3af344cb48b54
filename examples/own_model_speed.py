"""Measures how much faster the model of `own_model.py` is searched fused than by stock Keras Tuner.

Each search runs in a process of its own. Fused and stock take turns, pair by pair, and the ratio is the
median over the pairs. Example: `python examples/own_model_speed.py reports/bench-own-model.json`.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

BATCH = 32
WARM_EPOCHS = 1
"""Epochs that pay for compilation, left out of the rate."""


def measure(kind: str, images: int, trials: int, epochs: int) -> dict[str, float]:
    """Search once; seconds of it all, and images x models per second over the epochs after the first.

    Args:
        kind: "fused" or "stock".
        images: generated ones; speed does not depend on what they show.
    """
    import keras
    import numpy as np
    from own_model import build

    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (images, 32, 32, 3), dtype=np.uint8)
    y = rng.integers(0, 10, images)
    held_out = x[: images // 4], y[: images // 4]
    keras.utils.set_random_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        tuner = make_tuner(kind, build, trials, folder)
        timer = make_timer()
        started = time.perf_counter()
        tuner.search(
            x, y, epochs=epochs, batch_size=BATCH, validation_data=held_out, callbacks=[timer], verbose=0
        )
        seconds = time.perf_counter() - started
    done = sum(trial.status == "COMPLETED" for trial in tuner.oracle.trials.values())
    if done != trials or (kind == "fused" and tuner.not_fused):
        sys.exit(f"{done} of {trials} trials were completed; not fused: {getattr(tuner, 'not_fused', {})}")
    return {
        "search_seconds": seconds,
        "rate": images * trials * (epochs - WARM_EPOCHS) / timer.warm_seconds(),
    }


def make_tuner(kind: str, build: Any, trials: int, folder: str) -> Any:
    """The tuner; both draw the same settings."""
    import keras_tuner

    from lenet_tune import FusedTuner

    place = {"directory": folder, "project_name": kind}
    if kind == "fused":
        return FusedTuner(build, "val_accuracy", max_trials=trials, group=trials, seed=1, **place)
    return keras_tuner.RandomSearch(build, "val_accuracy", max_trials=trials, seed=1, **place)


def make_timer() -> Any:
    """A callback that notes when epochs begin and end; the copies that tuners make share the list."""
    import keras

    spans: dict[int, list[float]] = {}

    class Timer(keras.callbacks.Callback):
        def __deepcopy__(self, memo: dict) -> "Timer":
            return Timer()

        def on_train_begin(self, logs: Any = None) -> None:
            self.number = len(spans)
            spans[self.number] = []

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            if epoch >= WARM_EPOCHS:
                spans[self.number].append(time.perf_counter())

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if epoch >= WARM_EPOCHS:
                spans[self.number].append(time.perf_counter())

        @staticmethod
        def warm_seconds() -> float:
            """Seconds in which at least one model was in an epoch after the first."""
            total, until = 0.0, 0.0
            intervals = (pair for own in spans.values() for pair in zip(own[::2], own[1::2], strict=True))
            for begin, end in sorted(intervals):
                total += max(0.0, end - max(begin, until))
                until = max(until, end)
            return total

    return Timer()


def child(kind: str, sizes: tuple[int, int, int]) -> dict[str, float]:
    """One measurement in a process of its own."""
    words = [sys.executable, __file__, "-", "--child", kind, "--images", str(sizes[0])]
    words += ["--trials", str(sizes[1]), "--epochs", str(sizes[2])]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit((done.stderr.strip().splitlines() or [f"ended with status {done.returncode}"])[-1])
    return json.loads(done.stdout.splitlines()[-1])


def run(out: Path, sizes: tuple[int, int, int], pairs: int) -> None:
    """Measure pair by pair, and write what there is after each."""
    found: list[dict[str, dict[str, float]]] = []
    for number in range(pairs):
        order = ("stock", "fused") if number % 2 == 0 else ("fused", "stock")
        found.append({kind: child(kind, sizes) for kind in order})
        results = summary(found, sizes)
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        print(f"pair {number + 1}/{pairs}: {json.dumps(found[-1])}", file=sys.stderr)
    print(
        f"whole search {results['search_ratio']:.2f} x, epochs after the first {results['rate_ratio']:.2f} x"
    )


def summary(found: list[dict[str, dict[str, float]]], sizes: tuple[int, int, int]) -> dict[str, Any]:
    """The figures with their proof."""
    from lenet_tune import devices, manifest

    backend = os.environ.get("KERAS_BACKEND") or "tensorflow"
    facts = manifest.collect(
        {}, program="python", command=sys.argv, device=devices.describe(), backend=backend
    )
    return {
        "task": {"images": sizes[0], "trials": sizes[1], "epochs": sizes[2], "batch": BATCH},
        "proof": {k: facts[k] for k in ("command", "commit", "versions", "device", "platform", "started")},
        "pairs": found,
        "search_ratio": median(p["stock"]["search_seconds"] / p["fused"]["search_seconds"] for p in found),
        "rate_ratio": median(p["fused"]["rate"] / p["stock"]["rate"] for p in found),
    }


def main(words: list[str] | None = None) -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("out", type=Path, help="where to write the figures, as JSON")
    parser.add_argument("--images", type=int, default=1600, help="an epoch, a multiple of 4 [1600]")
    parser.add_argument("--trials", type=int, default=8, help="trained together when fused [8]")
    parser.add_argument("--epochs", type=int, default=3, help="the first is warm-up [3]")
    parser.add_argument("--pairs", type=int, default=3, help="[3]")
    parser.add_argument("--child", choices=("fused", "stock"), help=argparse.SUPPRESS)
    given = parser.parse_args(words)
    sizes = (given.images, given.trials, given.epochs)
    if given.epochs <= WARM_EPOCHS or min(*sizes, given.pairs) < 1:
        parser.error("--epochs must be at least 2, and the other numbers at least 1")
    if given.child:
        print(json.dumps(measure(given.child, *sizes)))
    else:
        run(given.out, sizes, given.pairs)


if __name__ == "__main__":
    main()
