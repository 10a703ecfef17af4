"""Tables as a notebook shows them: columns in words with their units, numbers with the digits that they deserve."""

from __future__ import annotations

import html
import re
import string
from collections.abc import Mapping, Sequence
from numbers import Number

import numpy as np
import pandas as pd

from age_audit.core.errors import UsageError
from age_audit.core.groups import feature_title, require_columns
from age_audit.core.measures import MEASURES
from age_audit.figures.appendix_b import segment_name
from age_audit.regions.polygons import REGION_NAMES

NOTHING = "–"
NO_ROW = "There is nothing of this kind here."
MOST_DIGITS = 3  # behind the point
# Columns that their own name does not explain: what they are called at the head of a table, and their unit.
_WORDS = {
    "n": ("n", "faces"),
    "low": ("95 % from", ""),
    "high": ("to", ""),
    "p_value": ("p", "0–1"),
    "p_holm": ("p (Holm)", "0–1"),
    "p_bh": ("p (BH)", "0–1"),
    "cliffs_delta": ("Cliff's δ", "−1 to 1"),
    "epsilon_squared": ("ε²", "0–1"),
    "few_faces": ("few faces", ""),
    "crude": ("unadjusted", ""),
    "age_range": ("real age", "years"),
    "age_band": ("real age", "years"),
    "mean_accuracy": ("mean accuracy", ""),
    "share_positive": ("share positive", "0–1"),
    "estimator_ahead": ("estimator ahead", "years"),
    "guessed_age": ("guessed age", "years"),
    "standard_deviation": ("SD", "years"),
    "r": ("r", "−1 to 1"),
    "fname": ("file", ""),
    "age_real": ("real age", "years"),
    "age_estimation": ("estimate", "years"),
    "age_mean": ("mean real age", "years"),
    "p10": ("10 % are below", "years"),
    "p90": ("90 % are below", "years"),
    "lowest_estimate": ("lowest estimate", "years"),
    "highest_estimate": ("highest estimate", "years"),
    "label_doubt": ("label in doubt", ""),
    "deviations": ("within so many stated SDs", ""),
    "share": ("share", "0–1"),
    "gap": ("gap", "0–1"),
    "gap_of_all": ("gap of all faces", "0–1"),
    "by_chance": ("by chance alone", ""),
    "probability_female": ("probability of Female", "0–1"),
    "lowest_probability": ("lowest probability of Female", "0–1"),
    "highest_probability": ("highest probability of Female", "0–1"),
    "expected": ("expected share", "0–1"),
    "median_spread": ("median stated SD", "years"),
    "estimated_range": ("estimated", "years"),
    "age_low": ("age from", ""),
    "age_high": ("age to", ""),
    "age_gap": ("difference of mean ages", "years"),
    "equal_age": ("at equal ages", "years"),
    "strata": ("strata of age", ""),
    "n_needed": ("faces needed", "faces"),
    "noise_sd": ("SD of noise in labels", "years"),
    "highest_n": ("faces in it", "faces"),
    "lowest_n": ("faces in it", "faces"),
    "split_half_r": ("r of random halves", "−1 to 1"),
    "split_half_r_mean": ("r of the halves' mean masks", "−1 to 1"),
    "r_shuffled": ("r with labels permuted", "−1 to 1"),
}
_VALUES = {measure.key: measure.name for measure in MEASURES.values()} | REGION_NAMES
_VALUES |= {"whipple": "Whipple's index", "whipple_children": "Whipple's index, children"}
_VALUES |= {"whipple_old": "Whipple's index, old people", "myers": "Myers' blended index"}
_VALUES |= {"label_sd": "SD of labels", "label_sd_normal": "SD of labels, if normal"}
_VALUES |= {"label_sd_robust": "SD of labels, by the median pair"}
_VALUES |= {"brisque": "BRISQUE", "laplacian_variance": "variance of the Laplacian", "fft_blur": "detail (FFT)"}
_ENDS = {"p_value": "p", "p_holm": "p (Holm)", "p_bh": "p (BH)", "low": "95 % from", "high": "to"}


def heading(column: str) -> str:
    """A column in words.

    Examples
    --------
    >>> [heading(name) for name in ("p_holm", "race_real", "mean_absolute_error_low", "score_shuffled")]
    ['p (Holm)', 'race', 'MAE, 95 % from', 'score permuted']
    """
    if column in _WORDS:
        return _WORDS[column][0]
    if column in MEASURES:
        return MEASURES[column].short
    for end, words in _ENDS.items():
        if column.endswith(f"_{end}"):
            return f"{heading(column.removesuffix(f'_{end}'))}, {words}"
    for key, measure in MEASURES.items():
        if column.startswith(f"{key}_"):
            return f"{measure.short}, {heading(column.removeprefix(f'{key}_'))}"
    return segment_name(feature_title(column)).replace("_", " ").replace("shuffled", "permuted")


def unit(column: str) -> str:
    """The unit of a column's numbers, or nothing where they have none or the table's rows have several."""
    if column in _WORDS:
        return _WORDS[column][1]
    measure = next((measure for key, measure in MEASURES.items() if column.startswith(key)), None)
    if is_p_value(column) or column.startswith(("share_", "positive_share")) or column.endswith("_share"):
        return "0–1"
    if measure is not None and not column.endswith("cliffs_delta"):
        return {"share": "0–1"}.get(measure.unit, measure.unit)
    return "faces" if column.startswith(("n_", "faces_")) else ""


def units_of(table: pd.DataFrame) -> str:
    """Columns with a unit: ``n: faces; p_value: 0–1``."""
    return "; ".join(f"{column}: {unit(column)}" for column in map(str, table) if unit(column))


def is_p_value(column: str) -> bool:
    """Whether a column holds p-values: ``p_value``, ``p_share``, ``contribution_p_value``."""
    return re.search(r"(^|_)p(_(value|holm|bh))?$|^p_(?!up)", column) is not None


def digits_of(numbers: pd.Series) -> int:
    """Digits behind the point that show three significant ones of the largest number, 0 to 3; 0 for whole numbers."""
    finite = np.abs(pd.to_numeric(numbers, errors="coerce").replace([np.inf, -np.inf], np.nan).dropna())
    if finite.empty or (finite == finite.round()).all():
        return 0
    return int(np.clip(2 - np.floor(np.log10(finite.max())), 0, MOST_DIGITS))


def at_floor(table: pd.DataFrame, column: str, floor: float | None) -> pd.Series:
    """Where a p-value is as small as so many permutations can give, so that the true one may be smaller.

    An adjusted p-value is, where that which was adjusted is; or where it is equal to such a one, for adjusting keeps
    the order.

    Parameters
    ----------
    table : DataFrame
        With the column of p-values; of an adjusted one (``…p_holm``, ``…p_bh``) also that of the raw ones.
    column : str
    floor : float or None
        1 / (permutations + 1): :attr:`age_audit.core.randomness.Resampling.floor`; None where p is not permuted.

    Returns
    -------
    Series of bool

    Raises
    ------
    UsageError
        If the raw ones are not there.
    """
    raw = re.sub(r"(?<![a-z])(holm|bh)$", "value", column)
    raw = raw if raw in table else re.sub(r"_(holm|bh)$", "", column)
    if floor is None:
        return pd.Series(False, table.index)
    if raw not in table:
        raise UsageError(f"expected {raw} beside {column}, to know where it is as small as permutations can give")
    lowest = table[raw].astype(float) <= floor * (1 + 1e-6)
    same = np.isclose(table[column].astype(float).to_numpy()[:, None], table.loc[lowest, column].astype(float))
    return lowest | (same.any(axis=1) & (column != raw))


class _Printing(string.Formatter):
    def format_field(self, value: object, format_spec: str) -> str:
        if not isinstance(value, Number):
            return super().format_field(value, format_spec)
        return "…" if pd.isna(value) else super().format_field(value, format_spec).replace("-", "−").replace("%", " %")


def filled(text: str, *values: object, known: Mapping[str, object] | None = None) -> str:
    """Like ``str.format``, but as print has it: a minus sign, a space before the percent sign, "…" for NaN.

    Examples
    --------
    >>> filled("{:+.1f} to {:.1f} years, {share:.0%} of {name}", -3.25, np.nan, known={"share": 0.5, "name": "a-1%"})
    '−3.2 to … years, 50 % of a-1%'
    """
    return _Printing().vformat(text, values, {} if known is None else known)


def p_text(p: float, lowest: bool = False) -> str:
    """A p-value: three decimals, two significant digits below 0.001, with ≤ at the floor of permutations.

    Examples
    --------
    >>> p_text(0.0312), p_text(0.025, lowest=True), p_text(0.0005, lowest=True), p_text(3.4e-21)
    ('0.031', '≤ 0.025', '≤ 0.0005', '< 0.0001')
    """
    if np.isnan(p):
        return NOTHING
    if lowest:
        return f"≤ {floor_text(p)}"
    return f"{p:.3f}" if p >= 0.001 else f"{p:.4f}" if p >= 0.0001 else "< 0.0001"


def floor_text(p: float) -> str:
    """Two significant digits, never a power of ten: 0.00005."""
    return np.format_float_positional(p, 2, fractional=False, trim="-")


def page_text(text: str) -> str:
    """Plain text for HTML that a notebook shows, which would set as a formula what stands between two dollar signs.

    Examples
    --------
    >>> page_text("<$20k")
    '&lt;<span>$</span>20k'
    """
    return html.escape(text).replace("$", "<span>$</span>")


class Shown:
    """A table of texts, which a notebook shows without an index; text stands left, numbers right.

    Without any row it is a sentence.
    """

    def __init__(self, frame: pd.DataFrame, left: Sequence[bool], nothing: str = NO_ROW):
        self.frame, self.left, self._nothing = frame, left, nothing

    def __repr__(self) -> str:
        if self.frame.empty:
            return self._nothing
        return self.frame.to_string(index=False, max_colwidth=None)

    def _repr_html_(self) -> str:
        if self.frame.empty:
            return f"<p>{page_text(self._nothing)}</p>"
        sides = ["left" if left else "right; white-space: nowrap" for left in self.left]  # "≤ 0.01" stays in one line
        rows = [("th", list(self.frame)), *(("td", row) for row in self.frame.itertuples(index=False, name=None))]
        lines = [
            "".join(
                f'<{tag} style="text-align: {side}">{page_text(text)}</{tag}>'
                for side, text in zip(sides, cells, strict=True)
            )
            for tag, cells in rows
        ]
        return "<table>\n" + "\n".join(f"<tr>{line}</tr>" for line in lines) + "\n</table>"


def shown(
    table: pd.DataFrame,
    columns: Sequence[str] | Mapping[str, str] | None = None,
    digits: int | Mapping[str, int] | None = None,
    floor: float | None = None,
    nothing: str = NO_ROW,
) -> Shown:
    """A table for readers: columns in words, no NaN, no truth values, few digits, ≤ where p is at its floor.

    Parameters
    ----------
    table : DataFrame
        As saved; its index is not shown. Where it has a column ``measure``, its numbers have the digits of their
        row's measure.
    columns : sequence of str, or mapping of str to str, optional
        Which columns, in this order; a mapping also says what they are called. All by default. Where a column is
        chosen of which ``…_low`` and ``…_high`` are not, but are there, the interval stands beside its number.
    digits : int or mapping of str to int, optional
        Behind the point, of all numbers or by column; by default what shows three significant ones of the largest.
    floor : float, optional
        As :func:`at_floor`. Choose columns here, not before, so that raw p-values are there.
    nothing : str
        A sentence that stands in place of a table without rows, whose heads alone would look like a fault.

    Raises
    ------
    UsageError
        If a column is missing.

    Examples
    --------
    >>> errors = pd.DataFrame({"race_real": ["Asian"], "n": [1200], "p_value": [0.0005], "p_holm": [0.025]})
    >>> shown(errors, ["race_real", "n", "p_holm"], floor=1 / 2000)
     race     n p (Holm)
    Asian 1,200  ≤ 0.025
    >>> shown(errors[errors["n"] < 30], nothing="No group has fewer than 30 faces.")
    No group has fewer than 30 faces.
    """
    names = dict(columns) if isinstance(columns, Mapping) else {name: heading(name) for name in columns or table}
    require_columns(table, names)
    cells, left = {}, []
    for column, name in names.items():
        values = table[column]
        chosen = digits.get(column) if isinstance(digits, Mapping) else digits
        texts = _texts(table, column, chosen, floor)
        low, high = f"{column}_low", f"{column}_high"
        if {low, high} <= set(table) and not {low, high} & set(names):
            chosen = digits_of(values) if chosen is None else chosen
            ends = (_texts(table, end, chosen, None) for end in (low, high))
            texts = [
                text if NOTHING in (text, start) else f"{text} ({start} to {end})"
                for text, start, end in zip(texts, *ends, strict=True)
            ]
            name = f"{name} (95 % interval)"
        while name in cells:
            name += " "  # two columns may be called alike
        cells[name] = texts
        left.append(not pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values))
    return Shown(pd.DataFrame(cells), left, nothing)


def _texts(table: pd.DataFrame, column: str, digits: int | None, floor: float | None) -> list[str]:
    values = table[column]
    if is_p_value(column) and pd.api.types.is_float_dtype(values):
        return [p_text(*pair) for pair in zip(values, at_floor(table, column, floor), strict=True)]
    if digits is None and "measure" in table and pd.api.types.is_float_dtype(values):
        of_rows = [
            MEASURES[measure].digits if measure in MEASURES else digits_of(values) for measure in table["measure"]
        ]
        return [_text(value, of_row) for value, of_row in zip(values, of_rows, strict=True)]
    if pd.api.types.is_float_dtype(values) and _counts(column) and digits_of(values) == 0:
        digits = 0  # a row without a number makes a column of whole ones one of fractions
    digits = digits_of(values) if digits is None and pd.api.types.is_float_dtype(values) else digits or 0
    return [_text(value, digits) for value in values]


def _counts(column: str) -> bool:
    return column in ("n", "buffer") or column.startswith("n_") or column.endswith("_n")


def _text(value: object, digits: int) -> str:
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if pd.isna(value):
        return NOTHING
    if isinstance(value, (int, np.integer)):
        return f"{value:,}".replace("-", "−")
    if isinstance(value, (float, np.floating)):
        return f"{round(value, digits) + 0.0:,.{digits}f}".replace("-", "−")  # never minus 0
    words = _VALUES.get(value, str(value))
    return heading(words) if re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)+", words) else words
