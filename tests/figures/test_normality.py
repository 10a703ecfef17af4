"""Figures of tests of normality, read back from their artists."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from age_audit.core.errors import UsageError
from age_audit.figures import style
from age_audit.figures.normality import p_values_against_n, rejections_by_size

TESTS = pd.DataFrame(
    {
        "age_range": ["0–12", "0–12", "13–18"],
        "gender": ["Male", "Female", "Male"],
        "race": ["Asian", "Asian", "Other"],
        "n": [30, 1200, 5],
        "p_value": [0.2, 1e-40, np.nan],
    }
)
SAMPLES = pd.DataFrame(
    {
        "age_range": pd.Categorical(["0–12"] * 4, categories=["0–12", "13–18"]),
        "gender": ["Male", "Male", "Female", "Female"],
        "race": "Asian",
        "n_group": [400, 400, 90, 90],
        "n": [10, 20, 10, 20],
        "rejected": [0.1, 0.6, 0.2, 0.3],
        "rejected_normal": [0.04, 0.05, 0.06, 0.03],
    }
)


def legend(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def points(axes):
    """Marks of groups: one point each."""
    return [line for line in axes.lines if len(line.get_xdata()) == 1]


def test_every_tested_group_is_a_mark():
    figure = p_values_against_n({"explained": TESTS, "estimated": TESTS.head(1)})
    youngest, older, other, _ = figure.axes
    assert [axes.get_title() for axes in figure.axes[:2]] == ["0–12 years", "13–18 years"]
    assert [(mark.get_xdata()[0], mark.get_ydata()[0]) for mark in points(youngest)] == [(30, 0.2), (1200, 1e-30)]
    assert (len(points(older)), len(points(other))) == (0, 1)
    male, female = points(youngest)
    assert [mark.get_markerfacecolor() for mark in (male, female)] == list(style.GENDER_COLOURS.values())
    assert male.get_marker() == female.get_marker()  # one race
    assert youngest.get_ylabel() == "explained faces (2 of 3\ngroups have 8 faces or more)"


def test_races_differ_in_their_markers_too_and_the_legend_says_where_the_levels_are():
    figure = p_values_against_n({"explained": TESTS.assign(p_value=[0.2, 0.1, 0.3])}, alpha=0.01)
    asian, other = points(figure.axes[0])[0], points(figure.axes[1])[0]
    assert asian.get_marker() != other.get_marker()
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == [
        *("Asian, Male", "Asian, Female", "Other, Male", "Other, Female", "level 0.01: rejected below"),
        "level / tests of the row\n(Holm's first step)",
    ]
    levels = [line.get_ydata()[0] for line in figure.axes[0].lines if len(line.get_xdata()) == 2]
    assert levels == [0.01, pytest.approx(0.01 / 3)]


def test_smallest_p_is_in_sight_whatever_the_first_panel_holds():
    figure = p_values_against_n({"few": TESTS.head(1), "all": TESTS})
    assert len({axes.get_ylim() for axes in figure.axes}) == 1
    assert figure.axes[0].get_ylim()[0] < 1e-30


def test_nothing_tested():
    axes = p_values_against_n({"explained": TESTS.assign(p_value=np.nan)}).axes[0]
    assert not points(axes)


def test_no_tick_is_a_formula():
    figure = p_values_against_n({"explained": TESTS.head(1)})
    FigureCanvasAgg(figure).draw()
    axis = figure.axes[0].xaxis
    assert not any("$" in label.get_text() for label in axis.get_ticklabels(which="both"))
    assert "100" in [label.get_text() for label in axis.get_ticklabels()]


def test_lines_of_the_same_groups_with_fewer_faces():
    first, second, *_ = rejections_by_size(SAMPLES).axes
    assert legend(first) == ["normal, rounded to whole years", "Asian, Male (n = 400)", "Asian, Female (n = 90)"]
    lines = [line for line in first.lines if len(line.get_xdata()) == 2 and line.get_marker() != "None"]
    assert [line.get_ydata().tolist() for line in lines] == [[0.1, 0.6], [0.2, 0.3]]
    assert [text.get_text() for text in second.texts] == ["too few faces"]
    assert first.get_title() == "real age 0–12 years"


@pytest.mark.parametrize(("samples", "ticks"), [(SAMPLES, ["10", "20"]), (SAMPLES.head(0), ["10", "100"])])
def test_ticks_are_the_sizes_drawn(samples, ticks):
    figure = rejections_by_size(samples)
    FigureCanvasAgg(figure).draw()
    assert all([text.get_text() for text in axes.get_xticklabels(which="both")] == ticks for axes in figure.axes)


def test_a_missing_column_is_named():
    with pytest.raises(UsageError, match=r"missing column\(s\) p_value"):
        p_values_against_n({"explained": TESTS.drop(columns="p_value")})
    with pytest.raises(UsageError, match=r"missing column\(s\) n_group"):
        rejections_by_size(SAMPLES.drop(columns="n_group"))
