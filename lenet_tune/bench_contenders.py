"""The contenders of `lenet-tune bench`, each a function that trains and gives the seconds of every epoch.

Letters: n images, K models.
"""

import tempfile
import time
from itertools import pairwise
from typing import Any

import numpy as np

from lenet_tune.bench import STOCK_TRIALS, Task, network
from lenet_tune.config import LeNetConfig, TrainConfig
from lenet_tune.data import Split
from lenet_tune.engines.base import Execution, TrainingData
from lenet_tune.errors import LeNetTuneError
from lenet_tune.executions import execution_seeds

HELD_OUT_IMAGES = 64  # so few that an epoch is training


def generated(task: Task) -> TrainingData:
    """(n, 32, 32, 3) generated images: speed does not depend on content."""
    rng = np.random.default_rng(0)

    def split(count: int) -> Split:
        images = rng.integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)
        return Split(images=images, labels=rng.integers(0, 10, count))

    return TrainingData(train=split(task.images), held_out=split(HELD_OUT_IMAGES))


def stock(task: Task, lenet: LeNetConfig, train: TrainConfig, models: int) -> list[float]:
    """Keras Tuner's own GridSearch over LeNetHyperModel, a few learning rates; the trials' median epochs."""
    import keras
    import keras_tuner

    from lenet_tune.hypermodel import LeNetHyperModel
    from lenet_tune.knobs import Choice
    from lenet_tune.space import Space

    class Timer(keras.callbacks.Callback):
        def __init__(self) -> None:
            super().__init__()
            self.trials: list[list[float]] = seconds

        # Keras Tuner copies callbacks for every trial: the copies must share the list.
        def __deepcopy__(self, memo: dict) -> "Timer":
            return Timer()

        def on_train_begin(self, logs: Any = None) -> None:
            self.trials.append([])

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.started = time.perf_counter()

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.trials[-1].append(time.perf_counter() - self.started)

    seconds: list[list[float]] = []
    rates = tuple(0.001 * (1 + i) for i in range(STOCK_TRIALS))
    space = Space.at(network(task)).replace({"learning_rate": Choice(rates)})
    data = generated(task)
    with tempfile.TemporaryDirectory() as folder:
        tuner = keras_tuner.GridSearch(
            LeNetHyperModel(lenet.input, space=space),
            objective=keras_tuner.Objective("val_accuracy", "max"),
            max_trials=STOCK_TRIALS,
            directory=folder,
            project_name="stock",
        )
        tuner.search(
            data.train.images,
            data.train.labels,
            validation_data=(data.held_out.images, data.held_out.labels),
            epochs=train.epochs,
            callbacks=[Timer()],
            verbose=0,
        )
    if len(seconds) < STOCK_TRIALS:
        raise LeNetTuneError("Keras Tuner's trials failed: it needs tensorboard. pip install tensorboard.")
    return [float(np.median(epochs)) for epochs in zip(*seconds, strict=True)]


def reference(task: Task, lenet: LeNetConfig, train: TrainConfig, models: int) -> list[float]:
    """The reference engine, one model."""
    from lenet_tune.engines.reference import train_group

    return _engine(train_group, task, lenet, train, models)


def fused(task: Task, lenet: LeNetConfig, train: TrainConfig, models: int) -> list[float]:
    """The fused engine, K models as one program."""
    from lenet_tune.engines.fused import train_group

    return _engine(train_group, task, lenet, train, models)


def _engine(train_group: Any, task: Task, lenet: LeNetConfig, train: TrainConfig, models: int) -> list[float]:
    seed, order = execution_seeds(0, 0)
    executions = [
        Execution(trial=k, repeat=0, seed=seed + k, order_seed=order, lenet=lenet, train=train)
        for k in range(models)
    ]
    seconds = []
    epochs = train_group(executions, generated(task))
    started = time.perf_counter()
    for _ in epochs:
        now = time.perf_counter()
        seconds.append(now - started)
        started = now
    return seconds


def pytorch(task: Task, lenet: LeNetConfig, train: TrainConfig, models: int) -> list[float]:
    """The loop everybody writes: one model, images on the device, shuffled index batches, eager."""
    import torch

    device = "cuda" if task.device == "gpu" else "cpu"
    data = generated(task).train
    images = torch.tensor(data.images, device=device).permute(0, 3, 1, 2).float()  # (n, 3, 32, 32)
    labels = torch.tensor(data.labels, device=device)
    model = _torch_model(lenet).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=train.learning_rate)
    seconds = []
    for _ in range(train.epochs):
        started = time.perf_counter()
        order = torch.randperm(len(images), device=device)
        for batch in order.split(train.batch_size):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(images[batch]), labels[batch]).backward()
            optimizer.step()
        if device == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - started)
    return seconds


def _torch_model(lenet: LeNetConfig) -> Any:
    from torch import nn

    activation = {"tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "relu": nn.ReLU}[lenet.activation]
    padding = lenet.padding if lenet.padding == "same" else 0
    channels, parts = lenet.input.image_shape[2], []
    for filters, pooled in zip(lenet.filters, lenet.pools, strict=True):
        parts += [nn.Conv2d(channels, filters, lenet.kernel_size, padding=padding), activation()]
        parts += [nn.AvgPool2d(2)] * pooled
        channels = filters
    h, w = lenet.map_shapes[-1]
    sizes = [h * w * channels, 120, *([84] if lenet.dense_84 else [])]
    parts.append(nn.Flatten())
    for units_in, units_out in pairwise(sizes):
        parts += [nn.Linear(units_in, units_out), activation()]
    return nn.Sequential(*parts, nn.Linear(sizes[-1], lenet.input.num_classes))


def matmul_gflops(size: int = 2048, seconds: float = 1.0) -> float:
    """What the device reaches on one large float32 matrix product, the best of the repeats in `seconds`."""
    import keras

    a = keras.ops.convert_to_tensor(np.random.default_rng(0).standard_normal((size, size), dtype=np.float32))
    best, end = np.inf, time.perf_counter() + seconds
    while time.perf_counter() < end:
        started = time.perf_counter()
        keras.ops.convert_to_numpy(keras.ops.matmul(a, a)[0, 0])
        best = min(best, time.perf_counter() - started)
    return 2 * size**3 / best / 1e9


def device_peak_bytes(task: Task) -> int | None:
    """Most memory taken on the GPU, where there is one and the backend says so."""
    if task.device != "gpu":
        return None
    if task.backend == "jax":
        import jax

        return jax.local_devices()[0].memory_stats()["peak_bytes_in_use"]
    import tensorflow as tf

    return tf.config.experimental.get_memory_info("GPU:0")["peak"]


CONTENDERS = {"stock": stock, "reference": reference, "pytorch": pytorch, "fused": fused}
