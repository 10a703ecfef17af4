"""One face, start to end, as a picture for a talk: the crop, what moved the estimate, where on the face, how surely.

Four panels side by side, each with a strip of reading aids below. Warm colours raise the target of the explanation and
cool ones lower it, in every panel; colours are from ColorBrewer's RdBu and Okabe & Ito (2008), which stay apart under
the common colour deficiencies, and whatever a colour says is also said by a dash, a hatch or a word.
"""

from __future__ import annotations

from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter, MaxNLocator
from scipy.ndimage import distance_transform_edt

from age_audit.config import PRESETS, Stage1Config, check_choice
from age_audit.metrics import distribution_spread
from age_audit.plotting import style
from age_audit.regions import FACIAL_REGIONS, REGIONS, polygon_mask, region_polygons
from age_audit.schema import AgeEstimate, Attribution

REGION_NAMES = {
    "nose": "nose",
    "eye_l": "left eye area",
    "eye_r": "right eye area",
    "cheek_l": "left cheek",
    "cheek_r": "right cheek",
    "eye_l_inner": "left eye",
    "eye_r_inner": "right eye",
    "mouth_inner": "mouth",
    "chin": "chin",
    "top": "outer top",
    "left": "outer left",
    "right": "outer right",
    "bottom": "outer bottom",
}  # left and right of the image, not of the person
LISTED_REGIONS = 5  # at most so many of the largest shares are listed

_WIDTH, _HEIGHT, _SIDE, _GAP, _BOTTOM = 16.0, 5.55, 3.4, 0.3, 1.65  # inches: figure, image, between and below images
_HEADING, _BODY, _SMALL = 15, 12, 11  # points
_WEIGHT_COLOURS = "RdBu_r"
_RAISES, _RAISES_EDGE, _FACIAL, _OUTER = "#EF8A62", "#7F1D0F", "white", "#F0E442"
_BARS, _EXPECTED, _DOCUMENTED, _EXPLAINED = "#A9B4C2", "black", "#00795A", "#882255"
_CASING = (withStroke(linewidth=3.2, foreground="black"),)
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class _Target:
    """What was explained: its name, the unit of its weights, and the age in years of the class, if it is one."""

    name: str
    unit: str
    class_age: float | None = None


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
    crop : ndarray of uint8, shape (H, W, 3)
        RGB, as it was explained (224 x 224).
    estimate : AgeEstimate
        Of this one face: N = 1.
    attribution : Attribution
        Its superpixels, of the crop's height and width.
    landmarks : array_like of int or float, shape (68, 2), or None
        (x, y) in pixels of the crop; None where none were found, and no regions are drawn then.
    scores : dict of str to float, or None
        ``activation_<region>_from_all`` and ``activation_<region>_pct_of_feature``, shares in 0-1, from
        :func:`age_audit.activations.score_regions`; None where they were not measured.
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
    target = _target(attribution.target, estimate.classes)
    with style.applied(), matplotlib.rc_context({"font.size": _BODY, "legend.fontsize": _SMALL}):
        figure = style.new_figure(_WIDTH, _HEIGHT)
        lefts = [_GAP + i * (_SIDE + _GAP) for i in range(4)]
        widths = [_SIDE, _SIDE, _SIDE, _WIDTH - lefts[3] - 0.2]
        lefts[3], widths[3] = lefts[3] + 0.75, widths[3] - 0.75  # room for the scale of probabilities
        names = ("crop", "superpixels", "regions", "distribution")
        panels = [_place(figure, x, _BOTTOM, w, _SIDE, name) for x, w, name in zip(lefts, widths, names, strict=True)]
        _draw_crop(panels[0], crop, estimate, title, label_age, preset)
        _draw_superpixels(panels[1], crop, attribution, target, _place(figure, lefts[1], 1.3, _SIDE, 0.17, "weights"))
        _draw_regions(panels[2], crop, attribution.positive_mask, landmarks)
        if landmarks is not None and scores is not None:
            _list_regions(_place(figure, lefts[2], 0.05, _SIDE, 1.25, "shares"), panels[2], scores, landmarks)
        _draw_distribution(panels[3], estimate, label_age, target.class_age)
    return figure


def _check_shapes(crop: np.ndarray, estimate: AgeEstimate, attribution: Attribution) -> None:
    if crop.ndim != 3 or crop.shape[2] != 3 or crop.dtype != np.uint8:
        raise ValueError(f"expected an RGB crop of type uint8 and shape (H, W, 3), got {crop.dtype} {crop.shape}")
    if estimate.probabilities.shape != (1, len(estimate.classes)):
        expected = f"(1, {len(estimate.classes)})"
        raise ValueError(f"expected the estimate of one face, probabilities {expected}, got {estimate.probabilities.shape}")
    if attribution.segments.shape != crop.shape[:2]:
        raise ValueError(f"expected superpixels of shape {crop.shape[:2]}, got {attribution.segments.shape}")


def _target(target: str, classes: np.ndarray) -> _Target:
    if target == "expected_age":
        return _Target("expected age", "years")
    kind, _, index = target.partition(":")
    if kind != "class" or not index.isdecimal() or int(index) >= len(classes):
        raise ValueError(f"expected the target expected_age or class:0 to class:{len(classes) - 1}, got {target!r}")
    age = float(classes[int(index)])
    name = f"probability of class {age:g} years"
    return _Target(name, name, age)


def _place(figure: Figure, left: float, bottom: float, width: float, height: float, name: str) -> Axes:
    """Axes at a place given in inches, so that the four panels line up whatever is written around them."""
    return figure.add_axes((left / _WIDTH, bottom / _HEIGHT, width / _WIDTH, height / _HEIGHT), label=name)


def _head(axes: Axes, text: str) -> None:
    fitting = min(_HEADING, _HEADING * 27 / max(len(text), 1))
    axes.set_title(text, loc="left", fontsize=max(fitting, 8), fontweight="bold", pad=8)


def _below(axes: Axes, inches: float, text: str, **look) -> None:
    """Write under a panel, so many inches below its lower edge."""
    axes.text(0, -inches / _SIDE, text, transform=axes.transAxes, va="top", **look)


def _show(axes: Axes, picture: np.ndarray, **look) -> None:
    axes.imshow(picture, interpolation="nearest", **look)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def _shade(axes: Axes, crop: np.ndarray) -> None:
    """Lay the crop's grey picture over the colours already drawn, as a multiplication: dark stays dark."""
    luminance = crop @ np.array([0.299, 0.587, 0.114]) / 255  # ITU-R BT.601
    black = np.zeros((*luminance.shape, 4))
    black[..., 3] = 0.55 * (1 - luminance)
    axes.imshow(black, interpolation="nearest")


def _borders(areas: np.ndarray, **look) -> LineCollection:
    """Lines between neighbouring pixels of different areas, shape (H, W), along the edges of the pixels."""
    rows, columns = np.nonzero(areas[:, 1:] != areas[:, :-1])
    upright = [((x + 0.5, y - 0.5), (x + 0.5, y + 0.5)) for y, x in zip(rows, columns, strict=True)]
    rows, columns = np.nonzero(areas[1:] != areas[:-1])
    level = [((x - 0.5, y + 0.5), (x + 0.5, y + 0.5)) for y, x in zip(rows, columns, strict=True)]
    return LineCollection(upright + level, capstyle="projecting", **look)


def _draw_crop(
    axes: Axes, crop: np.ndarray, estimate: AgeEstimate, title: str, label_age: float | None, preset: str
) -> None:
    _show(axes, crop)
    _head(axes, title)
    age = float(estimate.age[0])
    _below(axes, 0.12, f"{age:.1f} years", fontsize=26, fontweight="bold")
    _below(axes, 0.62, "estimated age", fontsize=_BODY)
    documented = "documented age unknown"
    if label_age is not None:
        documented = f"documented {label_age:g} years, error {_signed(age - label_age, 1)}"
    _below(axes, 0.92, documented, color=_DOCUMENTED, fontsize=_BODY)
    _below(axes, 1.22, f"preset {preset}", color="0.35", fontsize=_SMALL)


def _draw_superpixels(axes: Axes, crop: np.ndarray, attribution: Attribution, target: _Target, scale: Axes) -> None:
    weights, segments = attribution.weights, attribution.segments
    limit = float(np.abs(weights).max(initial=0)) or 1.0
    norm = Normalize(-limit, limit)
    settled = np.ones(len(weights), dtype=bool) if attribution.settled is None else attribution.settled
    _show(axes, np.where(settled, weights, 0)[segments], cmap=_WEIGHT_COLOURS, norm=norm)
    _shade(axes, crop)
    axes.add_collection(_borders(segments, colors="0.15", linewidths=0.6))
    _head(axes, "Weight of each superpixel")
    if not settled.all():
        axes.contourf(~settled[segments], levels=[0.5, 1.5], colors="none", hatches=["////"])
        axes.legend(
            handles=[Patch(facecolor="0.9", edgecolor="0.2", hatch="////", label="unsettled: interval includes 0")],
            loc="upper left", bbox_to_anchor=(0, -0.26), borderpad=0, borderaxespad=0,
        )  # fmt: skip
    _weight_scale(scale, ScalarMappable(norm, _WEIGHT_COLOURS), target)


def _weight_scale(scale: Axes, colours: ScalarMappable, target: _Target) -> None:
    """Colour bar with signed ticks; powers of ten go into its label, not into every tick."""
    limit = colours.norm.vmax
    power = int(np.floor(np.log10(limit))) if limit < 0.01 else 0
    bar = scale.figure.colorbar(colours, cax=scale, orientation="horizontal")
    bar.locator = MaxNLocator(nbins=5, symmetric=True)
    bar.formatter = FuncFormatter(lambda value, _: _signed(value / 10**power))
    bar.update_ticks()
    times = f" × 10{str(power).translate(_SUPERSCRIPTS)}" if power else ""
    bar.set_label(f"{target.unit}{times}")


def _signed(value: float, digits: int | None = None) -> str:
    """A number with its sign, a true minus; 0 has none."""
    text = f"{value:+g}" if digits is None else f"{value:+.{digits}f}"
    return "0" if float(text) == 0 else text.replace("-", "−")


def _draw_regions(axes: Axes, crop: np.ndarray, mask: np.ndarray, landmarks) -> None:
    _show(axes, np.ones((*crop.shape[:2], 3)))
    tint = np.zeros((*mask.shape, 4))
    tint[mask] = matplotlib.colors.to_rgba(_RAISES)
    axes.imshow(tint, interpolation="nearest")
    _shade(axes, crop)
    axes.add_collection(_borders(mask, colors=_RAISES_EDGE, linewidths=1.2))
    _head(axes, "Positive mask and regions")
    keys = [Patch(facecolor=_RAISES, edgecolor=_RAISES_EDGE, label="mask" if mask.any() else "empty mask")]
    if landmarks is None:
        _below(axes, 0.4, "no landmarks found", fontsize=_BODY)
    else:
        _outline_regions(axes, landmarks, crop.shape[0])
        for label, colour, dash in (("facial", _FACIAL, "-"), ("outer", _OUTER, "--")):
            keys.append(Line2D([], [], color=colour, linestyle=dash, path_effects=_CASING, label=label))
    axes.legend(
        handles=keys, loc="upper left", bbox_to_anchor=(0, -0.02), ncols=3, borderpad=0, borderaxespad=0, columnspacing=1.2
    )


def _outline_regions(axes: Axes, landmarks, size: int) -> None:
    """Outline the outer regions first, so that the face's own lines lie on top where both run along the jaw."""
    polygons = region_polygons(landmarks, size).polygons
    for region in reversed(REGIONS):
        facial = region in FACIAL_REGIONS
        look = {"color": _FACIAL if facial else _OUTER, "linestyle": "-" if facial else "--", "linewidth": 1.4}
        for piece in getattr(polygons[region], "geoms", [polygons[region]]):
            x, y = np.array(piece.exterior.coords).T.reshape(2, -1)
            axes.plot(x, y, path_effects=(withStroke(linewidth=2.6, foreground="black"),), **look)
    axes.set(xlim=(-0.5, size - 0.5), ylim=(size - 0.5, -0.5))


def _list_regions(axes: Axes, picture: Axes, scores: dict[str, float], landmarks) -> None:
    """List the regions that hold most of the mask, and put their ranks on the picture."""
    share = {region: scores[f"activation_{region}_from_all"] for region in REGIONS}
    listed = [region for region in sorted(REGIONS, key=share.get, reverse=True) if share[region] > 0][:LISTED_REGIONS]
    axes.set(xlim=(0, 1), ylim=(LISTED_REGIONS + 0.5, -0.6))
    axes.axis("off")
    if not listed:
        axes.text(0, 1, "no positive pixel in any region", va="center")
        return
    look = {"va": "center", "fontsize": _SMALL}
    for x, head in ((0.62, "of the mask"), (1, "of the region")):
        axes.text(x, 0, head, ha="right", color="0.35", **look)
    centres = _centres(landmarks, picture.images[0].get_size()[0])
    for rank, region in enumerate(listed, start=1):
        axes.text(0.02, rank, f"{rank}", ha="center", fontweight="bold", **look)
        axes.text(0.06, rank, REGION_NAMES[region], **look)
        for x, key in ((0.62, "from_all"), (1, "pct_of_feature")):
            value = scores[f"activation_{region}_{key}"]
            axes.barh(rank, 0.2 * value, left=x - 0.2, height=0.7, color=_RAISES)
            axes.text(x, rank, f"{value:.0%}", ha="right", **look)
        if region in centres:
            badge = {"boxstyle": "circle,pad=0.18", "facecolor": "white", "edgecolor": "black"}
            picture.text(*centres[region], f"{rank}", ha="center", va="center", fontsize=10, fontweight="bold", bbox=badge)


def _centres(landmarks, size: int) -> dict[str, tuple[float, float]]:
    """The point (x, y) of each region farthest from its outline, off the smaller regions within it and the edge."""
    masks = {region: polygon_mask(polygon, size) for region, polygon in region_polygons(landmarks, size).polygons.items()}
    for inner, outer in (("mouth_inner", "chin"), ("eye_l_inner", "eye_l"), ("eye_r_inner", "eye_r")):
        masks[outer] &= ~masks[inner]
    depths = {region: distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1] for region, mask in masks.items() if mask.any()}
    deepest = {region: np.unravel_index(depth.argmax(), depth.shape) for region, depth in depths.items()}
    return {region: (float(x), float(y)) for region, (y, x) in deepest.items()}


def _draw_distribution(axes: Axes, estimate: AgeEstimate, label_age: float | None, explained: float | None) -> None:
    classes, probabilities, age = estimate.classes, estimate.probabilities[0], float(estimate.age[0])
    spread = float(distribution_spread(probabilities, classes))
    width = np.min(np.diff(classes), initial=1.0)
    axes.bar(classes, probabilities, width=width, color=_BARS)
    top = 1.12 * float(probabilities.max())
    axes.set(ylim=(0, top), xlabel="age (years)", ylabel="probability of the age class")
    axes.axvline(age, color=_EXPECTED, label=f"expected age {age:.1f} years")
    axes.errorbar(
        age, 0.96 * top, xerr=spread, color=_EXPECTED, capsize=5, elinewidth=1.6, capthick=1.6,
        label=f"spread ± {spread:.1f} years (standard deviation)",
    )  # fmt: skip
    if label_age is not None:
        axes.axvline(label_age, color=_DOCUMENTED, linestyle=(0, (4, 2)), label=f"documented age {label_age:g} years")
    if explained is not None:
        axes.plot(
            explained, 0.02, "v", color=_EXPLAINED, markersize=10, transform=axes.get_xaxis_transform(),
            label=f"explained: class {explained:g} years", clip_on=False,
        )  # fmt: skip
    low, high = min(classes[0], label_age or 0), max(classes[-1], label_age or 0)
    axes.set_xlim(low - 1, high + 1)
    _head(axes, "Distribution over age classes")
    axes.legend(loc="upper left", bbox_to_anchor=(0, -0.17), borderpad=0, borderaxespad=0)
