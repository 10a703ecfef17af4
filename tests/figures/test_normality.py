"""Figures of tests of normality, read back from their artists."""

import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from age_audit.core.errors import UsageError
from age_audit.figures import style
from age_audit.figures.normality import rejections_by_size

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


def test_lines_of_the_same_groups_with_fewer_faces():
    figure = rejections_by_size(SAMPLES)
    first, second, *_ = figure.axes
    # Mean of 0.1 and 0.2, and of 0.6 and 0.3.
    assert style.title_of(figure).endswith("rejected in 15 % of samples of 10 faces and in 45 % of 20")
    assert not style.overlapping_texts(figure)
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["level of the test, 0.05", "normal, rounded to whole years", "Asian, Male", "Asian, Female"]
    lines = [line for line in first.lines if len(line.get_xdata()) == 2 and line.get_marker() != "None"]
    assert [line.get_ydata().tolist() for line in lines] == [[0.1, 0.6], [0.2, 0.3]]
    assert [text.get_text() for text in second.texts] == ["too few faces"]
    assert first.get_title() == "real age 0–12 years"


@pytest.mark.parametrize(("samples", "ticks"), [(SAMPLES, ["10", "20"]), (SAMPLES.head(0), ["10", "100"])])
def test_ticks_are_the_sizes_drawn(samples, ticks):
    figure = rejections_by_size(samples)
    FigureCanvasAgg(figure).draw()
    assert all([text.get_text() for text in axes.get_xticklabels(which="both")] == ticks for axes in figure.axes)


def test_many_groups_of_one_size_have_a_title_without_numbers():
    figure = rejections_by_size(SAMPLES[SAMPLES["n"] == 10])
    assert style.title_of(figure) == "How often normality is rejected, had fewer faces been seen"


def test_a_missing_column_is_named():
    with pytest.raises(UsageError, match=r"missing column\(s\) rejected_normal"):
        rejections_by_size(SAMPLES.drop(columns="rejected_normal"))
