"""What figures of several estimators show, read back from their artists."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from age_audit.core.errors import UsageError
from age_audit.figures import style
from age_audit.figures.several_estimators import SHOWN, adjusted_gaps, errors_along_age

NAMES = ["one", "two (trained on UTKFace)"]
BANDS = ["0–12", "13–18", "19–60"]
GROUPS = [("race", "Asian"), ("race", "Other"), ("gender", "Female")]


@pytest.fixture
def along():
    """Of the second estimator every value is 100 more; of the last band there are few faces."""
    rows = [
        {"estimator": name, "age_band": band, "measure": measure, "n": 40 - 15 * place, "value": value}
        | {"low": value - 1, "high": value + 2, "few_faces": place == 2}
        for i, name in enumerate(NAMES)
        for place, band in enumerate(BANDS)
        for j, measure in enumerate(SHOWN)
        for value in [100.0 * i + 10 * j + place]
    ]
    return pd.DataFrame(rows)


@pytest.fixture
def gaps():
    rows = [
        {"estimator": name, "feature": feature, "group": group, "measure": measure, "n": 50 - 11 * place}
        | {"difference": value, "difference_low": value - 1, "difference_high": value + 2, "few_faces": place == 2}
        for i, name in enumerate(NAMES)
        for place, (feature, group) in enumerate(GROUPS)
        for j, measure in enumerate(SHOWN)
        for value in [100.0 * i + 10 * j + place]
    ]
    return pd.DataFrame(rows)


def points(axes, colour):
    """Every mark of that colour, and how many of them are hollow."""
    lines = [
        line for line in axes.get_lines() if to_hex(line.get_color()) == to_hex(colour) and line.get_marker() != "None"
    ]
    hollow = [line for line in lines if line.get_markerfacecolor() == "white"]
    return lines, sum(len(line.get_xdata()) for line in hollow)


def test_each_estimator_has_its_line_along_age(along):
    figure = errors_along_age(along, "title")
    looks = style.estimator_look(NAMES)
    for j, axes in enumerate(figure.axes):
        for i, name in enumerate(NAMES):
            lines, hollow = points(axes, looks[name]["color"])
            assert lines[0].get_xdata().tolist() == [6.5, 16, 40]
            assert lines[0].get_ydata().tolist() == [100.0 * i + 10 * j + place for place in range(3)]
            assert hollow == 1
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [*NAMES, "hollow: fewer than 30 faces"]
    assert figure.get_suptitle() == "title"


def test_without_few_faces_the_legend_says_nothing_of_hollow(along, gaps):
    for draw, table in ((errors_along_age, along), (adjusted_gaps, gaps)):
        (legend,) = draw(table.assign(few_faces=False), "title").legends
        assert [text.get_text() for text in legend.get_texts()] == NAMES


def test_each_group_has_a_row_with_all_estimators(gaps):
    figure = adjusted_gaps(gaps, "title")
    looks = style.estimator_look(NAMES)
    for j, axes in enumerate(figure.axes):
        for i, name in enumerate(NAMES):
            lines, hollow = points(axes, looks[name]["color"])
            found = [(x, round(y)) for line in lines for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)]
            assert found == [(100.0 * i + 10 * j + place, place) for place in range(3)]
            assert hollow == 1
            (bars,) = (bars for bars in axes.collections if to_hex(bars.get_color()[0]) == to_hex(looks[name]["color"]))
            assert [segment[:, 0].tolist() for segment in bars.get_segments()] == [[x - 1, x + 2] for x, _ in found]
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == ["Asian (n = 50)", "Other (n = 39)", "Female (n = 28)"]
    low, high = figure.axes[0].get_ylim()
    assert low > high  # the first group on top


def test_a_group_without_a_number_keeps_its_row(gaps):
    gaps.loc[gaps["group"] == "Other", ["difference", "difference_low", "difference_high"]] = np.nan
    figure = adjusted_gaps(gaps, "title")
    for axes in figure.axes:
        assert len(axes.get_yticks()) == 3
        assert [(text.get_text(), text.get_position()[1]) for text in axes.texts] == [("too few faces", 1)]


@pytest.mark.parametrize("draw", [errors_along_age, adjusted_gaps])
def test_a_missing_column_is_named(draw):
    with pytest.raises(UsageError, match="estimator"):
        draw(pd.DataFrame({"n": [1]}), "title")


def test_texts_do_not_overlap(along, gaps):
    assert style.overlapping_texts(errors_along_age(along, "title")) == []
    assert style.overlapping_texts(adjusted_gaps(gaps, "title")) == []
