"""Observed numbers beside chance, read back from the artists."""

import numpy as np
import pandas as pd

from age_audit.figures import style
from age_audit.figures.nulls import observed_and_null

COLUMNS = {"observed": "size", "null": "mean", "low": "low", "high": "high", "even": "even"}
WORDS = {"observed": "as labelled", "null": "shuffled", "even": "spread evenly"}


def table(**changes):
    columns = {"size": [0.5, 0.2, np.nan], "mean": [0.2, 0.2, np.nan], "low": [0.1, 0.1, np.nan]}
    columns |= {"high": [0.3, 0.3, np.nan], "even": [0.4, 0.4, np.nan], "p_holm": [0.01, 0.6, np.nan]}
    return pd.DataFrame(columns | changes)


def points(axes, marker):
    return [line for line in axes.lines if line.get_marker() == marker]


def test_long_labels_leave_the_panels_their_room():
    long = ["American Indian or Alaska Native alone, 26–100 years", *"yz"]
    figure = observed_and_null({"a": table(), "b": table()}, long, COLUMNS, "size", "title", WORDS)
    assert figure.axes[0].get_yticklabels()[0].get_text() == "American Indian or Alaska Native\nalone, 26–100 years"
    assert style.overlapping_texts(figure) == []
    assert figure.axes[0].get_window_extent().width > 0.3 * figure.bbox.width


def test_a_dot_a_bar_and_a_word_where_there_is_none():
    sizes = {"a": ["3 + 4", "5 + 6", "0 + 1"], "b": ["1 + 1"] * 3}
    figure = observed_and_null({"a": table(), "b": table()}, ["x", "y", "z"], COLUMNS, "size", "title", WORDS, sizes)
    first, second = figure.axes
    assert [first.get_title(), second.get_title()] == ["a", "b"]
    assert [label.get_text() for label in first.get_yticklabels()] == ["x", "y", "z"]
    dots = points(first, "o")
    assert [(dot.get_xdata()[0], dot.get_ydata()[0]) for dot in dots] == [(0.5, 0), (0.2, 1)]
    assert dots[0].get_markersize() > dots[1].get_markersize()  # only the first is found
    assert not any(dot.get_markerfacecolor() == "white" for dot in dots)
    bars = [list(line.get_xdata()) for line in first.lines if len(line.get_xdata()) == 2]
    assert bars == [[0.1, 0.3]] * 2
    assert [text.get_text() for text in first.texts] == ["too few faces", "3 + 4", "5 + 6", "0 + 1"]
    assert [text.get_text() for text in figure.legends[0].texts][-1] == "spread evenly"


def test_few_faces_are_hollow_found_or_not():
    few = table(few_faces=[False, True, True])
    figure = observed_and_null({"a": few}, ["x", "y", "z"], COLUMNS, "size", "title", WORDS)
    assert [dot.get_markerfacecolor() == "white" for dot in points(figure.axes[0], "o")] == [False, True]
    assert [text.get_text() for text in figure.legends[0].texts][-1] == "hollow: fewer than 30 faces"


def test_without_what_an_even_mask_gives():
    columns, words = ({key: value for key, value in of.items() if key != "even"} for of in (COLUMNS, WORDS))
    figure = observed_and_null({"a": table()}, ["x", "y", "z"], columns, "size", "title", words)
    assert not points(figure.axes[0], "x") and len(figure.legends[0].texts) == 3
