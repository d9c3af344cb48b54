"""Text from a study made fit to show: it may hold anything, and none of it may act."""

import re
from typing import Any

from markupsafe import Markup

# Control characters (tab and newline excepted), lone surrogates, noncharacters, and the marks that turn the
# direction of text that follows them.
_UNFIT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\u202a-\u202e\u2066-\u2069]")
_PERCENT = re.compile(r"(?<=\d) %")


def clean(text: str) -> str:
    """The text with characters that cannot or must not be shown replaced by U+FFFD."""
    return _UNFIT.sub("\ufffd", text)


def finalize(value: Any) -> Any:
    """What jinja does to every value before it escapes it; markup comes from our own charts only."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return _PERCENT.sub("\u00a0%", clean(value))


def shorten(text: str, limit: int) -> str:
    """The text, cut to `limit` characters with an ellipsis."""
    text = clean(text)
    return text if len(text) <= limit else text[: limit - 1] + "…"
