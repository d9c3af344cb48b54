"""Knobs as people type them: `batch_size=32,128`, `learning_rate=0.001..0.1`, `bias_std_1=1/3072`."""

from typing import Any

from lenet_tune import config
from lenet_tune.config import InputSpec
from lenet_tune.errors import SettingError
from lenet_tune.knobs import BY_NAME, MAX_DEPTH, Choice, Domain, Range
from lenet_tune.space import check_name, configs


def parse_value(name: str, text: str) -> Any:
    """A knob's value from the command line.

    Raises:
        SettingError: unknown knob, or text of the wrong type.
    """
    check_name(name)
    knob = BY_NAME[name]
    text = text.strip()
    if isinstance(knob.default, bool):
        words = {
            "true": True,
            "on": True,
            "yes": True,
            "1": True,
            "false": False,
            "off": False,
            "no": False,
            "0": False,
        }
        if text.lower() not in words:
            raise SettingError(f"`{name}` must be true or false, but got {text!r}.")
        return words[text.lower()]
    if isinstance(knob.default, str) and isinstance(knob.domain, Choice):
        config.check_in(name, text, knob.domain.values)
        return text
    try:
        return int(text) if isinstance(knob.default, int) else _fraction(text)
    except (ValueError, ZeroDivisionError):
        kind = "an integer" if isinstance(knob.default, int) else "a number"
        raise SettingError(f"`{name}` must be {kind}, but got {text!r}.") from None


def _fraction(text: str) -> float:
    # The report writes standard deviations as 1/3072; the command line takes them so.
    top, _, bottom = text.partition("/")
    return float(top) / float(bottom) if bottom else float(top)


def parse_domain(text: str) -> tuple[str, Domain]:
    """`name=a,b,c` (listed values) or `name=low..high` (a range, logarithmic where the knob is).

    Raises:
        SettingError: anything else.
    """
    name, equals, values = text.partition("=")
    name = name.strip()
    if not equals or not values.strip():
        raise SettingError(f"A knob is given as NAME=VALUE[,VALUE...] or NAME=LOW..HIGH, but got {text!r}.")
    check_name(name)
    knob = BY_NAME[name]
    if ".." in values:
        if not isinstance(knob.domain, Range):
            raise SettingError(f"`{name}` takes listed values ({knob.domain}), not a range: got {values!r}.")
        low, high = (parse_value(name, part) for part in values.split("..", 1))
        return name, Range(low, high, log=knob.domain.log)
    listed = tuple(dict.fromkeys(parse_value(name, part) for part in values.split(",")))
    for value in listed:
        _check_buildable(name, value)
    return name, Choice(listed)


def _check_buildable(name: str, value: Any) -> None:
    # Values outside a search's domain are welcome (kernel_size=7) as long as the configuration takes them.
    if name == "depth":
        config.check_int("depth", value, 1, MAX_DEPTH)
    spec = InputSpec(image_shape=(512, 512, 3), channel_mean=(0.0,) * 3, channel_std=(1.0,) * 3)
    configs({"conv_bias": True, name: value}, spec)


def parse_duration(text: str, name: str = "budget") -> float:
    """Seconds from "90s", "20m", "2h", "1.5h", or a plain number of seconds; `name` is the option's.

    Raises:
        SettingError: anything else, or no time at all.
    """
    units = {"s": 1, "m": 60, "h": 3600}
    number, unit = (text[:-1], units[text[-1]]) if text[-1:] in units else (text, 1)
    try:
        seconds = float(number) * unit
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 1e9:
        raise SettingError(f"`{name}` must be a time such as 90s, 20m or 2h, but got {text!r}.")
    return seconds


def parse_image_size(text: str) -> tuple[int, int]:
    """(h, w) from "32" or "24x32", rows first.

    Raises:
        SettingError: anything but one or two integers in [1, 4096].
    """
    parts = text.lower().split("x")
    sides = [int(part) for part in parts if part.isascii() and part.isdigit() and 1 <= int(part) <= 4096]
    if len(sides) != len(parts) or len(sides) > 2:
        raise SettingError(
            f"`image_size` must be pixels in [1, 4096] such as 32 or 24x32 (rows x columns), but got "
            f"{text!r}."
        )
    return sides[0], sides[-1]


def parse_sizes(text: str) -> tuple[int, ...]:
    """Group sizes from "1,12,48".

    Raises:
        SettingError: anything but positive integers.
    """
    try:
        sizes = tuple(int(part) for part in text.split(","))
    except ValueError:
        sizes = (0,)
    if min(sizes) < 1:
        raise SettingError(f"`sizes` must be positive integers such as 1,12,48, but got {text!r}.")
    return sizes
