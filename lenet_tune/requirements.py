"""Whether the packages that this one needs are there, in the versions it needs."""

import re
from collections.abc import Iterator
from importlib import metadata

from lenet_tune.errors import LeNetTuneError

_LINE = re.compile(r"([A-Za-z0-9._-]+)\s*>=\s*([0-9.]+)")


class RequirementError(LeNetTuneError):
    """A package is missing or too old."""


def check() -> None:
    """Refuse to start with a package that is missing or too old.

    Raises:
        RequirementError: with the pip command that mends it.
    """
    found = list(unmet())
    if found:
        names = " ".join(f"'{name}>={version}'" for name, version, _ in found)
        parts = "; ".join(f"{name} >= {version}, but {there}" for name, version, there in found)
        raise RequirementError(f"lenet-tune needs {parts}: pip install {names}")


def explain(error: ModuleNotFoundError) -> str:
    """One line for a module that cannot be imported."""
    package = (error.name or "a module").partition(".")[0].replace("_", "-")
    return f"{package} is missing or cannot be imported ({error}): pip install '{package}'"


def needed() -> Iterator[tuple[str, str]]:
    """(package, oldest version) of each requirement; nothing where this package is not installed."""
    try:
        lines = metadata.requires("lenet-tune") or []
    except metadata.PackageNotFoundError:  # run from a checkout that is not installed
        return
    for line in lines:
        match = _LINE.match(line)
        if match is not None and "extra ==" not in line:
            yield match[1], match[2]


def unmet() -> Iterator[tuple[str, str, str]]:
    """(package, oldest version, what is there instead) of each requirement that is not met."""
    for name, version in needed():
        there = installed(name)
        if there is None:
            yield name, version, "it is not installed"
            continue
        if _numbers(there) < _numbers(version):
            yield name, version, f"{there} is installed"


def installed(package: str) -> str | None:
    """The version of a package by its metadata; None where it is not there, or damaged."""
    try:
        return metadata.version(package) or None
    except (metadata.PackageNotFoundError, OSError, ValueError, TypeError, KeyError):
        return None


def _numbers(version: str) -> tuple[int, ...]:
    # The leading number of each part: 3.15.0rc1 counts as 3.15.0.
    return tuple(int(n) for n in re.findall(r"(?:^|\.)(\d+)", version))
