"""One face, start to end, as a picture for a talk: the crop, what moved the estimate, where on the face, how surely.

Warm colours raise what was explained and cool ones lower it. Colours: ColorBrewer's RdBu and Okabe & Ito (2008),
which stay apart under the common colour deficiencies; whatever one says is also said by a dash, a hatch or a word.
"""

from __future__ import annotations

from itertools import pairwise

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize, to_rgb
from matplotlib.figure import Figure
from matplotlib.legend_handler import HandlerLine2D
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter, MaxNLocator
from scipy.ndimage import distance_transform_edt

from age_audit.core.config import PRESETS, Stage1Config, check_choice
from age_audit.core.metrics import distribution_spread
from age_audit.core.schema import CANVAS, AgeEstimate, Attribution
from age_audit.figures import style
from age_audit.regions.polygons import (
    FACIAL_REGIONS,
    OUTER_REGIONS,
    REGION_NAMES,
    REGIONS,
    region_masks,
    region_polygons,
)

_INSIDE = {"chin": "mouth_inner", "eye_l": "eye_l_inner", "eye_r": "eye_r_inner"}
PANELS = ("crop", "superpixels", "regions", "distribution")  # labels of the axes
LONGEST_TITLE = 46  # letters; of a longer one the middle is left out
LISTED_REGIONS = 5  # at most so many of the largest shares are listed

_WIDTH, _HEIGHT, _SIDE, _GAP, _BOTTOM = 16.0, 5.55, 3.4, 0.3, 1.65  # inches: figure, image, between and below images
_HEADING, _BODY, _SMALL = 15, 12, 11  # points
_SETTINGS = {
    "font.size": _BODY, "axes.labelsize": _BODY, "legend.fontsize": _SMALL,
    "axes.titlesize": _HEADING, "axes.titlelocation": "left", "axes.titleweight": "bold", "axes.titlepad": 8,
    "legend.loc": "upper left", "legend.borderpad": 0, "legend.borderaxespad": 0, "legend.columnspacing": 1.2,
    "hatch.linewidth": 0.5, "image.interpolation": "nearest",
}  # fmt: skip
_WEIGHTS, _RAISES, _RAISES_EDGE = "RdBu_r", "#EF8A62", "#7F1D0F"
_FACIAL_LINE = {"color": "white", "linestyle": "-", "linewidth": 1.4}
_OUTER_LINE = {"color": "#F0E442", "linestyle": (0, (4, 2)), "linewidth": 1.4}
_BARS, _EXPECTED, _DOCUMENTED, _EXPLAINED, _ASIDE = "#6482A4", "black", "#00795A", "#882255", "0.35"
_CASING = (withStroke(linewidth=2.6, foreground="black"),)
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def face_panel(
    crop: np.ndarray,
    estimate: AgeEstimate,
    attribution: Attribution,
    landmarks,
    scores: dict[str, float] | None,
    title: str,
    label_age: float | None = None,
    preset: str = Stage1Config.preset,
) -> Figure:
    """Draw everything that is known about the estimate of one face.

    Parameters
    ----------
    crop : ndarray of uint8, shape (224, 224, 3)
        RGB.
    estimate : AgeEstimate
        Of this one face: N = 1.
    attribution : Attribution
        Of this crop.
    landmarks : array_like of int or float, shape (68, 2), or None
        (x, y) in pixels of the crop; None where none were found, and no regions are drawn then.
    scores : dict of str to float, or None
        ``activation_<region>_from_all`` and ``activation_<region>_pct_of_feature``, shares in 0-1, from
        :func:`age_audit.regions.scores.score_regions`; None where they were not measured.
    title : str
        Name of the face; a long one is set smaller.
    label_age : float or None
        Documented age in years.
    preset : str
        ``"published"`` or ``"audit"``: how the attribution was made.

    Returns
    -------
    Figure
        16 inches wide. Its first four axes are labelled ``crop``, ``superpixels``, ``regions`` and ``distribution``;
        a colour bar and the list of regions follow.

    Raises
    ------
    UsageError
        If the preset is unknown.
    ValueError
        If crop, estimate and attribution do not fit each other, or the landmarks are not 68 finite points.
    """
    check_choice("preset", preset, PRESETS)
    _check_shapes(crop, estimate, attribution)
    explained = _explained_class(attribution.target, estimate.classes)
    with style.applied(), matplotlib.rc_context(_SETTINGS):
        figure = Figure(figsize=(_WIDTH, _HEIGHT))  # for a screen; every axes has its place in inches
        lefts = [_GAP + i * (_SIDE + _GAP) for i in range(3)]
        on_crop = [_place(figure, lefts[i], _BOTTOM, _SIDE, _SIDE, PANELS[i]) for i in range(3)]
        ages = _place(figure, 12.15, _BOTTOM, _WIDTH - 12.35, _SIDE, PANELS[3])
        _draw_crop(on_crop[0], crop, float(estimate.age[0]), title, label_age, preset)
        colours = _draw_superpixels(on_crop[1], crop, attribution, preset)
        _weight_scale(_place(figure, lefts[1], 1.27, _SIDE, 0.24, "weights"), colours, explained)
        _draw_regions(on_crop[2], crop, attribution.positive_mask, landmarks)
        if landmarks is not None and scores is not None and attribution.positive_mask.any():
            _list_regions(_place(figure, lefts[2], 0.05, _SIDE, 1.25, "shares"), on_crop[2], scores, landmarks)
        _draw_distribution(ages, estimate, label_age, explained)
    return figure


def _check_shapes(crop: np.ndarray, estimate: AgeEstimate, attribution: Attribution) -> None:
    came = (crop.shape, attribution.segments.shape, estimate.probabilities.shape)
    expected = ((CANVAS, CANVAS, 3), (CANVAS, CANVAS), (1, len(estimate.classes)))
    if came != expected or crop.dtype != np.uint8:
        what = "a uint8 crop, superpixels, and the probabilities of one face"
        raise ValueError(f"expected {what}, of shapes {expected}; got {crop.dtype} and {came}")


def _explained_class(target: str, classes: np.ndarray) -> float | None:
    """Age in years of the class whose probability was explained; None where the expected age was."""
    if target == "expected_age":
        return None
    kind, _, index = target.partition(":")
    if kind != "class" or not index.isdecimal() or int(index) >= len(classes):
        raise ValueError(f"expected the target expected_age or class:0 to class:{len(classes) - 1}, got {target!r}")
    return float(classes[int(index)])


def _place(figure: Figure, left: float, bottom: float, width: float, height: float, name: str) -> Axes:
    """Axes at a place given in inches, so that the four panels line up whatever is written around them."""
    return figure.add_axes((left / _WIDTH, bottom / _HEIGHT, width / _WIDTH, height / _HEIGHT), label=name)


def _below(axes: Axes, inches: float, text: str, **look) -> None:
    """Write under a panel, so many inches below its lower edge."""
    axes.text(0, -inches / _SIDE, text, transform=axes.transAxes, va="top", **look)


def _show(axes: Axes, picture: np.ndarray, **look) -> None:
    axes.imshow(picture, **look)
    axes.axis("off")


def _shade(axes: Axes, crop: np.ndarray) -> None:
    """Lay the crop's grey picture over the colours already drawn, as a multiplication: dark stays dark."""
    luminance = crop @ np.array([0.299, 0.587, 0.114]) / 255  # ITU-R BT.601
    axes.imshow(np.dstack([np.zeros(crop.shape), 0.55 * (1 - luminance)]))  # black, by its opacity


def _borders(areas: np.ndarray, **look) -> LineCollection:
    """Lines between neighbouring pixels of different areas, shape (H, W), along the edges of the pixels."""
    lines = [((x + 0.5, y - 0.5), (x + 0.5, y + 0.5)) for y, x in np.argwhere(np.diff(areas, axis=1))]
    lines += [((x - 0.5, y + 0.5), (x + 0.5, y + 0.5)) for y, x in np.argwhere(np.diff(areas, axis=0))]
    return LineCollection(lines, capstyle="projecting", **look)


def _draw_crop(axes: Axes, crop: np.ndarray, age: float, title: str, label_age: float | None, preset: str) -> None:
    _show(axes, crop)
    name = title if len(title) <= LONGEST_TITLE else f"{title[:22]}…{title[-23:]}"
    axes.set_title(name, fontsize=_HEADING * min(1, 25 / max(len(name), 1)))  # so many letters fit over a panel
    _below(axes, 0.12, f"{age:.1f} years", fontsize=26, fontweight="bold")
    _below(axes, 0.62, "estimated age")
    error = "" if label_age is None else f"{label_age:g} years, error {_signed(age - label_age, 1)}"
    _below(axes, 0.92, f"documented {error or 'age unknown'}", color=_DOCUMENTED if error else _ASIDE)
    _below(axes, 1.22, f"preset {preset}", color=_ASIDE, fontsize=_SMALL)


def _draw_superpixels(axes: Axes, crop: np.ndarray, attribution: Attribution, preset: str) -> ScalarMappable:
    """Colour what is settled, hatch the rest; returns what the colours mean."""
    weights, segments = attribution.weights, attribution.segments
    settled = np.full(len(weights), True) if attribution.settled is None else attribution.settled
    shown = np.where(settled, weights, 0)
    limit = float(np.abs(shown).max() or np.abs(weights).max() or 1)
    colours = ScalarMappable(Normalize(-limit, limit), _WEIGHTS)
    _show(axes, shown[segments], cmap=colours.cmap, norm=colours.norm)
    _shade(axes, crop)
    axes.add_collection(_borders(segments, colors="0.2", linewidths=0.6))
    axes.set_title("Weight of each superpixel")
    if not settled.all():
        axes.contourf(~settled[segments], levels=[0.5, 1.5], colors="none", hatches=["///"])
        parameters = PRESETS[preset]
        confidence, rate = (f"{100 * share:g} %" for share in (parameters.confidence, 1 - parameters.confidence))
        told = f"unsettled: {confidence} interval includes 0"
        if parameters.settled_by != "interval":
            told = f"unsettled (false discovery rate {rate})"
        look = {"facecolor": "0.88", "edgecolor": "0.2", "linewidth": 0.6, "hatch": "///"}
        axes.legend([Patch(**look)], [told], bbox_to_anchor=(0, -1.0 / _SIDE))
    elif PRESETS[preset].rescale:
        _below(axes, 1.0, "explained on the crop scaled to 0–1", fontsize=_SMALL)
    counted = "" if attribution.settled is None else f"{settled.sum()} of {len(settled)} settled, "
    fit = f"local linear model R² {attribution.score:.2f}" if weights.any() else "every weight is 0"
    _below(axes, 1.26, counted + fit, color=_ASIDE, fontsize=_SMALL)
    return colours


def _weight_scale(scale: Axes, colours: ScalarMappable, explained: float | None) -> None:
    """Colour bar with signed ticks; powers of ten go into its label, not into every tick."""
    power = int(np.floor(np.log10(colours.norm.vmax))) if colours.norm.vmax < 0.01 else 0
    bar = scale.figure.colorbar(colours, cax=scale, orientation="horizontal")
    bar.locator = MaxNLocator(nbins=6, steps=[1, 2, 5, 10])
    bar.formatter = FuncFormatter(lambda value, _: _signed(value / 10**power))
    bar.update_ticks()
    times = f" × 10{str(power).translate(_SUPERSCRIPTS)}" if power else ""
    unit = "years of expected age" if explained is None else f"probability of class {explained:g} years"
    bar.set_label(f"{unit}{times}")
    for x, side, text in ((0.02, "left", "lowers"), (0.98, "right", "raises")):
        scale.text(x, 0.45, text, ha=side, va="center", color="white", fontsize=_SMALL, transform=scale.transAxes)


def _signed(value: float, digits: int | None = None) -> str:
    """A number with its sign, a true minus; 0 has none."""
    text = f"{value:+g}" if digits is None else f"{value:+.{digits}f}"
    return "0" if float(text) == 0 else text.replace("-", "−")


def _draw_regions(axes: Axes, crop: np.ndarray, mask: np.ndarray, landmarks) -> None:
    picture = np.ones(crop.shape)
    picture[mask] = to_rgb(_RAISES)
    _show(axes, picture)
    _shade(axes, crop)
    axes.add_collection(_borders(mask, colors=_RAISES_EDGE, linewidths=1.2))
    axes.set_title("Positive mask and regions")
    keys = [Patch(facecolor=_RAISES, edgecolor=_RAISES_EDGE, label="mask" if mask.any() else "mask (empty)")]
    if landmarks is None:
        _below(axes, 0.4, "no landmarks found")
    else:
        _outline_regions(axes, landmarks)
        looks = {"facial": _FACIAL_LINE, "outer": _OUTER_LINE}
        keys += [Line2D([], [], path_effects=_CASING, label=label, **look) for label, look in looks.items()]
    axes.legend(handles=keys, bbox_to_anchor=(0, -0.02), ncols=3)


def _outline_regions(axes: Axes, landmarks) -> None:
    """Outer regions first: the face's own lines lie on top where both run along the jaw."""
    polygons = region_polygons(landmarks).polygons
    for regions, look in ((OUTER_REGIONS, _OUTER_LINE), (FACIAL_REGIONS, _FACIAL_LINE)):
        edges = set()  # one that two regions share is drawn once, or its dashes would fill each other's gaps
        for region in regions:
            for piece in getattr(polygons[region], "geoms", [polygons[region]]):
                edges.update(tuple(sorted(edge)) for edge in pairwise(piece.exterior.coords))
        axes.add_collection(LineCollection(sorted(edges), path_effects=_CASING, **look), autolim=False)
    axes.set(xlim=(-1.5, CANVAS + 0.5), ylim=(CANVAS + 0.5, -1.5))  # lines along the canvas are seen whole


def _list_regions(axes: Axes, picture: Axes, scores: dict[str, float], landmarks) -> None:
    """List the regions that hold most of the mask, and put their ranks on the picture."""
    share = {region: scores[f"activation_{region}_from_all"] for region in REGIONS}
    listed = [region for region in sorted(REGIONS, key=share.get, reverse=True) if share[region] > 0][:LISTED_REGIONS]
    axes.set(xlim=(0, 1), ylim=(LISTED_REGIONS + 0.5, -0.6))
    axes.axis("off")
    look = {"va": "center", "fontsize": _SMALL}
    for x, head in ((0.67, "of the mask"), (1, "of the region")):
        axes.text(x, 0, head, ha="right", color=_ASIDE, **look)
    masks = region_masks(landmarks)
    for rank, region in enumerate(listed, start=1):
        axes.text(0.02, rank, f"{rank}", ha="center", fontweight="bold", **look)
        axes.text(0.06, rank, REGION_NAMES[region], **look)
        for x, key in ((0.67, "from_all"), (1, "pct_of_feature")):
            value = scores[f"activation_{region}_{key}"]
            axes.barh(rank, 0.055 * value, left=x - 0.215, height=0.62, color=_RAISES)
            axes.text(x, rank, f"{100 * value:.0f} %", ha="right", **look)
        _badge(picture, f"{rank}", masks[region] & ~masks.get(_INSIDE.get(region), False))


def _badge(axes: Axes, text: str, area: np.ndarray) -> None:
    """Write a number where the area, bool of shape (H, W), is widest; nowhere if it is empty."""
    if area.any():
        depth = distance_transform_edt(np.pad(area, 1))[1:-1, 1:-1]  # the edge of the canvas counts as an outline
        y, x = np.unravel_index(depth.argmax(), depth.shape)
        circle = {"boxstyle": "circle,pad=0.18", "facecolor": "white", "edgecolor": "black"}
        axes.text(x, y, text, ha="center", va="center", fontsize=10, fontweight="bold", bbox=circle)


def _draw_distribution(axes: Axes, estimate: AgeEstimate, label_age: float | None, explained: float | None) -> None:
    classes, probabilities, age = estimate.classes, estimate.probabilities[0], float(estimate.age[0])
    spread = float(distribution_spread(probabilities, classes))  # NaN of a plain age, without classes
    width = np.diff(classes).min() if len(classes) > 1 else 1.0
    colours = np.where(classes == explained, _EXPLAINED, _BARS)
    axes.bar(classes, probabilities, width=width, color=colours, alpha=0.7, zorder=2.5)  # lines shine through
    top = 1.18 * float(probabilities.max(initial=0)) or 1.0
    known = [*classes, age, age if label_age is None else label_age]
    axes.set(xlim=(min(known) - 3, max(known) + 3), xlabel="age (years)")
    axes.set(ylim=(0, top), ylabel="probability of the age class")
    name = "expected" if len(classes) else "estimated"
    axes.axvline(age, color=_EXPECTED, linewidth=1.5, label=f"{name} age {age:.1f} years")
    ends = Line2D([age - spread, age + spread], [0.95 * top] * 2, color=_EXPECTED, marker="|", markersize=12, mew=1.8)
    if len(classes):
        ends.set_label(f"spread ± {spread:.1f} years (standard deviation)")
        axes.add_line(ends)
    else:
        axes.set(yticks=[], ylabel="")
    if label_age is not None:
        axes.axvline(label_age, color=_DOCUMENTED, linestyle=(0, (4, 2)), label=f"documented age {label_age:g} years")
    if explained is not None:
        above = float(probabilities[classes == explained][0]) + 0.03 * top
        axes.plot(explained, above, "v", color=_EXPLAINED, markersize=10, label=f"explained: class {explained:g} years")
    axes.set_title("Distribution over age classes" if len(classes) else "A plain age, without distribution")
    axes.legend(bbox_to_anchor=(0, -0.17), handler_map={ends: HandlerLine2D(numpoints=2)})
