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
    assert names == ["level of the test, 0.05", "normal, rounded to whole years", "Asian"]
    assert [axes.get_title() for axes in figure.axes[:2]] == [
        f"real age 0–12 years, {name}" for name in ("Male", "Female")
    ]
    lines = [line for axes in (first, second) for line in axes.lines if line.get_marker() != "None"]
    assert [line.get_ydata().tolist() for line in lines] == [[0.1, 0.6], [0.2, 0.3]]
    assert [[text.get_text() for text in axes.texts] for axes in figure.axes] == [["Asian"]] * 2 + [
        ["too few faces"]
    ] * 2


def test_lines_that_end_in_one_place_have_names_apart():
    both = [SAMPLES[SAMPLES["gender"] == "Male"].assign(race=race) for race in ("Asian", "African", "Indian")]
    figure = rejections_by_size(pd.concat(both))
    assert sorted(text.get_text() for text in figure.axes[0].texts) == ["African", "Asian", "Indian"]
    assert not style.overlapping_texts(figure)


def test_groups_of_one_feature_and_many_of_two():
    assert [axes.get_title() for axes in rejections_by_size(SAMPLES, features=["gender"]).axes[:2]] == [
        *("real age 0–12 years", "real age 13–18 years")
    ]
    tones = pd.concat(SAMPLES.head(2).assign(gender=f"tone {i}") for i in range(4))
    figure = rejections_by_size(tones)
    assert [text.get_text() for text in figure.legends[0].get_texts()][2:] == [f"Asian, tone {i}" for i in range(4)]


@pytest.mark.parametrize(("samples", "ticks"), [(SAMPLES, ["10", "20"]), (SAMPLES.head(0), ["10", "100"])])
def test_ticks_are_the_sizes_drawn(samples, ticks):
    figure = rejections_by_size(samples)
    FigureCanvasAgg(figure).draw()
    assert all([text.get_text() for text in axes.get_xticklabels(which="both")] == ticks for axes in figure.axes[-2:])


def test_many_groups_of_one_size_have_a_title_without_numbers():
    figure = rejections_by_size(SAMPLES[SAMPLES["n"] == 10])
    assert style.title_of(figure) == "How often normality is rejected, had fewer faces been seen"


def test_a_missing_column_is_named():
    with pytest.raises(UsageError, match=r"missing column\(s\) rejected_normal"):
        rejections_by_size(SAMPLES.drop(columns="rejected_normal"))
