"""A data set in numbers: each measure of its images by group, ages in bins, what goes with what, and colours.

Every image counts once. Near duplicates are images too: intervals here are of independent ones, and are too narrow
where many are not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from types import MappingProxyType

import numpy as np
import pandas as pd
import scipy

from age_audit.audit.sample import faces_by_age
from age_audit.core.groups import ALL, groups_of, levels, require_columns
from age_audit.core.randomness import CONFIDENCE
from age_audit.stats.correlations import spearman_interval
from age_audit.stats.proportions import share_columns
from age_audit.stats.resampling import LEAST_FACES

# What is measured of an image, and what an axis calls it.
MEASURES = MappingProxyType(
    {
        "width": "width (pixels)",
        "height": "height (pixels)",
        "variance": "variance of channels (levels²)",
        "unique_colours": "different colours",
        "entropy": "entropy (bits)",
        "luminance": "luminance (0–255)",
        "laplacian_variance": "variance of the Laplacian (levels²)",
        "fft_blur": "detail (FFT, levels)",
        "brisque": "BRISQUE (high: bad)",
        "individual_typology_angle": "individual typology angle (°)",
        "skin_lightness": "skin lightness (L*)",
        "eye_distance": "distance of the eyes (pixels)",
        "yaw": "yaw (°)",
        "pitch": "pitch (°)",
        "roll": "roll (°)",
    }
)
AGE = "age_real"
BIN, LAST_BIN = 10, 90  # years
CHANNELS = ("red", "green", "blue")
_PERCENTILES = {"p5": 5, "p25": 25, "p75": 75, "p95": 95}


def measures_in(frame: pd.DataFrame) -> list[str]:
    """Age and those of :data:`MEASURES` that the frame has.

    Examples
    --------
    >>> measures_in(pd.DataFrame({"luminance": [90.0], "age_real": [30], "reason": [""]}))
    ['age_real', 'luminance']
    """
    return [name for name in (AGE, *MEASURES) if name in frame]


def describe(
    frame: pd.DataFrame, measures: Sequence[str] | None = None, features: Sequence[str] = ("gender_real",)
) -> pd.DataFrame:
    """Centre, spread, ends and shape of each measure, by group and of all images.

    Parameters
    ----------
    frame : DataFrame
        One row an image, with the measures and the features.
    measures : sequence of str
        Columns of numbers; by default :func:`measures_in` the frame.
    features : sequence of str
        Columns; every combination of their levels is a group, and the level ``"all"`` of each holds images without a
        label too.

    Returns
    -------
    DataFrame
        One row for each group and measure. Columns: the features; ``measure``; ``n``, images that have it; ``share`` of
        all that have it (0-1); ``mean``, ``median``; ``mode``, the smallest of the most frequent values, NaN where none
        occurs twice; ``standard_deviation`` (n - 1); ``interquartile_range``; ``p5``, ``p25``, ``p75`` and ``p95``,
        percentiles interpolated linearly; ``minimum``, ``maximum``; ``skewness`` (adjusted Fisher-Pearson, G1) and
        ``excess_kurtosis`` (G2, 0 of a normal distribution), corrected for bias as pandas does: of fewer than three and
        four images, NaN. In the measure's unit, but for shares and the last two.

    Raises
    ------
    UsageError
        If the frame lacks a column.

    Notes
    -----
    G1 and G2 are those of Joanes & Gill (The Statistician 47, 1998). Both take a few extreme images for a shape: see
    the percentiles beside them.

    Examples
    --------
    >>> frame = pd.DataFrame({"age_real": [1, 1, 4, 30], "gender_real": ["Male", "Male", "Female", None]})
    >>> table = describe(frame)
    >>> table[["gender_real", "measure", "n", "share", "mean", "median", "mode", "minimum", "maximum"]]
      gender_real   measure  n  share  mean  median  mode  minimum  maximum
    0      Female  age_real  1   0.25   4.0     4.0   NaN      4.0      4.0
    1        Male  age_real  2   0.50   1.0     1.0   1.0      1.0      1.0
    2         all  age_real  4   1.00   9.0     2.5   1.0      1.0     30.0
    >>> table.loc[2, ["skewness", "excess_kurtosis"]].astype(float).round(2).tolist()
    [1.94, 3.79]
    """
    measures = measures_in(frame) if measures is None else list(measures)
    require_columns(frame, (*measures, *features))
    values = {name: pd.to_numeric(frame[name]).astype(float) for name in measures}
    rows = [
        labels | {"measure": name} | _described(values[name][inside].dropna(), values[name].count())
        for labels, inside in groups_of(frame, features, features)
        for name in measures
    ]
    return pd.DataFrame(rows)


def _described(values: pd.Series, of_all: int) -> dict[str, float]:
    percentiles = values.quantile([p / 100 for p in _PERCENTILES.values()]).tolist()
    found = dict(zip(_PERCENTILES, percentiles, strict=True))
    return {
        "n": len(values),
        "share": len(values) / of_all if of_all else np.nan,
        "mean": values.mean(),
        "median": values.median(),
        "mode": values.mode().iloc[0] if values.duplicated().any() else np.nan,
        "standard_deviation": values.std(),
        "interquartile_range": found["p75"] - found["p25"],
        **found,
        "minimum": values.min(),
        "maximum": values.max(),
        "skewness": values.skew(),
        "excess_kurtosis": values.kurt(),
    }


def age_bins(frame: pd.DataFrame, features: Sequence[str] = ("gender_real",)) -> pd.DataFrame:
    """Count images in bins of ten years of age, the last without an end, by group and of all.

    A bin holds its lower end: a person of ten is in the second, as one who is ten in completed years lives the
    eleventh year. (pandas' ``cut`` would count them in the first, and a newborn in none.)

    Parameters
    ----------
    frame : DataFrame
        One row an image, with ``age_real`` and the features. An age known only as a range counts in parts, see
        :func:`age_audit.audit.sample.faces_by_age`.
    features : sequence of str
        Columns; every combination of their levels is a group. ``"all"`` of all features has every image with an age.

    Returns
    -------
    DataFrame
        One row for each group and bin. Columns: the features, ``age_low`` and ``age_high`` (years, both included; NaN
        of the last bin), ``images``, and their ``share`` of the group (0-1) with ``low`` and ``high``, the ends of
        Wilson's interval of 95 %.

    Raises
    ------
    UsageError
        If the frame lacks a column.

    Examples
    --------
    >>> frame = pd.DataFrame({"age_real": [0, 9, 10, 95, 110], "gender_real": ["Male"] * 4 + [None]})
    >>> table = age_bins(frame)
    >>> table.loc[table["images"] > 0, ["gender_real", "age_low", "age_high", "images", "share"]]
       gender_real  age_low  age_high  images  share
    0         Male        0       9.0       2   0.50
    1         Male       10      19.0       1   0.25
    9         Male       90       NaN       1   0.25
    10         all        0       9.0       2   0.40
    11         all       10      19.0       1   0.20
    19         all       90       NaN       2   0.40
    """
    everyone = faces_by_age(frame, (), BIN).assign(**dict.fromkeys(features, ALL))
    counted = pd.concat([faces_by_age(frame, features, BIN), everyone]) if features else everyone
    counted["age_low"] = counted["age_low"].clip(upper=LAST_BIN)
    lows = list(range(0, LAST_BIN + 1, BIN))
    rows = []
    for names, group in counted.groupby(list(features) or np.zeros(len(counted)), sort=False, observed=True):
        images = group.groupby("age_low")["images"].sum().reindex(lows, fill_value=0)
        labels = dict(zip(features, names, strict=False)) if features else {}
        highs = [low + BIN - 1 for low in lows[:-1]] + [np.nan]
        columns = {"age_low": lows, "age_high": highs, "images": images.to_numpy()}
        rows.append(pd.DataFrame(labels | columns | share_columns(images, np.full(len(lows), images.sum()))))
    columns = [*features, "age_low", "age_high", "images", *share_columns(np.zeros(0), np.zeros(0))]
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=columns)


def correlations(frame: pd.DataFrame, measures: Sequence[str] | None = None) -> pd.DataFrame:
    """How much each two measures go together.

    Parameters
    ----------
    frame, measures
        As :func:`describe`.

    Returns
    -------
    DataFrame
        One row for each pair. Columns: ``measure``, ``other``; ``n``, images that have both; Pearson's ``r`` and
        Spearman's ``spearman`` (-1 to 1; NaN where either never varies); ``spearman_low`` and ``spearman_high``, the
        ends of its interval of 95 %. There is none of r: Fisher's is of normal values, which measures of images are
        not, and comes out too narrow where few of them are extreme.

    Raises
    ------
    UsageError
        If the frame lacks a column.

    Notes
    -----
    The interval is :func:`age_audit.stats.correlations.spearman_interval`; NaN of fewer than four images.

    Examples
    --------
    >>> frame = pd.DataFrame({"luminance": [1.0, 2, 3, 4, None], "entropy": [1.0, 2, 3, 10, 3]})
    >>> correlations(frame, ["luminance", "entropy"]).round(2)[["measure", "other", "n", "r", "spearman"]]
         measure    other  n     r  spearman
    0  luminance  entropy  4  0.89       1.0
    """
    measures = measures_in(frame) if measures is None else list(measures)
    require_columns(frame, measures)
    values = frame[measures].apply(pd.to_numeric).astype(float)
    there = values.notna().astype(int)
    both, r, ranked = there.T @ there, values.corr(), values.corr("spearman")
    rows = [(a, b, both.loc[a, b], r.loc[a, b], ranked.loc[a, b]) for a, b in combinations(measures, 2)]
    table = pd.DataFrame(rows, columns=["measure", "other", "n", "r", "spearman"])
    table["spearman_low"], table["spearman_high"] = spearman_interval(table["spearman"], table["n"])
    return table


def channel_shares(image: np.ndarray) -> np.ndarray:
    """The histogram of each channel as shares of the image's pixels, so that large images count no more than small.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W, 3)
        RGB, at least one pixel.

    Returns
    -------
    ndarray of float, shape (3, 256)
        Red, green, blue by value 0-255; each row sums to 1.

    Raises
    ------
    ValueError
        If it is no such image.

    Examples
    --------
    >>> shares = channel_shares(np.array([[[0, 10, 255], [0, 20, 255]]], dtype=np.uint8))
    >>> [(channel, value, float(shares[channel, value])) for channel, value in np.argwhere(shares).tolist()]
    [(0, 0, 1.0), (1, 10, 0.5), (1, 20, 0.5), (2, 255, 1.0)]
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise ValueError(f"expected an RGB image of uint8, shape (H, W, 3), got {image.dtype} of shape {image.shape}")
    pixels = image.reshape(-1, 3)
    return np.stack([np.bincount(channel, minlength=256) for channel in pixels.T]) / len(pixels)


@dataclass(frozen=True)
class ChannelSums:
    """What :func:`mean_channels` needs of any number of images, so that none has to be kept.

    Attributes
    ----------
    n : int
        Images.
    total, squares : ndarray of float, shape (3, 256)
        Sums of their shares and of the squares of these.

    Examples
    --------
    >>> dark, bright = (ChannelSums.of(np.full((2, 2, 3), level, dtype=np.uint8)) for level in (10, 200))
    >>> both = dark + bright
    >>> both.n, float(both.total[0, 10])
    (2, 1.0)
    """

    n: int
    total: np.ndarray
    squares: np.ndarray

    @classmethod
    def of(cls, image: np.ndarray) -> ChannelSums:
        """Of one image, as :func:`channel_shares`."""
        shares = channel_shares(image)
        return cls(1, shares, shares**2)

    def __add__(self, other: ChannelSums) -> ChannelSums:
        """Of both."""
        return ChannelSums(self.n + other.n, self.total + other.total, self.squares + other.squares)


def channel_sums(images: Iterable[tuple[str, np.ndarray]]) -> dict[str, ChannelSums]:
    """Add up the images of each class as they come, and of all under ``"all"``; one image at a time is held.

    Parameters
    ----------
    images : iterable of (str, ndarray)
        Class and image, as :func:`channel_shares`.

    Examples
    --------
    >>> dark, bright = np.zeros((1, 1, 3), dtype=np.uint8), np.full((1, 1, 3), 255, dtype=np.uint8)
    >>> sums = channel_sums([("Male", dark), ("Female", bright), ("Male", bright)])
    >>> {name: found.n for name, found in sums.items()}
    {'Male': 2, 'all': 3, 'Female': 1}
    """
    sums: dict[str, ChannelSums] = {}
    for group, image in images:
        found = ChannelSums.of(image)
        for name in (group, ALL):
            sums[name] = sums[name] + found if name in sums else found
    return sums


def mean_channels(sums: Mapping[str, ChannelSums], confidence: float = CONFIDENCE) -> pd.DataFrame:
    """The mean histogram of each class: shares of each image first, then their mean.

    Parameters
    ----------
    sums : mapping of str to ChannelSums
        From :func:`channel_sums`.
    confidence : float
        Coverage of the interval, between 0 and 1.

    Returns
    -------
    DataFrame
        768 rows a class. Columns: ``group``, ``n`` (images), ``channel`` (red, green, blue), ``value`` (0-255),
        ``share`` (0-1; the 256 of a channel sum to 1), ``low`` and ``high`` (Student's t over images, cut off at 0; NaN
        of fewer than three images).

    Examples
    --------
    >>> dark, bright = np.zeros((1, 1, 3), dtype=np.uint8), np.full((9, 9, 3), 255, dtype=np.uint8)
    >>> table = mean_channels(channel_sums([("Male", dark), ("Male", bright)]))
    >>> table.loc[(table["share"] > 0) & (table["group"] == "Male"), ["n", "channel", "value", "share"]]
         n channel  value  share
    0    2     red      0    0.5
    255  2     red    255    0.5
    256  2   green      0    0.5
    511  2   green    255    0.5
    512  2    blue      0    0.5
    767  2    blue    255    0.5
    """
    where = pd.MultiIndex.from_product([CHANNELS, range(256)], names=["channel", "value"]).to_frame(index=False)
    tables = []
    for group, found in sums.items():
        mean, half = found.total / found.n, np.full((3, 256), np.nan)
        if found.n >= LEAST_FACES:
            variance = (found.squares - found.n * mean**2).clip(0) / (found.n - 1)
            half = scipy.stats.t.ppf((1 + confidence) / 2, found.n - 1) * np.sqrt(variance / found.n)
        table = where.assign(share=mean.ravel(), low=(mean - half).clip(0).ravel(), high=(mean + half).ravel())
        table.insert(0, "group", group)
        table.insert(1, "n", found.n)
        tables.append(table)
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def largest_difference(frame: pd.DataFrame, measures: Sequence[str], feature: str) -> pd.DataFrame:
    """Of each measure the two groups that differ most, and how often an image of the one has more than of the other.

    Parameters
    ----------
    frame : DataFrame
        With the measures and the feature.
    measures : sequence of str
    feature : str
        Column of groups; those in which fewer than three images have the measure are left out.

    Returns
    -------
    DataFrame
        One row a measure, the largest difference first. Columns: ``measure``, ``highest_group``, ``lowest_group``,
        ``n_highest`` and ``n_lowest`` (images), ``probability``: that an image drawn of the former has a higher value
        than one of the latter, ties counted half (0.5-1; the common-language effect size of McGraw & Wong 1992, from
        Mann-Whitney's U). Being the largest of several, it is above 0.5 by chance too.

    Examples
    --------
    >>> frame = pd.DataFrame({"luminance": [1, 2, 3, 3, 4, 5], "gender_real": ["Male"] * 3 + ["Female"] * 3})
    >>> largest_difference(frame, ["luminance"], "gender_real").iloc[0].to_dict()
    {'measure': 'luminance', 'highest_group': 'Female', 'lowest_group': 'Male', 'n_highest': 3, 'n_lowest': 3,
    'probability': 0.944...}
    """
    require_columns(frame, (*measures, feature))
    rows = []
    for measure in measures:
        values = {name: frame.loc[frame[feature] == name, measure].dropna() for name in levels(frame[feature])}
        groups = {name: found.astype(float) for name, found in values.items() if len(found) >= LEAST_FACES}
        pairs = [_ordered(*pair) for pair in combinations(groups.items(), 2)]
        if pairs:
            rows.append({"measure": measure} | max(pairs, key=lambda pair: pair["probability"]))
    table = pd.DataFrame(rows, columns=["measure", *_DIFFERENCE])
    return table.sort_values("probability", ascending=False, kind="stable", ignore_index=True)


_DIFFERENCE = ["highest_group", "lowest_group", "n_highest", "n_lowest", "probability"]


def _ordered(one: tuple[str, pd.Series], other: tuple[str, pd.Series]) -> dict:
    (first, more), (second, less) = one, other
    above = float(scipy.stats.mannwhitneyu(more, less, method="asymptotic").statistic) / (len(more) * len(less))
    found = (first, second, len(more), len(less), above)
    if above < 0.5:
        found = (second, first, len(less), len(more), 1 - above)
    return dict(zip(_DIFFERENCE, found, strict=True))
