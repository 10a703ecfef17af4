"""Faces side by side with their names and values: the extremes of a measure, to be looked at.

For images that one may show: a sheet holds faces, and is not shipped with this project.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from age_audit.figures import style

ACROSS = 8  # faces in a line of the sheet
_NAME = {"width": 14, "lines": 3}  # characters of a line under a face
_SMALLEST = 6.5  # points
MOST_LINES = 7  # of faces on a page


@dataclass(frozen=True)
class SheetFace:
    """One face of a sheet.

    Attributes
    ----------
    fname : str
        Written under it, the middle of a long one left out.
    value : float
        Of the measure, in its unit.
    image : ndarray of uint8, shape (H, W, 3) or (H, W)
        RGB or grey, of any size.
    """

    fname: str
    value: float
    image: np.ndarray


def contact_sheet(rows: Mapping[str, Sequence[SheetFace]], title: str, note: str = "", digits: int = 1) -> Figure:
    r"""Draw faces in rows, each with its name and value.

    Parameters
    ----------
    rows : mapping of str to sequence of SheetFace
        By what a row is called, such as ``"lowest"`` and ``"highest"``; of more than eight faces it goes on in another
        line. A row without faces says so.
    title : str
    note : str
        Below the faces.
    digits : int
        Of values, behind the point.

    Returns
    -------
    Figure
        A page wide.

    Raises
    ------
    ValueError
        If there is no row, or more lines of faces than fit a page, or an image is none.

    Examples
    --------
    >>> dark, bright = (np.full((20, 20, 3), level, dtype=np.uint8) for level in (5, 250))
    >>> rows = {"lowest": [SheetFace("a.jpg", 5, dark)], "highest": [SheetFace("b.jpg", 250, bright)]}
    >>> figure = contact_sheet(rows, "The darkest and the brightest of 2 images")
    >>> [text.get_text() for axes in figure.axes for text in axes.texts if text.get_text()]
    ['5.0\na.jpg', '250.0\nb.jpg']
    """
    lines = [(name if not start else "", faces[start : start + ACROSS]) for name, faces in rows.items()
             for start in range(0, max(1, len(faces)), ACROSS)]  # fmt: skip
    if not 0 < len(lines) <= MOST_LINES:
        raise ValueError(f"expected 1 to {MOST_LINES} lines of {ACROSS} faces, got {len(lines)}; draw several sheets")
    with style.applied():
        figure = style.new_figure(style.FULL, 0.8 + 1.32 * len(lines))
        grid = figure.subplots(len(lines), ACROSS, squeeze=False)
        for (name, faces), places in zip(lines, grid, strict=True):
            for axes in places:
                axes.set(xticks=[], yticks=[])
                axes.spines[:].set_visible(False)
            places[0].set_ylabel(name)
            if not faces:
                places[0].text(0, 0.5, "no images", transform=places[0].transAxes, va="center", color="0.35")
            for face, axes in zip(faces, places, strict=False):
                _draw(axes, face, digits)
        style.set_finding(figure, title)
        style.set_note(figure, note)
    return figure


def _draw(axes, face: SheetFace, digits: int) -> None:
    image = np.asarray(face.image)
    if image.dtype != np.uint8 or not (image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)) or not image.size:
        raise ValueError(f"expected {face.fname} as RGB or grey uint8, got {image.dtype} of shape {image.shape}")
    axes.imshow(image, cmap="gray", vmin=0, vmax=255)
    text = f"{face.value:,.{digits}f}\n{style.legend_name(face.fname, **_NAME)}"
    axes.text(0.5, -0.04, text, transform=axes.transAxes, ha="center", va="top", fontsize=_SMALLEST)
