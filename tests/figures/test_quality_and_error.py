"""What the figures of quality show, read back from their artists."""

import numpy as np
import pandas as pd
import pytest

from age_audit.audit.dataset.equal_quality import MODEL, STRATA
from age_audit.audit.dataset.quality_and_error import BANDS
from age_audit.core.errors import UsageError
from age_audit.figures import style
from age_audit.figures.quality_and_error import error_along_quality, gap_forest

QUALITIES = ("luminance", "fft_blur", "all measures")


def gaps(refused=(), few=()):
    """Of every group, measure and way other numbers."""
    rows = []
    for i, group in enumerate(("Female", "Male")):
        for j, quality in enumerate(QUALITIES):
            for k, way in enumerate((STRATA, MODEL)):
                row = {"group": group, "quality": quality, "way": way, "n_group": 1234, "verdict": "stays"}
                for shift, name in enumerate(("gap", "equal_age", "equal_quality")):
                    value = i + 0.1 * j + 0.03 * (k if shift else 0) - 0.4 * shift
                    value = np.nan if (group, quality, way) in refused else value
                    row |= {name: value, f"{name}_low": value - 0.2, f"{name}_high": value + 0.3}
                rows.append(row | {"few_faces": group in few})
    return pd.DataFrame(rows)


def marks(axes, marker):
    return sorted(
        ((line.get_ydata()[0], line.get_xdata()[0]) for line in axes.lines if line.get_marker() == marker),
    )


def test_five_marks_a_group():
    figure = gap_forest(gaps(), QUALITIES, "title")
    first, second, third = figure.axes
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["luminance (0–255)", "detail (FFT, levels)", "all measures"]
    assert [label.get_text() for label in first.get_yticklabels()] == ["Female", "Male"]
    assert [x for _, x in marks(first, "x")] == pytest.approx([0, 1])
    assert [x for _, x in marks(second, "o")] == pytest.approx([-0.3, -0.7, 0.7, 0.3])
    assert [x for _, x in marks(third, "D")] == pytest.approx([-0.17, -0.57, 0.83, 0.43])
    bars = [line.get_xdata() for line in first.lines if len(line.get_xdata()) == 2 and line.get_linewidth() == 1.1]
    np.testing.assert_allclose(bars[0], [-0.2, 0.3])
    assert {text.get_text() for text in first.texts} == {"model: stays (n = 1,234)"}
    assert style.overlapping_texts(figure) == []


def test_what_was_refused_is_left_out_and_few_faces_are_hollow():
    refused = [("Male", "luminance", STRATA)]
    first, second, _ = gap_forest(gaps(refused, few=["Male"]), QUALITIES, "title").axes
    assert len(marks(first, "o")) == 2 and len(marks(second, "o")) == 4
    assert len(marks(first, "x")) == 2  # as it is, a gap needs no strata
    hollow = [line.get_markerfacecolor() == "white" for line in second.lines if line.get_marker() == "o"]
    assert hollow == [False, False, True, True]


def bands(few=()):
    rows = [
        {"quality": quality, "feature": feature, "group": group, "band": band, "measure": "mean_absolute_error"}
        | {"value": 8 + i + j - k, "low": 7 + i + j - k, "high": 9.5 + i + j - k, "few_faces": (group, band) in few}
        | {"equal_age": 9.0, "equal_age_low": 8.0, "equal_age_high": 10.0 + k}
        for i, quality in enumerate(QUALITIES[:2])
        for k, (feature, group) in enumerate((("all", "all"), ("gender_real", "Female"), ("gender_real", "Male")))
        for j, band in enumerate(BANDS)
    ]
    return pd.DataFrame(rows).iloc[::-1]


def test_a_line_a_group_beside_that_of_all():
    table = bands(few=[("Male", BANDS[4])])
    figure = error_along_quality(table, "gender_real", QUALITIES[:2], "title", equal_ages=False)
    _, second = figure.axes
    lines = [list(line.get_ydata()) for line in second.lines if len(line.get_ydata()) == 5]
    assert lines[0] == [9, 10, 11, 12, 13] and sorted(lines[1:]) == [[7, 8, 9, 10, 11], [8, 9, 10, 11, 12]]
    hollow = [list(line.get_ydata()) for line in second.lines if line.get_markerfacecolor() == "white"]
    assert [values for values in hollow if values] == [[11]]
    assert [text.get_text() for text in figure.legends[0].texts][-1] == "hollow: fewer than 30 faces"
    assert style.overlapping_texts(figure) == []


def test_at_equal_ages():
    first, _ = error_along_quality(bands(), "gender_real", QUALITIES[:2], "title").axes
    lines = [list(line.get_ydata()) for line in first.lines if len(line.get_ydata()) == 5]
    assert lines == [[9] * 5] * 3 and first.get_xlabel() == "fifth of all faces, at equal ages"
    ends = {tuple(segment[:, 1]) for bars in first.collections for segment in bars.get_segments()}
    assert ends == {(8, 11), (8, 12)}


def test_what_is_missing():
    with pytest.raises(UsageError, match="verdict"):
        gap_forest(gaps().drop(columns="verdict"), QUALITIES, "title")
    with pytest.raises(UsageError, match="band"):
        error_along_quality(bands().drop(columns="band"), "gender_real", QUALITIES[:2], "title")
