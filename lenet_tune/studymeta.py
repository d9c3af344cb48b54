"""What a study file says of the study as a whole, checked; and how a wrong value of a file is refused."""

import json
import re
from typing import Any, NoReturn

from lenet_tune.errors import StudyError
from lenet_tune.records import Definition

SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
"""Study names: they become folders and files, also those of a file that somebody else sent."""


def meta_value(key: str, text: Any) -> Any:
    """The value of a row of `meta`."""
    try:
        value = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        refuse("meta", f"key {key}", "value", "JSON", text)
    rule, fits = _META.get(key, ("", lambda v: True))
    if not fits(value):
        refuse("meta", f"key {key}", "value", rule, value)
    return value


def definition_record(value: Any) -> Definition:
    """The definition that stands in `meta`, as JSON gives it."""
    names = tuple(Definition.__dataclass_fields__)
    if not isinstance(value, dict) or set(value) != set(names):
        got = sorted(value) if isinstance(value, dict) else value
        refuse("meta", "key definition", "value", f"an object with {', '.join(names)}", got)
    for name, (rule, fits) in _DEFINITION.items():
        if not fits(value[name]):
            refuse("meta", "key definition", name, rule, value[name])
    return Definition(**{**value, "stages": tuple(value["stages"])})


def check_name(definition: Definition) -> None:
    """Refuse the name of a study that somebody else sent where it is no name for a file.

    Raises:
        StudyError: naming it.
    """
    if not SAFE_NAME.fullmatch(definition.name):
        raise StudyError(
            f"`definition.name` must be letters, digits, dots, dashes or underscores, but got "
            f"{definition.name[:100]!r}. Export the study again."
        )


def json_object(table: str, where: str, column: str, text: Any) -> dict[str, Any]:
    """The JSON object that a column holds."""
    try:
        value = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        value = None
    if not isinstance(value, dict):
        refuse(table, where, column, "a JSON object", text)
    return value


def refuse(table: str, where: str, column: str, rule: str, value: Any) -> NoReturn:
    """Name the row, the field, the rule and the value that breaks it.

    Raises:
        StudyError: always.
    """
    got = repr(value)
    got = got if len(got) <= 80 else got[:77] + "..."
    raise StudyError(altered(f"{table}, row {where}: `{column}` must be {rule}, but got {got}"))


def altered(what: str) -> str:
    """The message about a wrong value: `what`, and the way out."""
    return f"In table {what}. Something else altered the study file: put back a copy, or move it away."


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _is_data(value: Any) -> bool:
    return isinstance(value, dict) and _is_text(value.get("name")) and _is_text(value.get("fingerprint"))


_TEXT, _COUNT = ("text", _is_text), ("an integer of at least 0", _is_count)
_OBJECT = ("an object", lambda v: isinstance(v, dict))
_OBJECT_OR_NULL = ("an object or null", lambda v: v is None or isinstance(v, dict))
_META = {
    "planned": ("an integer or null", lambda v: v is None or _is_count(v)),
    "source": ("text or null", lambda v: v is None or _is_text(v)),
    "manifest": _OBJECT,
    "channel_statistics": _OBJECT_OR_NULL,
    "best_model": _OBJECT_OR_NULL,
}
_DEFINITION = {
    "name": ("a study name", lambda v: _is_text(v) and SAFE_NAME.fullmatch(v)),
    **dict.fromkeys(("kind", "title", "protocol", "engine"), _TEXT),
    **dict.fromkeys(("train_size", "held_out_size", "seed", "seeds"), _COUNT),
    **dict.fromkeys(("space", "options"), _OBJECT),
    "data": ("an object with name and fingerprint", _is_data),
    "section": ("an integer or null", lambda v: v is None or _is_count(v)),
    "stages": ("a list of texts", lambda v: isinstance(v, list) and all(map(_is_text, v))),
}
