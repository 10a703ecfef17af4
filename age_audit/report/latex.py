"""Tables as LaTeX: long tables for a page upright, one block of rows for each age range; layouts of Appendix A.

A table gets a ``.tex`` only if its notebook gives :meth:`.saving.Saver.table` a layout, a function of table, caption
and label. A short one is :func:`block_table` with columns such as ``("Mean", number("mean", 1))``. Layouts with
p-values from permutations take their ``floor``, at which a p-value is told as "at most".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from age_audit.core.measures import COMPARED, MEASURES, Measure
from age_audit.report.formats import escaped
from age_audit.report.words import at_floor, floor_text, is_p_value
from age_audit.study.appendix_a import age_range_names

NOTHING = "--"
_LONG_NAME = 20  # characters, which take as many millimetres and a little less
_AT_FLOOR = "_at_floor"
FEATURES = ("gender", "race")  # what groups of Appendix A are combined of
_PACKAGES = r"% \usepackage{booktabs,longtable}"
# A table that is wider than the text reaches into both margins alike, as far as an A4 page with 2 cm of them has room
INTO_MARGINS = r"\LTleft=0pt plus 1fill minus .5\dimexpr483pt-\linewidth\relax\LTright=\LTleft"
Cell = Callable[[Mapping], str]  # from a row to what stands in the column
Column = tuple[str, Cell]  # what stands at the head, in LaTeX, and the cells below it; heads may be equal


def block_table(
    table: pd.DataFrame,
    caption: str,
    label: str,
    columns: Sequence[Column],
    texts: int = 2,
    blocks: str | None = "age_range",
) -> str:
    r"""A ``longtable`` whose rows stand in blocks, each below a line that names it.

    Parameters
    ----------
    table : DataFrame
        With the column ``blocks``, if there is one; rows of one block follow each other.
    caption, label : str
        The caption is plain text.
    columns : sequence of (str, callable)
        What stands at the head, in LaTeX, and what a row has there.
    texts : int
        The first so many columns are set to the left, all others to the right.
    blocks : str, optional
        None for rows without blocks.

    Returns
    -------
    str
        For a document with the packages booktabs and longtable.
    """
    heads = " & ".join(head for head, _ in columns) + r" \\"
    lines = [
        _PACKAGES,
        rf"\begingroup\scriptsize\setlength{{\tabcolsep}}{{2.8pt}}{INTO_MARGINS}",
        rf"\begin{{longtable}}{{{_text_columns(table, columns[:texts])}{'r' * (len(columns) - texts)}}}",
        rf"\caption{{{escaped(caption)}}}\label{{{label}}}\\",
        *(r"\toprule", heads, r"\midrule", r"\endfirsthead"),
        *(rf"\multicolumn{{{len(columns)}}}{{l}}{{(continued)}}\\", r"\toprule", heads, r"\midrule", r"\endhead"),
        *(r"\bottomrule", r"\endfoot"),
    ]
    for i, (name, rows) in enumerate(table.groupby(blocks, sort=False, observed=True) if blocks else [("", table)]):
        lines += [r"\addlinespace"] if i else []
        lines += [rf"\multicolumn{{{len(columns)}}}{{l}}{{\textbf{{{block_name(name)}}}}}\\*"] if blocks else []
        lines += [" & ".join(cell(row) for _, cell in columns) + r" \\" for row in rows.to_dict("records")]
    return "\n".join([*lines, r"\end{longtable}", r"\endgroup", ""])


def _text_columns(table: pd.DataFrame, columns: Sequence[Column]) -> str:
    """How LaTeX sets columns of text: names that are long go on in another line, or they would leave the page."""
    rows = table.to_dict("records")
    return "".join(
        f"p{{{_LONG_NAME}mm}}" if any(len(cell(row)) > _LONG_NAME for row in rows) else "l" for _, cell in columns
    )


def published_layout(table: pd.DataFrame, caption: str, label: str, features: Sequence[str] = FEATURES) -> str:
    """The study's table (:func:`age_audit.study.appendix_a.published_table`) with short heads."""
    table = table.assign(age_range=age_range_names(table))
    columns = [
        *_names(features),
        ("$n$", count("n_participants")),
        ("Mean", number("mean", 1)),
        ("SD", number("standard_deviation", 1)),
        (r"$n \ge 8$", yes_no("skew_test_samples_greater_than_or_equal_to_8")),
        (r"$n \ge 20$", yes_no("kurtosis_test_n_greater_than_or_equal_to_20")),
        ("$K^2$", number("normality_test_statistic", 2)),
        ("$p$", p_value("normality_test_p_value")),
        ("``passed''", yes_no("normality_test_passed")),
        (r"$\chi^2$", number("k_test_statistic", 1)),
        (r"$p_{\chi^2}$", p_value("k_test_p")),
    ]
    return block_table(table, caption, label, columns, len(features))


def audit_layout(
    table: pd.DataFrame, caption: str, label: str, features: Sequence[str] = FEATURES, floor: float | None = None
) -> str:
    """The audit's table (:func:`.appendix_a.audit_table`): errors, and below them their differences."""
    table = marked(table, floor)
    errors = [
        *_names(features),
        ("$n$", count("n")),
        *(_measured(measure) for measure in MEASURES.values()),
    ]
    differences = [*_names(features), ("$n$", count("n"))]
    for measure in COMPARED:
        head, cell = _measured(MEASURES[measure], "_to_overall")
        differences += [
            (rf"$\Delta$ {head}", cell),
            ("$p_H$", p_value(f"{measure}_p_holm")),
            (r"$\delta$", number(f"{measure}_cliffs_delta", 2)),
        ]
    second = (
        "Differences to all faces of the age range, with 95 % interval, permutation p-value adjusted by Holm over all "
        "groups, and Cliff's delta against all other faces of the age range. Benjamini–Hochberg's in the CSV."
    )
    texts = len(features)
    return block_table(table, caption, label, errors, texts) + block_table(
        table, second, f"{label}_differences", differences, texts
    )


def _measured(measure: Measure, end: str = "") -> Column:
    """A measure with its interval, shares in percent."""
    digits, scale, unit = measure.digits, 1, measure.unit
    if measure.unit == "share":
        digits, scale, unit = measure.digits - 2, 100, r"\%"
    head = measure.short[0].upper() + measure.short[1:]
    return f"{head}, {unit}" if unit else head, interval(f"{measure.key}{end}", digits, scale)


def normality_layout(
    table: pd.DataFrame, caption: str, label: str, features: Sequence[str] = FEATURES, floor: float | None = None
) -> str:
    """Tests of normality (:func:`.appendix_a.normality_table`), those of one age range and set together.

    The ``floor`` is that of the simulated p-values: 1 / (simulations + 1).
    """
    table = marked(table, floor, ["p_simulated"])
    table = table.assign(block=table["age_range"].astype(str) + " years, " + table["faces"] + " faces")
    columns = [
        *_names(features),
        ("$n$", count("n")),
        ("$K^2$", number("statistic", 1)),
        ("$p$", p_value("p_value")),
        ("Holm", p_value("p_holm")),
        ("BH", p_value("p_bh")),
        ("simulated", p_value("p_simulated")),
        ("labels", p_value("p_real_ages")),
        ("Skewness", interval("skewness", 2)),
        ("Excess kurtosis", interval("excess_kurtosis", 2)),
    ]
    return block_table(table, caption, label, columns, len(features), blocks="block")


def group_tests_layout(
    table: pd.DataFrame, caption: str, label: str, features: Sequence[str] = FEATURES, floor: float | None = None
) -> str:
    """Rank tests (:func:`.appendix_a.group_tests`), a block for each set of faces, question and comparison."""
    table = marked(table, floor)
    table = table.assign(block=table["faces"] + " faces, " + table["asked"] + ", " + table["compared"])
    columns = [
        ("Age, years", text("age_range")),
        *_names(features),
        ("Groups", count("groups")),
        ("$n$", count("n_comparable")),
        ("Smallest", count("smallest")),
        ("$H$", number("statistic", 1)),
        (r"$\epsilon^2$", number("epsilon_squared", 3)),
        ("by chance", number("expected_by_chance", 3)),
        (r"$\delta$", number("cliffs_delta", 2)),
        ("$p$", p_value("p_value")),
        ("Holm", p_value("p_holm")),
        ("BH", p_value("p_bh")),
    ]
    return block_table(table, caption, label, columns, 1 + len(features), blocks="block")


def text(column: str) -> Cell:
    """A name as it is, whatever LaTeX would make of it."""
    return lambda row: escaped(str(row[column]))


def count(column: str) -> Cell:
    """A whole number with separators of thousands."""
    return lambda row: f"{row[column]:,}"


def number(column: str, digits: int, scale: float = 1) -> Cell:
    """A number with so many decimals, a dash where NaN."""
    return lambda row: _number(row[column], digits, scale)


def interval(column: str, digits: int, scale: float = 1) -> Cell:
    """``column`` followed by ``column_low`` and ``column_high`` in brackets."""

    def cell(row: Mapping) -> str:
        value, low, high = (_number(row[f"{column}{end}"], digits, scale) for end in ("", "_low", "_high"))
        return value if NOTHING in (value, low) else f"{value} [{low}, {high}]"

    return cell


def marked(table: pd.DataFrame, floor: float | None, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """The table with a column ``…_at_floor`` for each of p-values (or those named), which :func:`p_value` reads."""
    columns = [name for name in table if is_p_value(name)] if columns is None else columns
    return table.assign(**{f"{name}{_AT_FLOOR}": at_floor(table, name, floor) for name in columns})


def p_value(column: str) -> Cell:
    """Three decimals from 0.001 on, one digit and a power of ten below; ≤ where the row is :func:`marked`."""

    def cell(row: Mapping) -> str:
        p = row[column]
        if row.get(f"{column}{_AT_FLOOR}"):
            return rf"$\le{floor_text(p)}$"
        if np.isnan(p) or p >= 0.001:
            return _number(p, 3)
        if p < 1e-300:
            return "$<10^{-300}$"
        digit, exponent = f"{p:.0e}".split("e")
        return rf"${digit}\cdot10^{{{int(exponent)}}}$"

    return cell


def yes_no(column: str) -> Cell:
    """A truth value in a word."""
    return lambda row: "yes" if row[column] else "no"


def block_name(name: object) -> str:
    """An age range such as ``0–12`` as "0--12 years"; any other name as it is."""
    text = escaped(str(name))
    return f"{text} years" if text[-1].isdigit() else text


def _names(features: Sequence[str]) -> list[Column]:
    return [(escaped(name.capitalize()), text(name)) for name in features]


def _number(value: float, digits: int, scale: float = 1) -> str:
    return NOTHING if np.isnan(value) else f"${round(value * scale, digits) + 0.0:.{digits}f}$"  # never minus 0
