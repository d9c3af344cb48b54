"""Ray itself: started on this host for this process alone, or a cluster that is there already."""

import contextlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lenet_tune.errors import LeNetTuneError, SettingError

LOOPBACK = "127.0.0.1"
_PREFIX = "lenet-tune-ray-"
_STORE_BYTES = 512 * 2**20
"""Shared memory for checkpoints under way, besides the data."""


@contextlib.contextmanager
def started(data_bytes: int) -> Iterator[Any]:
    """Ray on this host, on the loopback device only, with a token that only its own processes have.

    It ends with the context, and with this process however that ends.

    Args:
        data_bytes: size of the data that goes into shared memory.
    """
    with _environment(
        # The switch between loopback and the network, on every system.
        RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER="0",
        RAY_AUTH_MODE="token",
        # Ray reads a token once a process, so one that is there already stays.
        RAY_AUTH_TOKEN=os.environ.get("RAY_AUTH_TOKEN") or secrets.token_hex(32),
        RAY_USAGE_STATS_ENABLED="0",
    ):
        import ray

        _sweep()
        with tempfile.TemporaryDirectory(
            prefix=f"{_PREFIX}{os.getpid()}-", dir=_short_folder(), ignore_cleanup_errors=True
        ) as folder:
            try:
                _init(
                    address="local",  # not a cluster that happens to run here
                    num_cpus=len(os.sched_getaffinity(0)),
                    include_dashboard=False,
                    object_store_memory=_STORE_BYTES + 2 * data_bytes,
                    _node_ip_address=LOOPBACK,
                    _temp_dir=folder,
                )
                if (address := ray.util.get_node_ip_address()) != LOOPBACK:
                    raise LeNetTuneError(
                        f"Ray must listen on {LOOPBACK} only, but it took {address}: "
                        "import nothing of Ray before lenet-tune does."
                    )
                yield ray
            finally:
                ray.shutdown()


@contextlib.contextmanager
def joined(address: str) -> Iterator[Any]:
    """A Ray cluster with a node on this host; "auto" finds it.

    Raises:
        SettingError: a Ray Client address. LeNetTuneError: nothing answers there.
    """
    if address.startswith("ray://"):
        raise SettingError(
            f"`--ray` must be auto or HOST:PORT of a cluster that this host is a node of, but got {address}: "
            "run lenet-tune on a node (the head will do) with --ray auto."
        )
    with _environment(RAY_USAGE_STATS_ENABLED="0"):
        import ray

        try:
            _init(address=address)
            yield ray
        finally:
            ray.shutdown()


def _init(**options: Any) -> None:
    import ray

    try:
        ray.init(log_to_driver=False, configure_logging=False, **options)
    except (ConnectionError, RuntimeError, ValueError, OSError, ray.exceptions.RayError) as error:
        reason = " ".join(str(error).split())[:200]
        raise LeNetTuneError(
            f"Ray cannot be used: {reason}. `ray status` shows whether a cluster is there, "
            "--workers N needs none."
        ) from error


@contextlib.contextmanager
def _environment(**values: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def _short_folder() -> str:
    # Ray puts sockets there, and a socket's path has 107 characters at most.
    folder = tempfile.gettempdir()
    return folder if len(folder) <= 16 else "/tmp"


def _sweep() -> None:
    """Remove what killed processes left behind."""
    for folder in Path(_short_folder()).glob(f"{_PREFIX}*"):
        pid = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists() and folder.stat().st_uid == os.getuid():
            shutil.rmtree(folder, ignore_errors=True)
