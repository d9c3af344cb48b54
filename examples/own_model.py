"""Searches a model of one's own on part of CIFAR-10, its trials trained fused, and writes the page.

Example: `python examples/own_model.py reports/own-model.html`; `--quick` takes a minute.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import keras
from keras import layers

from lenet_tune import FusedTuner, data


def build(hp: Any) -> keras.Model:
    """Two blocks of convolution, batch normalisation and pooling, then dropout and one dense layer."""
    filters, activation = hp.Choice("filters", [8, 16]), hp.Choice("activation", ["relu", "elu"])
    model = keras.Sequential([keras.Input((32, 32, 3)), layers.Rescaling(1 / 255)])
    for wider in (1, 2):
        model.add(layers.Conv2D(wider * filters, 3, padding="same", activation=activation))
        if hp.Boolean("normalise"):
            model.add(layers.BatchNormalization())
        model.add(layers.MaxPooling2D())
    model.add(layers.Flatten())
    model.add(layers.Dropout(hp.Float("dropout", 0.0, 0.5)))
    model.add(layers.Dense(10, activation="softmax"))
    rate = hp.Float("rate", 3e-4, 1e-2, sampling="log")
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def search(page: Path, source: str | None, train: int, trials: int, epochs: int, seeds: int) -> FusedTuner:
    """Search on `train` images and as many again, at most 2,000, to validate on; then write the page."""
    images = data.load(source)
    rest, held_out = data.stratified_split(images.train, size=min(train, 2000), seed=0)
    part = data.subset(rest, size=train, seed=0)
    with tempfile.TemporaryDirectory() as folder:
        tuner = FusedTuner(
            build,
            "val_accuracy",
            max_trials=trials,
            executions_per_trial=seeds,
            seed=0,
            group=6,
            directory=folder,
            project_name="own",
        )
        tuner.search(
            part.images,
            part.labels,
            epochs=epochs,
            validation_data=(held_out.images, held_out.labels),
            verbose=0,
        )
        name = f"{images.name}, a stratified part"
        tuner.report(page, title=f"A model of one's own on {name}", data=name, classes=images.classes)
    return tuner


def main(words: list[str] | None = None) -> None:
    """Read the command line, search, and say what was found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("page", type=Path, help="where to write the page, and the JSON beside it")
    parser.add_argument("--data", help="as lenet-tune takes it; images of 32x32 in colour, ten classes")
    parser.add_argument("--quick", action="store_true", help="400 images, 4 trials, 2 epochs, one seed")
    given = parser.parse_args(words)
    keras.utils.set_random_seed(0)
    sizes = (400, 4, 2, 1) if given.quick else (4000, 12, 6, 2)
    tuner = search(given.page, given.data, *sizes)
    best = tuner.oracle.get_best_trials()[0]
    fused = sum(map(len, tuner.groups))
    print(f"{fused} executions trained fused; best {best.score:.3f}: {best.hyperparameters.values}")
    print(given.page)


if __name__ == "__main__":
    main()
