"""Search the hyper-parameters of LeNet-style CNNs with Keras Tuner, a whole group of trials at a time.

`lenet_tune.search("bayes", trials=50)` is the command line's search as a call. Names are loaded when they are
asked for, so that importing the package imports neither Keras nor a backend.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOME = {
    "Callback": "callbacks",
    "FusedTuner": "fused_tuner",
    "LeNetHyperModel": "hypermodel",
    "LeNetTuneError": "errors",
    "MLflowLogger": "loggers",
    "TensorBoardLogger": "loggers",
    "search": "api",
}
__all__ = ["LeNetHyperModel", "LeNetTuneError", "search"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
