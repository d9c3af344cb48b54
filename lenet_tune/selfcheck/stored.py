"""A self-check's figures back from the JSON that it wrote."""

import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from lenet_tune.errors import StudyError, reason
from lenet_tune.selfcheck.results import Curve, Landscape, Promise, Results, Trial


def read_results(path: Path) -> Results:
    """The results that a JSON file holds.

    Raises:
        StudyError: a file that is missing, no JSON, or no self-check.
    """
    try:
        return _results(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StudyError(
            f"{path} cannot be read as a self-check's figures: {reason(error)}. "
            "`lenet-tune selfcheck` writes them."
        ) from error


def _results(data: Mapping[str, Any]) -> Results:
    plan = {k: tuple(v) if isinstance(v, list) else v for k, v in data["plan"].items()}
    return Results(
        plan=plan,
        promises=tuple(_made(Promise, p) for p in data["promises"]),
        landscapes=tuple(
            _made(Landscape, {**place, "curves": tuple(_made(Curve, c) for c in place["curves"])})
            for place in data["landscapes"]
        ),
        trials=tuple(_made(Trial, t) for t in data["trials"]),
        real=data["real"],
        tpe=data["tpe"],
        proof=data["proof"],
    )


def _made(kind: type, data: Mapping[str, Any]) -> Any:
    values = {field.name: data[field.name] for field in fields(kind)}
    return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})
