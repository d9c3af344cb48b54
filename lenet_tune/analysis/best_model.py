"""Figures of the best trial's model, read from what the study keeps of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, kw_only=True)
class ClassAccuracy:
    """How one class fared: right of n images, and the class it was most often taken for."""

    name: str
    right: int
    n: int
    taken_for: str | None
    taken_count: int

    @property
    def accuracy(self) -> float | None:
        """Part of the class's images that were labelled right."""
        return self.right / self.n if self.n else None


@dataclass(frozen=True, kw_only=True, eq=False)
class Sample:
    """An image, its labels, and the maps of the last convolution: (h, w, filters) float64."""

    index: int
    image_png: str | None
    true: str
    predicted: str
    is_right: bool
    confidence: float | None
    maps: np.ndarray | None


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """An image labelled wrong: its place among those measured, and the outputs of both classes."""

    index: int
    true: str
    predicted: str
    confidence: float | None
    true_confidence: float | None


@dataclass(frozen=True, kw_only=True, eq=False)
class BestModel:
    """What is known of the best model; parts that the study does not hold are None or empty.

    Args:
        split: the images it was measured on.
        confusion: (classes, classes) int64, rows true, columns predicted.
        kernels: of the first convolution, (kh, kw, c, filters) float64.
        mistakes: the most confident ones, most confident first.
    """

    trial: int | None
    repeat: int | None
    split: str
    images: int | None
    accuracy: float | None
    loss: float | None
    classes: tuple[str, ...]
    confusion: np.ndarray | None
    kernels: np.ndarray | None
    kernel_layer: str
    feature_layer: str
    samples: tuple[Sample, ...]
    mistakes: tuple[Mistake, ...] = ()

    @property
    def balanced_accuracy(self) -> float | None:
        """Mean over the classes of the part of their images that is right; None without a confusion matrix.

        It is `accuracy` where all classes have as many images; a class without images does not count.
        Source: Brodersen et al. (2010).
        """
        if self.confusion is None or not self.confusion.any():
            return None
        sizes = self.confusion.sum(axis=1)
        there = sizes > 0
        return float((np.diag(self.confusion)[there] / sizes[there]).mean())

    @property
    def is_unbalanced(self) -> bool:
        """Whether the classes of the measured images differ in size."""
        return self.confusion is not None and len(set(self.confusion.sum(axis=1).tolist())) > 1


def best_model(data: Mapping[str, Any] | None) -> BestModel | None:
    """The figures in `Snapshot.best_model`; what is missing or has no sound shape is left out."""
    if not data:
        return None
    names = data.get("classes")
    classes = tuple(map(str, names)) if isinstance(names, (list, tuple)) else ()
    confusion = array(data.get("confusion"), 2)
    if confusion is not None and (confusion.shape[0] != confusion.shape[1] or (confusion < 0).any()):
        confusion = None
    if confusion is not None and len(classes) != len(confusion):
        classes = tuple(f"class {i}" for i in range(len(confusion)))
    samples, mistakes = data.get("samples"), data.get("mistakes")
    return BestModel(
        trial=data.get("trial"),
        repeat=data.get("repeat"),
        split=str(data.get("split", "held-out")),
        images=data.get("images"),
        accuracy=data.get("accuracy"),
        loss=data.get("loss"),
        classes=classes,
        confusion=None if confusion is None else confusion.astype(np.int64),
        kernels=array(data.get("kernels"), 4),
        kernel_layer=str(data.get("kernel_layer", "first convolution")),
        feature_layer=str(data.get("feature_layer", "last convolution")),
        samples=tuple(_sample(s, classes) for s in samples or () if isinstance(s, Mapping)),
        mistakes=tuple(_mistake(m, classes) for m in mistakes or () if isinstance(m, Mapping)),
    )


def array(value: Any, ndim: int) -> np.ndarray | None:
    """Nested lists as a float64 array of `ndim` dimensions; None where they are not that, or not finite."""
    try:
        found = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        return None
    return found if found.ndim == ndim and found.size and np.isfinite(found).all() else None


def _sample(data: Mapping[str, Any], classes: tuple[str, ...]) -> Sample:
    true, predicted = data.get("true"), data.get("predicted")
    return Sample(
        index=data.get("index", -1),
        image_png=data.get("image_png") if isinstance(data.get("image_png"), str) else None,
        true=_name(true, classes),
        predicted=_name(predicted, classes),
        is_right=true == predicted,
        confidence=data.get("confidence"),
        maps=array(data.get("maps"), 3),
    )


def _mistake(data: Mapping[str, Any], classes: tuple[str, ...]) -> Mistake:
    return Mistake(
        index=data.get("index", -1),
        true=_name(data.get("true"), classes),
        predicted=_name(data.get("predicted"), classes),
        confidence=data.get("confidence"),
        true_confidence=data.get("true_confidence"),
    )


def _name(index: Any, classes: tuple[str, ...]) -> str:
    known = isinstance(index, int) and 0 <= index < len(classes)
    return classes[index] if known else f"class {index}"


def class_accuracies(model: BestModel) -> tuple[ClassAccuracy, ...]:
    """Every class, in the data set's order; empty without a confusion matrix."""
    if model.confusion is None:
        return ()
    found = []
    for i, (name, row) in enumerate(zip(model.classes, model.confusion, strict=True)):
        wrong = row.copy()
        wrong[i] = 0
        most = int(wrong.argmax())
        found.append(
            ClassAccuracy(
                name=name,
                right=int(row[i]),
                n=int(row.sum()),
                taken_for=model.classes[most] if wrong[most] else None,
                taken_count=int(wrong[most]),
            )
        )
    return tuple(found)
