"""The best model as a file of its own, and what such a file says of images."""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from keras import Model

from lenet_tune.artifacts import best_model, read_image
from lenet_tune.config import InputSpec
from lenet_tune.errors import DataError, StudyError
from lenet_tune.modelfile import load_model
from lenet_tune.records import ExecutionRecord, TrialRecord
from lenet_tune.study import Study

MODEL_NAME = "best.keras"


def trained_best(study: Study) -> tuple[TrialRecord, ExecutionRecord, Model] | None:
    """The best trial, its execution and the trained model, as `artifacts.best_model` gives them."""
    data = study.definition.data
    spec = InputSpec(
        image_shape=tuple(data["image_shape"]), num_classes=data["num_classes"], **study.channel_statistics
    )
    return best_model(study, spec)


def export_best(study: Study, folder: Path) -> list[Path]:
    """Write best.keras and best.json (setting, accuracy, classes); nothing before a trial is done."""
    found = trained_best(study)
    if found is None:
        return []
    trial, execution, model = found
    path, facts = folder / MODEL_NAME, folder / "best.json"
    text = {
        "study": study.definition.name,
        "trial": trial.number,
        "setting": trial.setting,
        "seed": execution.seed,
        f"{study.definition.held_out_name}_accuracy": execution.accuracy,
        "classes": study.definition.data["classes"],
        "notice": study.definition.notice,
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        part = path.with_name("part-" + path.name)
        model.save(part)
        os.replace(part, path)
        facts.write_text(json.dumps(text, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise StudyError(f"{path} cannot be written: {error}. Choose another folder with --to.") from error
    return [path, facts]


def predictions(model_path: Path, images: Sequence[Path]) -> Iterator[tuple[Path, str, float]]:
    """(image, class name, the model's output for it) of each image file.

    The network is rebuilt, and only weights are read from the file: it can run no code of its own.

    Raises:
        DataError: a model or an image that cannot be read.
    """
    model = _load(model_path)
    classes = _classes(model_path, model.output_shape[-1])
    for path in images:
        image = read_image(path, model.input_shape[1:])
        outputs = model.predict(image[np.newaxis], verbose=0)[0]  # (classes,)
        yield path, classes[int(outputs.argmax())], float(outputs.max())


def _load(path: Path) -> Model:
    if not path.is_file():
        raise DataError(f"There is no model file {path}. `lenet-tune export STUDY` writes a {MODEL_NAME}.")
    return load_model(path)


def _classes(model_path: Path, count: int) -> list[str]:
    numbers = [f"class {i}" for i in range(count)]
    try:
        names = json.loads(model_path.with_suffix(".json").read_text(encoding="utf-8"))["classes"]
    except (OSError, ValueError, KeyError, TypeError):
        return numbers
    return names if isinstance(names, list) and len(names) == count else numbers
