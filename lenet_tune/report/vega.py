"""Vega-Lite specifications as static SVG and as PNG, by vl-convert, which carries Vega and needs no network.

A page shows the static SVG; its script replaces it by the living chart. Both have the colours of `style` as
attributes, which the page's style sheet turns into its own.
"""

import json
import re
import xml.etree.ElementTree as ET
from typing import Any

import vl_convert as vlc
from markupsafe import Markup, escape

from lenet_tune.report.chart import Chart
from lenet_tune.report.safe import clean
from lenet_tune.report.style import CONFIG, FONT

VERSION = "6.4"  # of Vega-Lite: what altair's schema is of
_SVG = "http://www.w3.org/2000/svg"
_DROPPED = ("class", "role", "aria-hidden", "aria-roledescription", "aria-label", "pointer-events")
_SAYS_NOTHING = {"opacity": "1", "transform": "translate(0,0)", "font-family": FONT, "y2": "0", "x2": "0"}
_NUMBER = re.compile(r"-?\d+\.\d{2,}")
_MOVED = re.compile(r"^translate\((-?[\d.]+), ?(-?[\d.]+)\)$")
# A mark's shape at the origin, and the ends that draw it as a line of no length and of its width.
_DOTS = {
    "round": re.compile(r"^M(?P<half>[\d.]+),0A(?P=half),(?P=half),0,1,1,-[\d.]+,0A"),
    "square": re.compile(r"^M-(?P<half>[\d.]+),-(?P=half)h[\d.]+v[\d.]+h-[\d.]+Z"),
}
_POINTER = re.compile(r"url\(#([^)]+)\)")
_SCALE = 2.0  # px of a PNG a px of the chart
_ENLARGE = 1.15  # how much wider than its size a page may show a chart


def inline_svg(chart: Chart) -> Markup:
    """The chart as an `<svg>` element for a page, with a title and a description."""
    root = _drawn(chart.complete)
    _shrink(root)
    name = f"chart-{chart.name}"
    _own_ids(root, name)
    inner = "".join(_text_of(child) for child in root)
    box, width = root.get("viewBox"), float(root.get("width"))
    return Markup(
        f'<svg viewBox="{escape(box)}" style="max-width: {_ENLARGE * width:.0f}px" role="img" '
        f'aria-labelledby="{escape(name)}-title {escape(name)}-desc" fill="none" stroke-miterlimit="10" '
        f'font-family="{escape(FONT)}">'
        f'<title id="{escape(name)}-title">{escape(clean(chart.title))}</title>'
        f'<desc id="{escape(name)}-desc">{escape(clean(chart.finding))}</desc>{inner}</svg>'
    )


def svg_file(chart: Chart) -> bytes:
    """The chart as an SVG file on white, its title above it."""
    return (vlc.vegalite_to_svg(_on_paper(chart), vl_version=VERSION) + "\n").encode()


def png_file(chart: Chart) -> bytes:
    """The chart as a PNG file on white, its title above it."""
    return vlc.vegalite_to_png(_on_paper(chart), vl_version=VERSION, scale=_SCALE)


def configured(spec: dict[str, Any]) -> dict[str, Any]:
    """A specification in the look of `style`, with no background."""
    return {**spec, "background": None, "config": CONFIG}


def _on_paper(chart: Chart) -> dict[str, Any]:
    title = {"text": clean(chart.title), "offset": 12}
    return {**chart.complete, "background": "white", "config": CONFIG, "title": title, "padding": 12}


def _drawn(spec: dict[str, Any]) -> ET.Element:
    return ET.fromstring(vlc.vegalite_to_svg(configured(_still(spec)), vl_version=VERSION))


def _still(spec: dict[str, Any]) -> dict[str, Any]:
    """What a picture that stands still needs: no selection, no tooltip, of its data the columns it names."""
    found = _untold({name: part for name, part in spec.items() if name != "datasets"})
    found["params"] = [param for param in spec.get("params", ()) if "select" not in param]
    named = json.dumps(found)
    columns = {
        name: [{field: value for field, value in row.items() if field in named} for row in rows]
        for name, rows in spec.get("datasets", {}).items()
    }
    return {**found, "datasets": columns}


def _untold(part: Any) -> Any:
    if isinstance(part, dict):
        return {name: _untold(value) for name, value in part.items() if name != "tooltip"}
    return [_untold(value) for value in part] if isinstance(part, list) else part


def _shrink(root: ET.Element) -> None:
    """Leave out what says nothing in a picture: roles, defaults, empty groups; many dots are one path."""
    for element in root.iter():
        _plain(element)
    for parent in root.iter():
        _join_dots(parent)
    while _drop_empty(root):
        pass


def _plain(element: ET.Element) -> None:
    attributes = element.attrib
    for name in _DROPPED:
        attributes.pop(name, None)
    for name, default in _SAYS_NOTHING.items():
        if attributes.get(name) == default:
            del attributes[name]
    if attributes.get("stroke-width") == "0":
        attributes.pop("stroke", None)
        del attributes["stroke-width"]
    for name in ("d", "transform", "x", "y", "x2", "y2", "width", "height", "font-size"):
        if name in attributes:
            element.set(name, _NUMBER.sub(_rounded, attributes[name]))


def _drop_empty(root: ET.Element) -> int:
    """Drop what draws nothing; dropping it may leave its group empty."""
    found = [(parent, child) for parent in root.iter() for child in parent if _is_empty(child)]
    for parent, child in found:
        parent.remove(child)
    return len(found)


def _is_empty(element: ET.Element) -> bool:
    tag = element.tag.removeprefix(f"{{{_SVG}}}")
    if tag == "path":
        return element.get("d") in (None, "", "M0,0h0v0h0Z") or not {"fill", "stroke"} & set(element.attrib)
    return tag == "g" and len(element) == 0


def _rounded(found: re.Match[str]) -> str:
    return f"{float(found[0]):.1f}".removesuffix(".0")


def _join_dots(parent: ET.Element) -> None:
    """Discs or squares of one look become one path: lines of no length are the shortest way to write them."""
    looks: dict[tuple, list[ET.Element]] = {}
    for child in parent:
        if _MOVED.match(child.get("transform", "")) and not child.get("stroke"):
            rest = {k: v for k, v in child.attrib.items() if k != "transform"}
            looks.setdefault(tuple(sorted(rest.items())), []).append(child)
    for look, dots in looks.items():
        for cap, shape in _DOTS.items():
            found = shape.match(dict(look).get("d", ""))
            if found and len(dots) > 3:
                _as_one(parent, dots, cap, 2 * float(found["half"]))


def _as_one(parent: ET.Element, dots: list[ET.Element], cap: str, width: float) -> None:
    path = "".join("M{},{}h0".format(*_MOVED.match(dot.get("transform")).groups()) for dot in dots)
    attributes = {"d": path, "stroke": dots[0].get("fill"), "stroke-width": f"{width:.1f}",
                  "stroke-linecap": cap}  # fmt: skip
    opacity = dots[0].get("opacity") or dots[0].get("fill-opacity")
    if opacity:
        attributes["stroke-opacity"] = opacity
    first = list(parent).index(dots[0])
    for dot in dots:
        parent.remove(dot)
    parent.insert(first, ET.Element(f"{{{_SVG}}}path", attributes))


def _own_ids(root: ET.Element, name: str) -> None:
    """Several charts stand in one page: ids, and what points at them, get the chart's name and a number.

    Vega counts them over everything it has drawn, so they would also change from one run to the next.
    """
    found = [e.get("id") for e in root.iter() if "id" in e.attrib]
    new = {old: f"{name}-{i}" for i, old in enumerate(found)}
    for element in root.iter():
        for attribute, value in element.attrib.items():
            pointed = _POINTER.fullmatch(value)
            if attribute == "id":
                element.set("id", new[value])
            elif pointed:
                element.set(attribute, f"url(#{new[pointed[1]]})")


def _text_of(element: ET.Element) -> str:
    ET.register_namespace("", _SVG)
    return ET.tostring(element, encoding="unicode").replace(f' xmlns="{_SVG}"', "")
