"""One look for every picture: colours that the colour-blind tell apart, plain axes, and files that come out the same.

matplotlib is the extra `plot`. Pictures are made without pyplot: no window, no state shared between threads.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from learndock.errors import FailedPrecondition, InvalidInput

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#8C7A00")
"""Seven hues after Okabe and Ito (Color universal design, 2008), the yellow darkened so that it shows on white."""

MARKERS = ("o", "s", "^", "D", "v", "p", "<")
"""A shape beside each colour: a picture says the same when it is printed in grey."""

INK, FAINT, OTHER = "#222222", "#D9D9D9", "#9A9A9A"
"""Text and the task; frames and grids; whatever has no colour of its own."""

FALLBACKS = ("Noto Sans CJK SC", "Source Han Sans SC", "WenQuanYi Micro Hei", "PingFang SC", "Microsoft YaHei")
"""Fonts for names that are not written in Latin, Greek or Cyrillic, used where they are installed."""

SUFFIXES = (".png", ".svg", ".pdf")
DOTS_PER_INCH = 150


def new_figure(
    width: float = 7.0, height: float = 5.0, *, rows: int = 1, columns: int = 1
) -> tuple[Figure, Sequence[Axes]]:
    """A white figure (inches) and its axes, row by row, already plain. FailedPrecondition EXTRA_MISSING."""
    figure_class, layout = need_matplotlib(), "constrained"
    figure: Figure = figure_class(figsize=(width, height), dpi=DOTS_PER_INCH, layout=layout, facecolor="white")
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for each in axes:
        plain_axes(each)
    return figure, axes


def plain_axes(axes: Axes) -> None:
    """No box above and on the right, small quiet ticks."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(OTHER)
    axes.tick_params(colors=INK, labelsize=8, width=0.6, color=OTHER)
    axes.set_axisbelow(True)


def check_target(path: str | Path) -> Path:
    """The path of a picture, before any work is done for it. InvalidInput PICTURE_FORMAT_UNKNOWN."""
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise InvalidInput(
            f"{path} is no kind of picture that is written here.",
            reason="PICTURE_FORMAT_UNKNOWN",
            hint=f"Let its name end in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}.",
            details={"file": path},
        )
    return path


def save(figure: Figure, path: str | Path) -> Path:
    """Write a picture, of the kind its name ends in; the file appears whole, and the same figure gives the same bytes.

    InvalidInput PICTURE_FORMAT_UNKNOWN; an OSError where the folder takes no file.
    """
    path = check_target(path)
    kind = path.suffix.lower()[1:]
    # A date in the file would make every picture a new one.
    metadata: dict[str, Any] = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}[kind]
    drawn = io.BytesIO()
    write(figure, drawn, kind, metadata)
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(drawn.getvalue())
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
    return path


def write(figure: Figure, target: Any, kind: str, metadata: dict[str, Any] | None = None) -> None:
    """Write a figure into a file or a stream."""
    with lettering():
        figure.savefig(target, format=kind, metadata=metadata)


@contextmanager
def lettering() -> Iterator[None]:
    """Where texts are made and drawn: fonts for more scripts, and no word about letters that no font here has."""
    import matplotlib as mpl  # noqa: PLC0415 - the extra

    with warnings.catch_warnings(), mpl.rc_context({"svg.hashsalt": "learndock", "font.family": list(_families())}):
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


@cache
def _families() -> tuple[str, ...]:
    """Matplotlib's own font, then those of FALLBACKS that this machine has."""
    from matplotlib.font_manager import fontManager  # noqa: PLC0415

    installed = set(fontManager.get_font_names())
    return ("DejaVu Sans", *(name for name in FALLBACKS if name in installed))


def literal(text: Text) -> Text:
    """Show a stranger's text as it is: no mathematics between dollar signs."""
    text.set_parse_math(False)
    return text


def printable(text: str, longest: int = 28) -> str:
    """A stranger's text on one line, without control characters, cut in the middle: names differ at the end, too."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    if len(line) <= longest:
        return line
    tail = (longest - 1) // 2
    return f"{line[: longest - 1 - tail].rstrip()}…{line[len(line) - tail :].lstrip()}"


def need_matplotlib() -> Any:
    """The class of figures. FailedPrecondition EXTRA_MISSING where matplotlib is not installed."""
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - the extra
    except ImportError as error:
        raise FailedPrecondition(
            "Pictures need matplotlib.",
            reason="EXTRA_MISSING",
            hint="Install it: pip install 'learndock[plot]'.",
        ) from error
    return Figure
