"""How accuracy and signed error are distributed, group by group, one panel an age range."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from age_audit.core import measures
from age_audit.core.groups import feature_title, levels, require_columns
from age_audit.core.metrics import ACCURACY_CUTOFF
from age_audit.core.vocabulary import FEW_FACES
from age_audit.figures import style

FEWEST_FOR_DENSITY = 10  # of fewer a curve is one tall peak, beside which all others are flat: each is marked
_GRID_POINTS = 401
MANY_FACES = 10_000  # a curve of more is drawn from counts in narrow bins, which no eye can tell from the exact one
_BINS_PER_BANDWIDTH = 20
_READING_NOTE = (
    f"thin curve: fewer than {FEW_FACES} faces; mark at the axis: one face of a group of fewer than "
    f"{FEWEST_FOR_DENSITY}, or of equal values;\neach panel has its own vertical scale"
)
_MARKS_ONLY = "no curve:\na mark is a face"


@dataclass(frozen=True)
class Distribution:
    """A column that can be drawn.

    Attributes
    ----------
    column : str
    title, axis_label : str
        What the figure and its horizontal axis call it, with the unit.
    reference : float
        Where a vertical line is drawn, and ``reference_note`` says what it means.
    step : float
        The horizontal axis ends at multiples of this.
    upper : float or None
        What no value can exceed.
    """

    column: str
    title: str
    axis_label: str
    density_label: str
    reference: float
    reference_note: str
    step: float
    upper: float | None = None


ACCURACY = Distribution(
    column="age_estimation_accuracy",
    title="Accuracy of the age estimate",
    axis_label=measures.ACCURACY.label,
    density_label="density",
    reference=ACCURACY_CUTOFF,
    reference_note=f"dotted line: {ACCURACY_CUTOFF:.2f}, above which the study counts an estimate as positive",
    step=0.1,
    upper=1.0,
)
SIGNED_ERROR = Distribution(
    column="signed_error",
    title="Signed error of the age estimate",
    axis_label="estimate − real age (years)",
    density_label="density (per year)",
    reference=0.0,
    reference_note="dotted line: no error; to its right, faces taken for older than they are",
    step=10.0,
)
DISTRIBUTIONS = {"accuracy": ACCURACY, "signed_error": SIGNED_ERROR}


def distributions_by_age_range(frame: pd.DataFrame, measure: Distribution, feature: str, source: str = "") -> Figure:
    """Draw one panel for each age range, with the density of the measure in every group of a feature.

    Parameters
    ----------
    frame : DataFrame
        From :func:`age_audit.data.frames.activations_frame`; rows without the measure, the feature or an age range are
        left out.
    measure : Distribution
        :data:`ACCURACY` or :data:`SIGNED_ERROR`.
    feature : str
        Column of groups, such as ``"gender_real"``.
    source : str
        What the faces are, for the title.

    Returns
    -------
    Figure
        Two panels a row (one age range has all of it) with the same horizontal axis. Heights are to be compared within
        a panel: the area under every curve is 1, however few faces it stands for.

    Raises
    ------
    UsageError
        If the frame lacks a column.
    """
    require_columns(frame, ("age_range", measure.column, feature))
    shown = frame.dropna(subset=["age_range", measure.column, feature])
    groups, ranges = levels(frame[feature]), levels(frame["age_range"])
    limits = axis_limits(shown[measure.column], measure)
    with style.applied():
        columns = min(2, len(ranges))
        rows = -(-len(ranges) // columns)
        figure = style.new_figure(10 if len(groups) <= style.MANY_GROUPS else 14, 0.9 + 3.3 * rows)
        panels = figure.subplots(rows, columns, sharex=True, squeeze=False).flat
        for axes in panels[len(ranges) :]:
            axes.remove()
        for axes, label in zip(panels, ranges, strict=False):
            draw_densities(axes, shown[shown["age_range"] == label], measure, feature, groups, limits)
            axes.set_title(f"real age {label} years")
            axes.tick_params(labelbottom=True)
        title = f"{measure.title} by {feature_title(feature)}"
        style.set_finding(figure, f"{title} ({source})" if source else title)
        style.set_note(figure, f"{measure.axis_label}\n{measure.reference_note}\n{_READING_NOTE}")
        if any(len(axes.get_yticks()) for axes in figure.axes):
            figure.supylabel(measure.density_label, fontsize=style.BASE)
    return figure


def draw_densities(
    axes: Axes,
    faces: pd.DataFrame,
    measure: Distribution,
    feature: str,
    groups: list[str],
    limits: tuple[float, float],
) -> Axes:
    """Draw the density of the measure in every group into one panel.

    A group with fewer than ten faces, or whose faces all have one value, has no density; its faces are marked on the
    axis instead, and a panel of marks alone says so in place of a scale. A curve, its marks and its legend entry are
    one artist, so colours cannot come apart.

    Parameters
    ----------
    axes : Axes
        Drawn into.
    faces : DataFrame
        Rows of this panel, with the measure and the feature.
    measure : Distribution
    feature : str
    groups : list of str
        Every group of the figure in its order; a group without faces here is named in the legend with n = 0.
    limits : (float, float)
        Ends of the horizontal axis.

    Returns
    -------
    Axes
        The same.
    """
    axes.set_xlim(limits)
    axes.axvline(measure.reference, color="0.35", linestyle=":", linewidth=1.2, zorder=0)
    if faces.empty:
        place = {"transform": axes.transAxes, "ha": "center", "va": "center"}
        ground = {"facecolor": "white", "edgecolor": "none", "pad": 2}  # or the dotted line goes through the words
        axes.text(0.5, 0.5, "no faces", color="0.35", bbox=ground, **place)
        axes.set_yticks([])
        return axes
    grid = np.linspace(*limits, _GRID_POINTS)
    for place, (group, look) in enumerate(style.group_look(groups).items()):
        values = faces.loc[faces[feature] == group, measure.column].to_numpy(dtype=float)
        look["label"] = f"{group} (n = {len(values):,})"
        if len(values) < FEW_FACES:
            look["linewidth"] = style.THIN_LINE
        if has_density(values):
            if len(groups) <= style.MANY_GROUPS:
                look["marker"] = ""  # dashes suffice
            every = slice(5 * place, None, 5 * len(groups))
            axes.plot(grid, density(values, grid, measure.upper), markevery=every, markersize=5, **look)
        elif len(values):
            _mark_each(axes, values, look)
        else:
            axes.plot([], [], **look | {"linestyle": ""})
    axes.margins(y=0.12)  # room for the legend
    axes.set_ylim(bottom=0)
    if not any(has_density(values) for _, values in faces.groupby(feature, observed=True)[measure.column]):
        axes.set_yticks([])  # marks have no height to read off
        axes.set_ylabel(_MARKS_ONLY, color="0.35", fontsize=style.SMALL)
    style.legend(axes, len(groups))
    return axes


def _mark_each(axes: Axes, values: np.ndarray, look: dict) -> None:
    """Mark every value with the group's marker just above the horizontal axis, whatever the vertical one shows."""
    marks = {"linestyle": "", "markersize": 6, "alpha": 0.8, "clip_on": False}
    axes.plot(values, np.full(len(values), 0.025), transform=axes.get_xaxis_transform(), **(look | marks))


def has_density(values: np.ndarray) -> bool:
    """Whether there are enough different values for a curve to mean something."""
    return len(values) >= FEWEST_FOR_DENSITY and float(np.ptp(values)) > 1e-9


def density(values: np.ndarray, grid: np.ndarray, upper: float | None = None) -> np.ndarray:
    """Gaussian kernel density with Scott's bandwidth, area 1.

    Where values cannot exceed a bound but crowd against it, as accuracies do at 1, a plain kernel density puts mass
    beyond the bound and shows a false dip before it; what lies beyond is therefore reflected back (Silverman 1986,
    section 2.10).

    Parameters
    ----------
    values : ndarray of float, shape (N,)
        At least two different ones, none above ``upper``.
    grid : ndarray of float, shape (G,)
        Where to evaluate.
    upper : float or None
        The bound.

    Returns
    -------
    ndarray of float, shape (G,)
        Per unit of the values; 0 above the bound.
    """
    kernel = scipy.stats.gaussian_kde(values) if len(values) <= MANY_FACES else _binned_kernel(values)
    if upper is None:
        return kernel(grid)
    return np.where(grid <= upper, kernel(grid) + kernel(2 * upper - grid), 0.0)


def _binned_kernel(values: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """The same density with every value moved to the middle of a bin a twentieth of the bandwidth wide.

    The exact one takes as many steps as there are values times grid points, this one a number that grows with the
    fifth root of the values only. Moving them widens the kernel's variance by a twelfth of the bin's square: 0.02 %.
    """
    bandwidth = values.std(ddof=1) * len(values) ** -0.2  # Scott's
    bins = int(np.ceil(np.ptp(values) / bandwidth * _BINS_PER_BANDWIDTH))
    counts, edges = np.histogram(values, bins)
    middles = ((edges[:-1] + edges[1:]) / 2)[counts > 0]
    weights = counts[counts > 0] / (len(values) * bandwidth * np.sqrt(2 * np.pi))
    return lambda grid: np.array([np.exp(-0.5 * ((point - middles) / bandwidth) ** 2) @ weights for point in grid])


def axis_limits(values: pd.Series, measure: Distribution) -> tuple[float, float]:
    """Ends of the horizontal axis: whole steps around the values and the reference line, never beyond the bound."""
    everything = np.append(values, measure.reference)
    low = np.floor(everything.min() / measure.step - 0.5) * measure.step
    high = np.ceil(everything.max() / measure.step + 0.5) * measure.step
    return float(low), float(high) if measure.upper is None else measure.upper
