"""matplotlib's SVG made fit to stand in a page: named, described, in the page's colours, unique ids, small.

Everything here works on tags only (text between them is escaped and cannot hold one), so that no label of a
study can change markup.
"""

import re
from collections.abc import Mapping

from markupsafe import Markup, escape

from lenet_tune.report.chart import Chart, inline_bytes
from lenet_tune.report.safe import clean
from lenet_tune.report.style import CSS_COLOURS

_TAG = re.compile(r"<[^>]*>")
_DECIMALS = re.compile(r"(\d\.\d{2})\d+")
_FONT = re.compile(r"font-family: [^;\"]*;? ?|font: ")
_COLOUR = re.compile(r"#[0-9a-f]{6}")
_ID = re.compile(r'\sid="([^"]*)"')
_REFERENCE = re.compile(r'(?:url\(#|href="#)([^)"]+)')
_SPACE = re.compile(r"\s*\n\s*")
_NOT_FOR_PAGES = re.compile(r"<metadata>.*?</metadata>|<defs>\s*<style.*?</style>\s*</defs>", re.DOTALL)
_EMPTY_GROUP = re.compile(r"<g>\s*</g>")


def inline_svg(chart: Chart) -> Markup:
    """The chart as an `<svg>` element with a title and a description."""
    raw = inline_bytes(chart).decode("utf-8")
    body = raw[raw.index(">", raw.index("<svg")) + 1 : raw.rindex("</svg>")]
    body = _NOT_FOR_PAGES.sub("", body)
    body = _own_ids(body, chart.name)
    body = _TAG.sub(lambda tag: _restyle(tag.group()), body)
    body = _EMPTY_GROUP.sub("", _SPACE.sub("\n", body))
    return Markup(_opening(chart) + body + "</svg>")


def _opening(chart: Chart) -> str:
    width, height = (72 * side for side in chart.size)
    name = escape(chart.name)
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}" role="img" '
        f'aria-labelledby="{name}-title {name}-desc"><title id="{name}-title">{escape(clean(chart.title))}'
        f'</title><desc id="{name}-desc">{escape(clean(chart.finding))}</desc>'
    )


def _own_ids(body: str, name: str) -> str:
    # Ids that something refers to become unique in the page, the others go.
    used = sorted(set(_REFERENCE.findall("".join(_TAG.findall(body)))))
    short: Mapping[str, str] = {old: f"{name}-{i}" for i, old in enumerate(used)}

    def rename(tag: re.Match) -> str:
        text = _ID.sub(lambda m: f' id="{short[m[1]]}"' if m[1] in short else "", tag.group())
        return _REFERENCE.sub(lambda m: m[0].replace(m[1], short[m[1]]), text)

    return _TAG.sub(rename, body)


def _restyle(tag: str) -> str:
    tag = _DECIMALS.sub(r"\1", tag.replace("xlink:href", "href"))
    tag = _FONT.sub("", tag)
    return _COLOUR.sub(lambda m: CSS_COLOURS.get(m.group(), m.group()), tag)
