"""What correlation tables and their points show, read back from their artists."""

import math

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from age_audit.figures.correlations import (
    colour_limit,
    draw_accuracy_scatter,
    draw_correlations,
    draw_rounded_ages,
    in_words,
)
from age_audit.figures.style import RACE_COLOURS


def test_names_in_words():
    assert in_words("outer_boundary_left") == "outer boundary left"
    assert in_words("age_estimation_accuracy") == "accuracy"


def test_every_cell_holds_its_number():
    table = pd.DataFrame({"a": [0.25, -0.5], "b": [math.nan, 0.01]}, index=["face", "outer_boundary_top"])
    axes = draw_correlations(Figure(), table, ["Asian (n = 3)", "Other (n = 1)"])
    assert [text.get_text() for text in axes.texts] == ["+0.250", "–", "−0.500", "+0.010"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["Asian (n = 3)", "Other (n = 1)"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["face", "outer boundary top"]
    assert axes.images[0].get_clim() == (-0.5, 0.5)


def test_colours_leave_out_the_diagonal_and_do_not_exaggerate():
    small = pd.DataFrame([[1, 0.02], [0.02, 1]], columns=["a", "b"], index=["a", "b"])
    assert draw_correlations(Figure(), small).images[0].get_clim() == (-0.1, 0.1)
    nothing = pd.DataFrame([[math.nan]], columns=["a"], index=["a"])
    assert draw_correlations(Figure(), nothing).images[0].get_clim() == (-0.1, 0.1)


def test_colour_limit_by_hand():
    assert colour_limit(np.array([[1, -0.4], [np.nan, 0.3]])) == 0.4
    assert colour_limit(np.array([[-1, 0.05], [np.nan, 1]])) == colour_limit(np.array([np.nan])) == 0.1


def test_a_shared_scale_is_not_drawn_with_every_table():
    table = pd.DataFrame([[0.2, 0.9]], columns=["a", "b"], index=["face"])
    figure = Figure()
    assert draw_correlations(figure, table, limit=0.5).images[0].get_clim() == (-0.5, 0.5)
    assert len(figure.axes) == 1
    alone = Figure()
    draw_correlations(alone, table)
    assert len(alone.axes) == 2 and alone.axes[1].get_ylabel() == "Pearson's r"


def test_numbers_that_round_to_nothing_have_no_minus():
    table = pd.DataFrame([[-0.0004, 0.0004, -0.0006]], columns=["a", "b", "c"], index=["face"])
    assert [text.get_text() for text in draw_correlations(Figure(), table).texts] == ["+0.000", "+0.000", "−0.001"]


def test_points_of_every_group():
    asian = pd.DataFrame({"face": [0.1, 0.4], "age_estimation_accuracy": [0.8, 0.9]})
    groups = {"Asian": asian, "Other": asian[:0]}
    panels = draw_accuracy_scatter(Figure(), groups, {"Asian": "n = 2", "Other": "n = 0"}, ["face"], 0.05)
    points, none = panels[0].get_lines()
    np.testing.assert_array_equal(points.get_xydata(), [[0.1, 0.8], [0.4, 0.9]])
    assert (points.get_color(), points.get_alpha()) == (RACE_COLOURS["Asian"], 0.05)
    assert len(none.get_xdata()) == 0
    legend = panels[0].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["Asian (n = 2)", "Other (n = 0)"]
    assert {handle.get_alpha() for handle in legend.legend_handles} == {1}
    assert panels[0].get_xlim() == (0, 1)


def test_ages_in_whole_years():
    axes = draw_rounded_ages(Figure().subplots(), [3, 5, 5], "Male, Asian")
    assert [bar.get_height() for bar in axes.patches] == [1, 0, 2]
    assert axes.get_title() == "Male, Asian (n = 3)"
    assert [bar.get_height() for bar in draw_rounded_ages(Figure().subplots(), [], "").patches] == [0]
