"""Figures of a trained model that pages show: confusion matrix, kernels, feature maps of ten test images.

They are made once, while Keras is there, and stored, so that pages need neither Keras nor the weights.
"""

import base64
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from keras import Model, layers
from PIL import Image

from lenet_tune.config import InputSpec
from lenet_tune.data import DataSet
from lenet_tune.data.pictures import read_picture
from lenet_tune.engines.reference import EVALUATION_BATCH, initial_model, one_hot
from lenet_tune.errors import DataError
from lenet_tune.executions import execution_of
from lenet_tune.manifest import now
from lenet_tune.records import ExecutionRecord, TestReading, TrialRecord
from lenet_tune.study import Study

SAMPLES = 10  # report, Table 5
MISTAKES = 12


def best_model(study: Study, spec: InputSpec) -> tuple[TrialRecord, ExecutionRecord, Model] | None:
    """The best trial, the execution of it that stands for it, and that one's trained, compiled model.

    None before any trial is done.
    """
    best = study.snapshot().best
    if best is None:
        return None
    execution = _measured(best)[0]
    return best, execution, _trained(study, best, execution, spec)


def _measured(trial: TrialRecord) -> list[ExecutionRecord]:
    """A trial's finished executions with fresh seeds, which no choice has seen; else those of the search."""
    fresh = [e for e in trial.confirming if e.accuracy is not None]
    return fresh or [e for e in trial.searched if e.accuracy is not None]


def _trained(study: Study, trial: TrialRecord, execution: ExecutionRecord, spec: InputSpec) -> Model:
    start = study.checkpoint(trial.number, execution.repeat)
    return initial_model(execution_of(trial, execution, spec, start))


def measure_leaders(study: Study, dataset: DataSet, spec: InputSpec) -> None:
    """Read the test images for the leaders, once, and store the figures of the model to be shown.

    Each execution of the best trial, and of those that cannot be told apart from it, is measured. An ablation
    has no leaders: it chooses nothing.
    """
    snapshot = study.snapshot()
    best, known = snapshot.shown, {(r.trial, r.repeat) for r in snapshot.test_readings}
    if best is None or not _measured(best) or snapshot.definition.is_ablation:
        return
    wanted = [(t, e) for t in snapshot.tied for e in _measured(t) if (t.number, e.repeat) not in known]
    if not wanted and snapshot.best_model and snapshot.best_model["trial"] == best.number:
        return
    when = now()
    readings = [
        TestReading(
            trial=trial.number,
            repeat=execution.repeat,
            when=when,
            accuracy=_accuracy(_trained(study, trial, execution, spec), dataset),
            images=len(dataset.test),
        )
        for trial, execution in wanted
        if study.checkpoint(trial.number, execution.repeat) is not None
    ]
    shown = _measured(best)[0]
    figures = describe(_trained(study, best, shown, spec), dataset, seed=snapshot.definition.seed)
    study.set_best_model({"trial": best.number, "repeat": shown.repeat, **figures}, readings)


def _accuracy(model: Model, dataset: DataSet) -> float:
    outputs = model.predict(dataset.test.images, batch_size=EVALUATION_BATCH, verbose=0)  # (n, classes)
    return float((outputs.argmax(axis=1) == dataset.test.labels).mean())


def describe(model: Model, dataset: DataSet, *, seed: int) -> dict[str, Any]:
    """Figures of `model` on the test images of `dataset`.

    Args:
        seed: draws the ten images.

    Returns:
        JSON-ready: accuracy, loss, images, classes, confusion (rows true, columns predicted), kernels
        (kh, kw, c, filters) of the first convolution, samples with feature maps (h, w, filters) of the last,
        the most confident mistakes by their place among the images.
    """
    test, classes = dataset.test, dataset.num_classes
    probabilities = model.predict(test.images, batch_size=EVALUATION_BATCH, verbose=0)  # (n, classes)
    predicted = probabilities.argmax(axis=1)
    loss = model.evaluate(
        test.images, one_hot(test, classes), batch_size=EVALUATION_BATCH, verbose=0, return_dict=True
    )["loss"]
    confusion = np.zeros((classes, classes), dtype=int)
    np.add.at(confusion, (test.labels, predicted), 1)
    convolutions = [layer for layer in model.layers if isinstance(layer, layers.Conv2D)]
    chosen = np.random.default_rng(seed).choice(len(test), size=min(SAMPLES, len(test)), replace=False)
    return {
        "split": "test",
        "images": len(test),
        "accuracy": float((predicted == test.labels).mean()),
        "loss": float(loss),
        "classes": list(dataset.classes),
        "confusion": confusion.tolist(),
        "kernel_layer": convolutions[0].name,
        "kernels": _rounded(convolutions[0].get_weights()[0]),
        "feature_layer": convolutions[-1].name,
        "samples": _samples(model, convolutions[-1], test, np.sort(chosen), probabilities),
        "mistakes": _mistakes(test.labels, probabilities),
    }


def _mistakes(labels: np.ndarray, probabilities: np.ndarray) -> list[dict[str, Any]]:
    """The wrong labels with the highest outputs, highest first; labels (n,), probabilities (n, classes)."""
    predicted, surest = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = np.flatnonzero(predicted != labels)
    return [
        {
            "index": int(index),
            "true": int(labels[index]),
            "predicted": int(predicted[index]),
            "confidence": float(surest[index]),
            "true_confidence": float(probabilities[index, labels[index]]),
        }
        for index in wrong[np.argsort(-surest[wrong], kind="stable")][:MISTAKES]
    ]


def _samples(
    model: Model, layer: layers.Layer, test: Any, chosen: np.ndarray, probabilities: np.ndarray
) -> list[dict[str, Any]]:
    maps = Model(model.inputs, layer.output).predict(test.images[chosen], verbose=0)  # (10, h, w, filters)
    return [
        {
            "index": int(index),
            "image_png": _png(test.images[index]),
            "true": int(test.labels[index]),
            "predicted": int(probabilities[index].argmax()),
            "confidence": float(probabilities[index].max()),
            "maps": _rounded(maps[i]),
        }
        for i, index in enumerate(chosen)
    ]


def _png(image: np.ndarray) -> str:
    """A picture of (h, w, c) pixels: the first three channels as colours, one or two as grey."""
    buffer = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[2] < 3 else image[..., :3]).save(buffer, format="PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def _rounded(array: np.ndarray) -> list:
    # Pictures need no more digits, and the study file stays small.
    return np.vectorize(lambda v: float(f"{v:.4g}"))(array.astype(float)).tolist()


def read_image(path: Path, image_shape: Sequence[int]) -> np.ndarray:
    """An image file as (h, w, c) uint8 of the wanted shape, resized and made grey or colour as needed.

    Raises:
        DataError: if it cannot be read, or the model wants neither grey nor colour.
    """
    height, width, channels = image_shape
    if channels not in (1, 3):
        raise DataError(f"{path} cannot be an input of the model, whose images have {channels} channels.")
    picture = read_picture(path, (height, width))
    if channels == 1 and picture.shape[2] == 3:
        picture = np.asarray(Image.fromarray(picture).convert("L"))[..., None]
    return np.broadcast_to(picture, (height, width, channels))
