"""Whether everything is there to work with: versions, devices, data, disk, extras, and what mends the rest.

Nothing heavy is imported here: packages are looked up by their metadata, and the backend is started in a
process of its own, so that a broken one costs a line and not this command.
"""

import json
import os
import platform
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lenet_tune import __version__, requirements
from lenet_tune.errors import LeNetTuneError

PROBE_TIMEOUT = 120.0
"""Seconds that the backend gets to start; TensorFlow takes about four."""

DISK_NEEDED = 2**30
"""Bytes that should be free: CIFAR-10 and a long study take less than half of it."""

EXTRAS = {
    "jax": ("jax", "jax", "train on JAX: --backend jax"),
    "hf": ("datasets", "datasets", "read data sets of Hugging Face: --data hf:NAME"),
    "tfds": ("tensorflow_datasets", "tensorflow-datasets", "read TensorFlow Datasets: --data tfds:NAME"),
    "tensorboard": (
        "tensorboard",
        "tensorboard",
        "export event files: --tensorboard; and run stock Keras Tuner in `bench`",
    ),
    "torch": ("torch", "torch", "have PyTorch beside the others in `bench`"),
    "optuna": ("optuna", "optuna", "compare with Optuna in `selfcheck`"),
}
"""What is not needed: the module, the package, and what it is good for."""

_PROBE = """
import json, os, sys
backend = os.environ["KERAS_BACKEND"]
import keras
if backend == "jax":
    import jax
    found = [
        {"name": f"{d.platform} {d.device_kind}", "bytes": (d.memory_stats() or {}).get("bytes_limit")}
        for d in jax.devices()
    ]
else:
    import tensorflow as tf
    found = []
    for device in tf.config.list_physical_devices():
        details = tf.config.experimental.get_device_details(device)
        found.append({"name": details.get("device_name", device.device_type), "bytes": None})
print("\\nprobe:" + json.dumps({"backend": keras.backend.backend(), "devices": found}))
"""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at.

    Args:
        is_needed: whether nothing works without it.
        fix: the command or step that mends it; None where nothing is to be mended.
    """

    topic: str
    name: str
    text: str
    is_ok: bool = True
    is_needed: bool = False
    fix: str | None = None

    @property
    def is_fatal(self) -> bool:
        """Whether this keeps lenet-tune from working."""
        return self.is_needed and not self.is_ok


@dataclass(frozen=True, kw_only=True)
class Place:
    """What is looked at besides the machine itself."""

    out: Path
    source: str | None
    backend: str | None
    environ: Mapping[str, str]


def examine(place: Place) -> Iterator[Finding]:
    """Look at everything, one finding after the other."""
    yield Finding(topic="version", name="lenet-tune", text=__version__)
    yield _python()
    yield from _packages()
    yield from _backend(place)
    yield _data(place)
    yield from _disk(place.out)
    yield from _extras()


def lines(findings: list[Finding]) -> Iterator[str]:
    """The findings as text of 80 columns; what mends something stands on a line of its own, to be copied."""
    width = max(len(finding.name) for finding in findings)
    width = min(width, 24)
    topic = None
    for finding in findings:
        if finding.topic != topic:
            topic = finding.topic
            yield f"{topic}:"
        mark = "ok" if finding.is_ok else "!!" if finding.is_needed else "--"
        first = f"  {mark}  {finding.name:<{width}}  "
        indent = " " * len(first)
        yield from _wrapped(first + finding.text, indent)
        if finding.fix is not None and not finding.is_ok:
            is_command = finding.fix.startswith("pip ")
            yield from [indent + finding.fix] if is_command else _wrapped(indent + finding.fix, indent)
    fatal = [finding for finding in findings if finding.is_fatal]
    if fatal:
        yield f"{len(fatal)} of what is needed is missing: {', '.join(finding.name for finding in fatal)}"
    else:
        yield "everything that is needed is there"


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, 80, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def as_json(findings: list[Finding]) -> dict[str, Any]:
    """The findings, JSON-ready."""
    return {
        "ok": not any(finding.is_fatal for finding in findings),
        "findings": [asdict(finding) for finding in findings],
    }


def _python() -> Finding:
    text = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    return Finding(topic="version", name="python", text=text)


def _packages() -> Iterator[Finding]:
    needed = list(requirements.needed())
    if not needed:
        yield Finding(
            topic="version",
            name="requirements",
            text="unknown, since lenet-tune is not installed as a package",
            is_ok=False,
            fix="pip install -e . in its folder",
        )
    unmet = {name: there for name, _, there in requirements.unmet()}
    for name, version in needed:
        if name in unmet:
            yield Finding(
                topic="version",
                name=name,
                text=f"{unmet[name]}, but {version} or newer is needed",
                is_ok=False,
                is_needed=True,
                fix=f"pip install '{name}>={version}'",
            )
        else:
            yield Finding(topic="version", name=name, text=requirements.installed(name) or "", is_needed=True)


def _backend(place: Place) -> Iterator[Finding]:
    """Whether the backend starts, and the devices that it finds."""
    backend = place.backend or place.environ.get("KERAS_BACKEND") or "tensorflow"
    fix = f"pip install --upgrade --force-reinstall '{backend}'"
    answer = _probe(backend, place.environ)
    if isinstance(answer, str):
        yield Finding(topic="backend", name=backend, text=answer, is_ok=False, is_needed=True, fix=fix)
        return
    yield Finding(topic="backend", name=backend, text="starts", is_needed=True)
    graphics = _graphics_memory(place.environ)
    for device in answer["devices"]:
        name, memory = device["name"], device["bytes"]
        if "cpu" in name.lower():
            name, memory = f"CPU, {_cores()} cores", _memory()
        elif memory is None and graphics:
            memory = graphics.pop(0)
        text = "memory unknown" if memory is None else f"{memory / 2**30:,.1f} GiB"
        yield Finding(topic="device", name=name, text=text)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


def _graphics_memory(environ: Mapping[str, str]) -> list[int]:
    """Bytes of each GPU that the driver's own tool knows; TensorFlow does not say."""
    program = shutil.which("nvidia-smi", path=environ.get("PATH"))
    if program is None:
        return []
    words = [program, "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=20, check=True)
        return [int(line) * 2**20 for line in done.stdout.split()]
    except (OSError, subprocess.SubprocessError, ValueError):
        return []


def _probe(backend: str, environ: Mapping[str, str]) -> dict[str, Any] | str:
    """What the backend says of itself in a process of its own, or what went wrong in a few words."""
    variables = {**environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "2"}
    try:
        done = subprocess.run(
            [sys.executable, "-c", _PROBE],
            env=variables,
            capture_output=True,
            timeout=PROBE_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"does not start within {PROBE_TIMEOUT:g} s"
    except OSError as error:
        return f"cannot be tried: {error}"
    for line in done.stdout.decode("utf-8", "replace").splitlines():
        if line.startswith("probe:"):
            return json.loads(line.removeprefix("probe:"))
    lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return f"does not start: {lines[-1][:200] if lines else f'exit code {done.returncode}'}"


def _data(place: Place) -> Finding:
    """Whether the data that a search would take are on this machine."""
    try:
        # Only here: it needs packages that may be the very ones that are missing.
        from lenet_tune.data.locating import locate

        found = locate(place.source, environ=place.environ)
    except LeNetTuneError as error:
        text, fix = str(error), "pass another --data, or unset LENET_TUNE_DATA"
        return Finding(topic="data", name="data", text=text, is_ok=False, is_needed=True, fix=fix)
    except ImportError as error:
        text, fix = f"cannot be looked for: {error}", "install what is missing above"
        return Finding(topic="data", name="data", text=text, is_ok=False, is_needed=True, fix=fix)
    return Finding(topic="data", name=found.name, text=found.text, is_ok=found.is_there, fix=found.fix)


def _disk(out: Path) -> Iterator[Finding]:
    folder = out.expanduser().absolute()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    writable = os.access(folder, os.W_OK | os.X_OK) and folder.is_dir()
    yield Finding(
        topic="disk",
        name="writing",
        text=f"{folder} {'can' if writable else 'cannot'} be written to",
        is_ok=writable,
        is_needed=True,
        fix=None if writable else "choose another folder with --out",
    )
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        yield Finding(topic="disk", name="free", text=str(error), is_ok=False, fix="choose another --out")
        return
    enough = free >= DISK_NEEDED
    yield Finding(
        topic="disk",
        name="free",
        text=f"{free / 2**30:,.1f} GiB",
        is_ok=enough,
        fix=None if enough else f"free at least {DISK_NEEDED / 2**30:g} GiB",
    )


def _extras(find: Callable[[str], Any] = find_spec) -> Iterator[Finding]:
    for name, (module, package, purpose) in EXTRAS.items():
        try:
            is_there = find(module) is not None
        except (ImportError, ValueError, AttributeError):  # a package that is half there
            is_there = False
        version = requirements.installed(package) or "there"
        yield Finding(
            topic="extra",
            name=name,
            text=f"{version if is_there else 'not there'}, to {purpose}",
            is_ok=is_there,
            fix=None if is_there else f"pip install '{package}'",
        )
