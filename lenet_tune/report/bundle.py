"""The script that draws a living chart, packed and kept between processes: to bundle it takes over a second.

It is kept below XDG_CACHE_HOME, else ~/.cache, by the versions it is of. Where it cannot be kept, or what is
kept is damaged, it is bundled anew.
"""

import gzip
import os
import zlib
from contextlib import suppress
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

import vl_convert as vlc

from lenet_tune.errors import StudyError
from lenet_tune.report.files import write_atomically
from lenet_tune.report.vega import VERSION


@lru_cache(maxsize=1)
def packed_script() -> bytes:
    """Vega, Vega-Lite and Vega-Embed as one script that puts `vegaEmbed` into the window: gzip of 0.9 MB."""
    path = kept_at()
    packed = _kept(path)
    if packed is None:
        packed = gzip.compress(_bundled().encode(), 9, mtime=0)
        with suppress(StudyError):
            write_atomically(path, packed)
    return packed


def _kept(path: Path) -> bytes | None:
    """What is kept there, if it is whole: its checksum tells, but for an empty file."""
    try:
        packed = path.read_bytes()
        return packed if gzip.decompress(packed) else None
    except (OSError, EOFError, zlib.error):
        return None


def kept_at() -> Path:
    """Where the packed script is kept."""
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    name = f"vega-lite-{VERSION}-by-{version('vl-convert-python')}.js.gz"
    try:
        return Path(cache).expanduser() / "lenet-tune" / name
    except RuntimeError:  # a user without a home, as in some containers
        return Path(os.devnull) / name  # nothing can be read or written there


def _bundled() -> str:
    return vlc.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=VERSION)
