"""What the figure of choices shows, read back from its artists."""

import numpy as np
import pandas as pd
import pytest

from age_audit.audit.explanations.sensitivity import MEASURES
from age_audit.core.errors import UsageError
from age_audit.explain.sensitivity import BASE, CHOICES
from age_audit.figures import style
from age_audit.figures.sensitivity import choices_forest

KINDS = {"black": "hidden by", "blur": "hidden by", "128 samples": "samples", "another face's map": ""}


def table(names, few=()):
    """Of every measure and choice another number."""
    rows = [
        {"choice": name, "measure": measure, "mean": mean, "low": mean - 0.05, "high": mean + 0.02}
        | {"p10": mean - 0.2, "p90": mean + 0.1, "few_faces": name in few}
        for j, measure in enumerate(MEASURES)
        for i, name in enumerate(names)
        for mean in [0.3 + 0.2 * j + 0.04 * i]
    ]
    return pd.DataFrame(rows)


def marks(axes, marker):
    return [line for line in axes.lines if line.get_marker() == marker]


def test_a_row_a_choice_and_a_mark_a_measure():
    figure = choices_forest(table(KINDS), KINDS, "title")
    order, signs = figure.axes
    labels = [label.get_text() for label in order.get_yticklabels()]
    assert labels == ["hidden by: black", "hidden by: blur", "128 samples", "another face's map"]
    assert [mark.get_xdata()[0] for mark in marks(order, "o")] == pytest.approx([0.3, 0.34, 0.38, 0.42])
    assert [mark.get_xdata()[0] for mark in marks(signs, "o")] == pytest.approx([0.5, 0.54, 0.58, 0.62])
    assert [mark.get_xdata()[0] for mark in marks(signs, "D")] == pytest.approx([0.7, 0.74, 0.78, 0.82])
    assert [round(mark.get_ydata()[0]) for mark in marks(signs, "D")] == [0, 1, 2, 3]
    bars = [tuple(line.get_xdata()) for line in order.lines if line.get_linewidth() == 3.5]
    np.testing.assert_allclose(bars[0], (0.1, 0.4))
    ends = [tuple(line.get_xdata()) for line in order.lines if line.get_linewidth() == 1.2]
    np.testing.assert_allclose(ends[0], (0.25, 0.32))


def test_few_faces_are_hollow():
    figure = choices_forest(table(KINDS, few=["blur"]), KINDS, "title")
    for axes in figure.axes:
        hollow = [mark.get_markerfacecolor() == "white" for mark in marks(axes, "o")]
        assert hollow == [False, True, False, False]
    said = [text.get_text() for text in figure.legends[0].texts]
    assert said[-1] == "hollow: fewer than 30 faces"
    assert "hollow" not in choices_forest(table(KINDS), KINDS, "title").legends[0].texts[-1].get_text()


def test_a_measure_that_no_face_has_is_left_out():
    rows = table(KINDS)
    rows.loc[(rows["measure"] == "same_sign_settled") & (rows["choice"] == "black"), ["mean", "low", "high"]] = np.nan
    assert len(marks(choices_forest(rows, KINDS, "title").axes[1], "D")) == 3


def test_with_all_choices_no_texts_overlap():
    kinds = {name: choice.kind for name, choice in CHOICES.items() if name != BASE} | {"another face's map": ""}
    title = "11 of 44 conclusions that preset audit draws from its explanations of 80 faces by a model stand under all"
    assert style.overlapping_texts(choices_forest(table(kinds, few=["grid"]), kinds, title)) == []


def test_a_column_that_is_missing_is_named():
    with pytest.raises(UsageError, match="p90"):
        choices_forest(table(KINDS).drop(columns="p90"), KINDS, "title")
