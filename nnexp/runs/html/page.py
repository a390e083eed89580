"""HTML pages of one file: no network, no scripts, no fonts; all texts are escaped."""

import base64
import re
import time
from typing import TYPE_CHECKING, Any

from nnexp.plots.style import FONTS

if TYPE_CHECKING:
    from jinja2 import Environment

PIXELS_PER_POINT = 96 / 72
Picture = tuple[str, float]  # data URI of an SVG image, width in pixels


def page_environment(*folders: str, package: str = "nnexp.runs") -> "Environment":
    """Make the environment of templates in folders of a package, which may include the style of all pages."""
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    loaders = [*(PackageLoader(package, folder) for folder in folders), PackageLoader("nnexp.runs", "html")]
    options: dict[str, Any] = {"undefined": StrictUndefined, "trim_blocks": True, "lstrip_blocks": True}
    environment = Environment(loader=ChoiceLoader(loaders), autoescape=True, **options)
    environment.globals["fonts"] = FONTS
    return environment


def picture(plot: Any) -> Picture:
    """Return a figure or image for the source of an <img> element, as SVG."""
    from nnexp.plots.comparison import svg

    text = svg(plot)
    width = float(re.findall(r'width="([\d.]+)pt"', text)[0]) * PIXELS_PER_POINT
    return f"data:image/svg+xml;base64,{base64.b64encode(text.encode()).decode()}", width


def local_time(seconds: float) -> str:
    """Format seconds since 1970."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
