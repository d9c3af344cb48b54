"""The proof behind a study's figures: versions, commit, device, dtype, command, times."""

import platform
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from lenet_tune import __version__

_PACKAGES = ("keras", "keras-tuner", "tensorflow", "jax", "numpy", "scipy", "scikit-learn")
# What proposals and training depend on, besides the backend in use.
_DECISIVE = ("lenet-tune", "keras", "keras-tuner", "numpy", "scipy", "scikit-learn")


def collect(
    previous: Mapping[str, Any],
    *,
    command: Sequence[str],
    device: str,
    backend: str,
    program: str = "lenet-tune",
) -> dict[str, Any]:
    """The manifest of a session that starts now.

    Args:
        previous: the study's manifest so far; a resumed study keeps its first start and its sessions.
        command: argv of the session, without the program's path.
        program: what it is typed after.
    """
    session = {
        "command": " ".join([program, *(_public(word) for word in command)]),
        "commit": commit(),
        "versions": _versions(),
        "backend": backend,
        "device": device,
        "dtype": "float32",
        "platform": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "started": now(),
        "wall_seconds": 0.0,
    }
    sessions = [*previous.get("sessions", []), session]
    first = {"command": sessions[0]["command"], "started": sessions[0]["started"]}
    wall = sum(s["wall_seconds"] for s in sessions)
    return {**session, **first, "wall_seconds": wall, "sessions": sessions, "interrupted": True}


def last_backend(manifest: Mapping[str, Any]) -> str | None:
    """The backend of the study's last session; None before there was one."""
    return manifest.get("sessions", [{}])[-1].get("backend")


def differences(manifest: Mapping[str, Any], backend: str) -> list[str]:
    """What would not be as in the study's last session: "keras was 3.15.1 and is now 3.16.0"."""
    if not manifest.get("sessions"):
        return []
    last, now_there = manifest["sessions"][-1], _versions()
    before = {"backend": last.get("backend")} | {k: last["versions"].get(k) for k in (*_DECISIVE, backend)}
    after = {"backend": backend} | {k: now_there.get(k) for k in (*_DECISIVE, backend)}
    return [f"{k} was {before[k]} and is now {after[k]}" for k in before if before[k] != after[k]]


def decisive(backend: str | None) -> dict[str, str | None]:
    """Versions of what the numbers depend on, here; every process of a search must have the same."""
    there = _versions()
    return {package: there.get(package) for package in (*_DECISIVE, *([backend] if backend else []))}


def finish(manifest: Mapping[str, Any], *, wall_seconds: float, interrupted: bool) -> dict[str, Any]:
    """The manifest of a session that ends now, after `wall_seconds`."""
    *earlier, last = manifest["sessions"]
    sessions = [*earlier, {**last, "ended": now(), "wall_seconds": round(wall_seconds, 3)}]
    total = sum(s["wall_seconds"] for s in sessions)
    return {
        **manifest,
        "sessions": sessions,
        "ended": sessions[-1]["ended"],
        "wall_seconds": total,
        "interrupted": interrupted,
    }


def now() -> str:
    """This moment in UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _versions() -> dict[str, str]:
    versions = {"lenet-tune": __version__}
    for package in _PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions


def commit() -> str | None:
    """The commit of this code, "-dirty" where files differ from it; None outside a checkout."""
    here = Path(__file__).parent
    git = ["git", "-C", str(here), "describe", "--always", "--dirty", "--exclude=*", "--abbrev=10"]
    try:
        tracked = subprocess.run(
            ["git", "-C", str(here), "ls-files", "--error-unmatch", Path(__file__).name],
            capture_output=True,
            timeout=10,
        )
        # Installed inside somebody else's checkout, that commit says nothing about this code.
        if tracked.returncode != 0:
            return None
        done = subprocess.run(git, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None


def _public(word: str) -> str:
    # Pages travel: a path is shown by its last part only, without home folders and user names.
    return shlex.quote(Path(word).name if word.startswith(("/", "~")) else word)
