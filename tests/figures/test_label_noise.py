"""What the figure of label noise shows, read back from its artists."""

import numpy as np
import pandas as pd
import pytest

from age_audit.core.errors import UsageError
from age_audit.figures import style
from age_audit.figures.label_noise import errors_along_noise


def table(few=()):
    """Of each group other errors; of all no gap."""
    rows = []
    for place, group in enumerate(("Male", "Female", "all")):
        for sd in (0, 1, 2):
            error, gap = 10 + place + 0.1 * sd, np.nan if group == "all" else place - 0.5
            row = {"group": group, "noise_sd": sd, "mean_absolute_error": error, "gap": gap, "few_faces": group in few}
            row |= {f"{name}{end}": value + shift for name, value in (("mean_absolute_error", error), ("gap", gap))
                    for end, shift in (("_low", -0.2), ("_high", 0.3))}  # fmt: skip
            rows.append(row)
    return pd.DataFrame(rows)


def lines(axes, marker):
    return [line for line in axes.lines if line.get_marker() == marker and len(line.get_xdata()) == 3]


def test_errors_and_gaps_of_each_group():
    figure = errors_along_noise(table(), "title", (0.5, 1.5))
    errors, gaps = figure.axes
    look = style.group_look(["Male", "Female"])
    for axes, expected in ((errors, ([10, 10.1, 10.2], [11, 11.1, 11.2])), (gaps, ([-0.5] * 3, [0.5] * 3))):
        for group, values in zip(look, expected, strict=True):
            (line,) = lines(axes, look[group]["marker"])
            np.testing.assert_allclose(line.get_ydata(), values)
    assert any(np.allclose(line.get_ydata(), [12, 12.1, 12.2]) for line in errors.lines)
    shaded = [axes.patches[0].get_extents().width > 0 for axes in (errors, gaps)]
    assert shaded == [True, True] and style.title_of(figure) == "title"
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == ["all faces", "Male", "Female", "noise that copies' labels show"]
    assert style.overlapping_texts(figure) == []


def test_without_copies_nothing_is_shaded_and_few_faces_are_hollow():
    figure = errors_along_noise(table(few=["Female"]), "title")
    assert not any(axes.patches for axes in figure.axes)
    marker = style.group_look(["Male", "Female"])["Female"]["marker"]
    assert [line.get_markerfacecolor() for axes in figure.axes for line in lines(axes, marker)] == ["white"] * 2


def test_a_missing_column_is_refused():
    with pytest.raises(UsageError, match="gap_low"):
        errors_along_noise(table().drop(columns="gap_low"), "title")
