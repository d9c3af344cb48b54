"""Which device trains, and what the manifest says of it.

`prepare` must run before Keras is imported: the backend and the memory policy are read once, at import.
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

from lenet_tune.config import check_in
from lenet_tune.errors import LeNetTuneError, SettingError

BACKENDS = ("tensorflow", "jax")
DEVICES = ("auto", "cpu", "gpu")
_DRIVER = Path("/proc/driver/nvidia/gpus")  # a folder for each GPU that the driver has found


def prepare(backend: str | None, device: str, threads: int | None = None) -> None:
    """Choose the array backend and the device for this process.

    Args:
        backend: "tensorflow" or "jax"; None takes `KERAS_BACKEND`, and TensorFlow where it is not set.
        device: "auto" (a GPU where there is one), "cpu" or "gpu".
        threads: cores that this process may use, where it shares its host; None for all.

    Raises:
        SettingError: an unknown name. LeNetTuneError: the backend is not installed, or there is no GPU.
    """
    backend = backend_name(backend)
    check_in("device", device, DEVICES)
    os.environ["KERAS_BACKEND"] = backend
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    if device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
        os.environ["JAX_PLATFORMS"] = "cpu"
    if threads is not None:
        # Read when libraries are loaded; the last two are XLA's, for JAX on a CPU.
        os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "NPROC", "PJRT_NPROC"), str(threads)))
    with _start_up_chatter_hidden():
        _import_backend(backend)
        if backend == "tensorflow" and threads is not None:
            _limit_tensorflow(threads)
        if backend == "tensorflow":
            _grow_memory()
        found = _usable_gpus(backend)
    if device == "auto" and not found and any(_DRIVER.glob("*")):
        extra = "tensorflow[and-cuda]" if backend == "tensorflow" else "jax[cuda12]"
        print(
            f"NOTICE: a GPU is there, but {backend} cannot use it, so the CPU trains. pip install '{extra}' "
            "may mend it; --device cpu leaves this line out.",
            file=sys.stderr,
        )
    if device == "gpu" and not found:
        raise LeNetTuneError(
            f"`--device gpu` needs a GPU that {backend} can use, but there is none: leave --device out, or "
            f"install {backend} with CUDA support."
        )


def backend_name(backend: str | None = None) -> str:
    """The backend that is asked for; None takes `KERAS_BACKEND`, and TensorFlow where it is not set.

    Raises:
        SettingError: there is none of that name.
    """
    backend = backend or os.environ.get("KERAS_BACKEND") or BACKENDS[0]
    check_in("backend", backend, BACKENDS)
    return backend


@contextmanager
def _start_up_chatter_hidden() -> Iterator[None]:
    """Keep what native code writes to stderr while it starts, and show it only if the start fails.

    TensorFlow 2.21 logs a dozen lines here whatever `TF_CPP_MIN_LOG_LEVEL` says.
    """
    sys.stderr.flush()
    with tempfile.TemporaryFile() as kept:
        stderr = os.dup(2)
        os.dup2(kept.fileno(), 2)
        try:
            yield
        except BaseException:
            kept.seek(0)
            os.write(stderr, kept.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def _import_backend(backend: str) -> None:
    try:
        import_module(backend)
    except ImportError as error:
        extra = "lenet-tune[jax]" if backend == "jax" else backend
        raise LeNetTuneError(
            f"The {backend} backend cannot be imported: {error}. pip install '{extra}'."
        ) from error
    import keras

    if keras.backend.backend() != backend:
        raise SettingError(
            f"The backend must be chosen before Keras is imported, but it runs on {keras.backend.backend()} "
            f"already: set KERAS_BACKEND={backend}."
        )


def _limit_tensorflow(threads: int) -> None:
    import tensorflow as tf

    # The fused engine then sets the first to 1 and runs as many programs side by side as the second says.
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)


def _grow_memory() -> None:
    import tensorflow as tf

    for gpu in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(gpu, True)


def _usable_gpus(backend: str) -> list[str]:
    try:
        return gpus()
    except RuntimeError as error:
        # JAX raises this where JAX_PLATFORMS asks for a platform that does not start.
        reason = " ".join(str(error).split())[:200]
        raise LeNetTuneError(
            f"{backend} cannot start its device: {reason}. Pass --device cpu, or unset JAX_PLATFORMS."
        ) from error


def gpus() -> list[str]:
    """Names of the GPUs that the backend can use."""
    import keras

    if keras.backend.backend() == "jax":
        import jax

        return [d.device_kind for d in jax.devices() if d.platform in ("gpu", "cuda", "rocm")]
    import tensorflow as tf

    devices = tf.config.list_physical_devices("GPU")
    return [tf.config.experimental.get_device_details(d).get("device_name", "GPU") for d in devices]


def describe() -> str:
    """The device in use, as the manifest and the first line of a search show it."""
    found = gpus()
    if found:
        return f"GPU {found[0]}" + (f" (1 of {len(found)})" if len(found) > 1 else "")
    return f"CPU, {len(os.sched_getaffinity(0))} cores"
