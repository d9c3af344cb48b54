"""Made-up studies for the tests of analysis, interchange and pages."""

import base64
import io
import math

import numpy as np
from PIL import Image

from lenet_tune import sections
from lenet_tune.engines.base import EpochResult
from lenet_tune.knobs import KNOBS, Choice
from lenet_tune.records import Definition, ExecutionRecord, Snapshot, TestReading, TrialRecord
from lenet_tune.space import Space, complete

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
# The only scripts of a page: its data, Vega packed, and its own.
SCRIPTS = [{"type": "application/json", "id": "page-data"}, {"type": "text/plain", "id": "vega"}, {}]
NOTICE = "not CIFAR-10, not comparable with the report"


def definition(**changes):
    values = {
        "name": "study",
        "kind": "random",
        "title": "LeNet on CIFAR-10: random search",
        "space": {},
        "section": None,
        "stages": (),
        "protocol": "validation",
        "data": {"name": "cifar10", "fingerprint": "ab12", "comparable": True, "classes": list(CLASSES)},
        "train_size": 45_000,
        "held_out_size": 5_000,
        "seed": 0,
        "seeds": 1,
        "engine": "reference",
    }
    return Definition(**{**values, **changes})


def manifest(**changes):
    values = {
        "command": "lenet-tune random --trials 12 --seed 0",
        "commit": "abc1234",
        "versions": {"lenet_tune": "0.1.0", "keras": "3.15.0"},
        "backend": "tensorflow",
        "device": "CPU (2 cores)",
        "dtype": "float32",
        "engine": "reference",
        "started": "2026-01-01T10:00:00Z",
        "ended": "2026-01-01T11:00:00Z",
        "wall_seconds": 3600.0,
        "platform": "Linux x86_64",
        "interrupted": False,
    }
    return {**values, **changes}


def execution(number, repeat, last, *, epochs=5, outcome="done", error=None):
    """An execution whose held-out accuracy rises to `last`."""
    results = []
    for epoch in range(1, epochs + 1):
        held = last if epoch == epochs else last * (1 - 0.7 ** (epoch + 1))
        loss = 2.3 - 1.5 * held + max(0, epoch - 4) * 0.02
        broken = outcome == "diverged" and epoch == epochs
        results.append(
            EpochResult(
                trial=number,
                repeat=repeat,
                epoch=epoch,
                train_loss=math.nan if broken else loss * 0.9,
                train_accuracy=min(1.0, held * (1 + 0.02 * epoch)),
                held_out_loss=math.inf if broken else loss,
                held_out_accuracy=held,
                seconds=1.5,
            )
        )
    return ExecutionRecord(
        trial=number,
        repeat=repeat,
        seed=1000 + repeat,
        order_seed=2000 + repeat,
        outcome=outcome,
        error=error,
        device="CPU",
        seconds=None if outcome is None else 1.5 * epochs + 0.1 * number,
        epochs=tuple(results),
    )


def trial(number, scores, *, setting=None, label=None, **more):
    """A trial with one execution a score."""
    setting = complete(setting or {})
    return TrialRecord(
        number=number,
        setting=setting,
        label=label or f"lr {setting['learning_rate']:.3g}, {setting['activation']}",
        proposal={},
        executions=tuple(execution(number, i, score, **more) for i, score in enumerate(scores)),
    )


def draw(domain, rng):
    if isinstance(domain, Choice):
        return domain.values[rng.integers(len(domain.values))]
    if domain.log:
        return float(np.exp(rng.uniform(np.log(domain.low), np.log(domain.high))))
    return float(rng.uniform(domain.low, domain.high))


def search(trials=12, *, seeds=1, epochs=5, wide=False, best=True, **changes):
    """A finished random search with a diverged and a failed trial among every ten."""
    rng = np.random.default_rng(7)
    names = [k.name for k in KNOBS if k.name != "epochs"] if wide else ["learning_rate", "activation", "loss"]
    space = Space.at({}).replace({k.name: k.domain for k in KNOBS if k.name in names})
    made = []
    for number in range(trials):
        values = {name: draw(domain, rng) for name, domain in space.domains.items()}
        values["epochs"] = epochs
        level = 0.5 - 0.06 * abs(math.log10(values["learning_rate"]) + 2) ** 2 + rng.normal(0, 0.03)
        scores = np.clip(level + rng.normal(0, 0.01, seeds), 0.05, 0.95).tolist()
        outcome, error = "done", None
        if number % 10 == 4:
            outcome = "diverged"
        elif number % 10 == 7:
            outcome, error = "failed", f"MemoryError: no {number} GB left"
        made.append(trial(number, scores, setting=values, epochs=epochs, outcome=outcome, error=error))
    snapshot = Snapshot(
        definition=definition(space=space.to_json(), seeds=seeds, **changes),
        manifest=manifest(),
        planned=trials,
        trials=tuple(made),
    )
    leader = snapshot.best
    return Snapshot(
        definition=snapshot.definition,
        manifest=snapshot.manifest,
        planned=trials,
        trials=snapshot.trials,
        test_readings=(
            TestReading(trial=leader.number, when="2026-01-01T11:00:00Z", accuracy=leader.score - 0.01,
                        images=10_000),
        ),
        best_model=best_model(leader.number) if best else None,
    )  # fmt: skip


def section_grid(section=1, *, epochs=30, seeds=1, done=None, notice=None, **changes):
    """The report's own grid of a section, near the published numbers."""
    rng = np.random.default_rng(3)
    runs = sections.runs(section)
    made = []
    for number, run in enumerate(runs[:done]):
        level = run.published or 0.35
        scores = np.clip(level + rng.normal(0, 0.008, seeds), 0.02, 0.95).tolist()
        setting = {**run.setting, "epochs": epochs}
        made.append(trial(number, scores, setting=setting, label=run.label, epochs=epochs))
    data = {"name": "shapes" if notice else "cifar10", "fingerprint": "cd34", "comparable": notice is None,
            "classes": list(CLASSES), "notice": notice}  # fmt: skip
    values = {
        "kind": "grid",
        "title": f"The report's section {section} on {'shapes' if notice else 'CIFAR-10'}",
        "section": section,
        "stages": ("initial", "adjusted") if section == 1 else (),
        "options": {"reading": sections.full_reading({})},
        "protocol": "report",
        "data": data,
        "train_size": 50_000,
        "held_out_size": 10_000,
        "seeds": seeds,
    }
    return Snapshot(
        definition=definition(**{**values, **changes}),
        manifest=manifest(command=f"lenet-tune grid --section {section} --epochs {epochs}"),
        planned=len(runs),
        trials=tuple(made),
        best_model=best_model(0) if made else None,
    )


def png(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def best_model(number, *, classes=CLASSES):
    """Figures of a made-up best model."""
    rng = np.random.default_rng(11)
    size = len(classes)
    confusion = rng.integers(0, 60, (size, size)) + np.diag(rng.integers(200, 700, size))
    samples = []
    for i in range(10):
        maps = rng.random((10, 10, 16)).cumsum(axis=0)
        samples.append({
            "index": i, "image_png": png(rng.integers(0, 255, (32, 32, 3), np.uint8)), "true": i % size,
            "predicted": (i * i) % size, "confidence": 0.5 + i / 30, "maps": maps.round(4).tolist(),
        })  # fmt: skip
    return {
        "trial": number,
        "repeat": 0,
        "split": "test",
        "images": int(confusion.sum()),
        "accuracy": float(np.trace(confusion) / confusion.sum()),
        "loss": 1.23,
        "classes": list(classes),
        "confusion": confusion.tolist(),
        "kernels": rng.normal(0, 0.2, (5, 5, 3, 6)).round(5).tolist(),
        "kernel_layer": "conv_1",
        "feature_layer": "conv_2",
        "samples": samples,
        "mistakes": [
            {
                "index": 7 * i,
                "true": i % size,
                "predicted": (i + 1) % size,
                "confidence": 0.99 - i / 50,
                "true_confidence": 0.004 * i,
            }
            for i in range(12)
        ],
    }


def ablation():
    """A setting taken apart: a change that costs, one that cannot be told, one that diverges, and all."""
    changes = (
        ("as it is", {"learning_rate": 0.03, "momentum": 0.5, "pooling": "max"}, (0.70, 0.72, 0.71)),
        ("momentum 0 instead of 0.5", {"learning_rate": 0.03, "pooling": "max"}, (0.71, 0.71, 0.72)),
        ("learning_rate 0.01 instead of 0.03", {"momentum": 0.5, "pooling": "max"}, (0.60, 0.63, 0.61)),
        ("pooling average instead of max", {"learning_rate": 0.03, "momentum": 0.5}, (0.1, 0.1, 0.1)),
        ("all of these", {}, (0.55, 0.56, 0.53)),
    )
    outcomes = ("done", "done", "done", "diverged", "done")
    return Snapshot(
        definition=definition(
            name="apart",
            kind="grid",
            title="LeNet on CIFAR-10: trial 3 of deep, knob by knob towards adjusted",
            seeds=3,
            options={"ablation": {"study": "deep", "trial": 3, "towards": "adjusted"}},
        ),
        manifest=manifest(command="lenet-tune ablate deep"),
        planned=len(changes),
        trials=tuple(
            trial(number, scores, setting=setting, label=label, outcome=outcomes[number])
            for number, (label, setting, scores) in enumerate(changes)
        ),
    )
