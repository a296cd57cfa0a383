"""Plots as SVG that belongs to the page: its colours, its fonts, no style attributes.

Colours stand in for variables of the page's style sheet, so that one drawing serves
light and dark. Style attributes become presentation attributes: the page's content
security policy allows no inline style.
"""

from __future__ import annotations

import io
import re
from math import ceil
from typing import TYPE_CHECKING
from xml.etree import ElementTree

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Widest drawing that is still readable when scaled to a phone's width.
WIDEST = 560
SERIES = 8
HEAT = 5

#: Colour given to the plotting library -> variable of the style sheet.
VARIABLES = {
    "#000001": "--ink",
    "#000002": "--muted",
    "#000003": "--line",
    "#000004": "--paper",
    "#000005": "--none",
    **{f"#0001{i:02x}": f"--series-{i}" for i in range(SERIES)},
    **{f"#0002{i:02x}": f"--heat-{i}" for i in range(HEAT)},
}
INK, MUTED, LINE, PAPER, NONE = list(VARIABLES)[:5]

_SVG = "{http://www.w3.org/2000/svg}"
_HREF = "{http://www.w3.org/1999/xlink}href"
_COLOUR = re.compile(r"#000[0-2][0-9a-f]{2}")
_FONT_SIZE = re.compile(r"([\d.]+)px")


def series(index: int) -> str:
    """Stand-in for the colour of a series."""
    return f"#0001{index % SERIES:02x}"


def heat(share: float) -> str:
    """Stand-in for the colour of a share: 0, then quarters."""
    return f"#0002{min(HEAT - 1, ceil(share * 4)):02x}"


def to_svg(figure: Figure, *, name: str, label: str) -> str:
    """A drawing as an SVG element for an HTML page.

    :param name: unique on the page; the ids within begin with it.
    :param label: what a screen reader says in place of the drawing.
    """
    import matplotlib

    stream = io.StringIO()
    # As text, and with ids that depend on the drawing alone.
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    root = ElementTree.fromstring(stream.getvalue())
    _drop(root, "metadata")
    _drop(root, "style")
    used = set(re.findall(r"#([\w-]+)", stream.getvalue()))
    for element in root.iter():
        _plain(element, name, used)
    width = float(root.attrib["viewBox"].split()[2])
    for attribute in ("width", "height", "version"):
        root.attrib.pop(attribute, None)
    if width > WIDEST:
        # Scrolled, where a narrower one is scaled to its column.
        root.set("width", f"{width:.0f}")
    root.set("role", "img")
    root.set("aria-label", label)
    ElementTree.register_namespace("", _SVG[1:-1])
    return ElementTree.tostring(root, encoding="unicode")


def _plain(element: ElementTree.Element, name: str, used: set[str]) -> None:
    for text in element.attrib.pop("style", "").split(";"):
        key, _, value = text.partition(":")
        key, value = key.strip(), value.strip()
        if key == "font":
            size = _FONT_SIZE.search(value)
            element.set("font-size", size[1] if size else "11")
        elif key and key != "font-family":
            element.set(key, value)
    if _HREF in element.attrib:
        element.set("href", element.attrib.pop(_HREF))
    if element.get("id") not in used:
        element.attrib.pop("id", None)
    element.attrib.pop("font-family", None)
    for key, value in element.attrib.items():
        value = _COLOUR.sub(lambda found: f"var({VARIABLES[found[0]]})", value)
        if key == "id":
            value = f"{name}-{value}"
        elif key == "href":
            value = f"#{name}-{value[1:]}"
        elif value.startswith("url(#"):
            value = f"url(#{name}-{value[5:]}"
        element.set(key, value)


def _drop(root: ElementTree.Element, tag: str) -> None:
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag == f"{_SVG}{tag}":
                parent.remove(child)
