"""The array backend of the fused engine: the one Keras runs on.

`ops` has the same functions whichever it is; `tf_backend` and `jax_backend` are its two forms.
"""

import keras

from lenet_tune.errors import SettingError

if keras.backend.backend() == "tensorflow":
    from lenet_tune.engines import tf_backend as ops
elif keras.backend.backend() == "jax":
    from lenet_tune.engines import jax_backend as ops  # type: ignore[no-redef]  # the same functions
else:
    raise SettingError(
        f"The fused engine runs on TensorFlow or JAX, but Keras uses {keras.backend.backend()}: "
        "set KERAS_BACKEND, or choose the reference engine."
    )

__all__ = ["ops"]
