"""Appendix B's figures, read back from their artists."""

import numpy as np
import pandas as pd
import pytest

from age_audit.core.vocabulary import AGE_RANGE_LABELS, HALVES, RACES
from age_audit.figures import appendix_b as figures
from age_audit.figures.style import RACE_COLOURS
from age_audit.recheck.appendix_b import beside_study
from age_audit.study.appendix_b import SEGMENTS, STUDY_VALUES


@pytest.fixture
def correlations():
    rng = np.random.default_rng(1)
    rows = [
        {"age_range": label, "race": race, "estimates": half, "n": 10 + i, "n_rows": 20}
        | dict(zip(SEGMENTS, rng.uniform(-0.5, 0.5, 5), strict=True))
        for label in AGE_RANGE_LABELS
        for i, race in enumerate(RACES)
        for half in HALVES
    ]
    return pd.DataFrame(rows)


def panels(figure, title):
    return [axes for axes in figure.get_axes() if title in axes.get_title()]


def test_tables_share_a_scale(correlations):
    correlations.loc[0, "face"], correlations.loc[1, list(SEGMENTS)] = 0.75, np.nan
    figure = figures.correlation_tables(correlations, "some faces")
    (accurate,), (inaccurate,) = panels(figure, "0–12 years, accurate"), panels(figure, "0–12 years, inaccurate")
    assert accurate.images[0].get_clim() == inaccurate.images[0].get_clim() == (-0.75, 0.75)
    assert [label.get_text() for label in accurate.get_xticklabels()][:2] == ["Caucasian\n(n = 10)", "Asian\n(n = 11)"]
    assert accurate.texts[0].get_text() == "+0.750" and inaccurate.texts[0].get_text() == "–"
    assert accurate.texts[1].get_text() == f"{correlations['face'][2]:+.3f}".replace("-", "−")  # the next race
    assert len(panels(figure, "accurate (")) == 8 and "some faces" in figure.get_suptitle()


def test_bars_of_the_last_step():
    values = [0.5, -0.5, 0.1, np.nan, 0]
    final = pd.DataFrame([{"age_range": "0–12", "groups": 5, "n": 1234} | dict(zip(SEGMENTS, values, strict=True))])
    (axes,) = figures.final_step(final).get_axes()
    assert [bar.get_height() for bar in axes.patches] == pytest.approx(values, nan_ok=True)
    assert axes.get_title() == "0–12 years\n(n = 1,234, 5 groups)"
    assert [label.get_text() for label in axes.get_xticklabels()] == ["face", "left", "right", "top", "bottom"]


def null_table():
    rows = [
        {"age_range": label, "segment": segment, "n": 50, "groups": 5, "final": i / 10, "contribution": -i / 10}
        | {"contribution_null_low": -0.3, "contribution_null_high": 0.2}
        for label in AGE_RANGE_LABELS
        for i, segment in enumerate(SEGMENTS)
    ]
    return pd.DataFrame(rows)


def test_last_step_over_shuffles():
    finals = np.full((10, 4, 5), np.nan)
    finals[:, 0] = 0.5
    finals[:5, 0, 0] = -0.5
    axes = figures.steps_beside_null(null_table(), finals).get_axes()
    assert axes[0].get_lines()[0].get_ydata().tolist() == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])
    widths = [bar.get_width() for bar in axes[0].patches]
    assert sum(width > 0 for width in widths) == 2 + 4  # the face at both ends, the others at one
    assert not axes[1].patches  # nothing could be drawn from shuffles of no faces
    lower = axes[4]
    assert lower.get_lines()[0].get_ydata().tolist() == pytest.approx([0, -0.1, -0.2, -0.3, -0.4])
    assert lower.collections[0].get_segments()[0].tolist() == [[0, -0.3], [0, 0.2]]


def test_points_beside_the_study(correlations):
    table = beside_study(correlations)
    figure = figures.beside_study(table)
    axes = figure.get_axes()[1]
    lines = {line.get_label(): line for line in axes.get_lines()}
    points = lines["Asian (n = 11)"]
    assert points.get_color() == RACE_COLOURS["Asian"]
    assert points.get_xdata().tolist() == list(STUDY_VALUES["inaccurate", "Asian"])
    ours = correlations[(correlations["race"] == "Asian") & (correlations["estimates"] == "inaccurate")]
    assert points.get_ydata().tolist() == ours[list(SEGMENTS)].iloc[0].tolist()
    low, high = axes.get_ylim()
    assert -low == high > table["high"].max()


def test_points_without_any_correlation(correlations):
    correlations[list(SEGMENTS)] = np.nan
    low, high = figures.beside_study(beside_study(correlations)).get_axes()[0].get_ylim()
    assert -low == high == pytest.approx(0.2625)


def association_table(masks):
    return pd.DataFrame(
        {"masks": name, "age_range": label, "part": segment, "error": "absolute_error", "n": 30 + which}
        | {"r": i / 10, "r_share": -i / 10, "low": i / 10 - 0.1, "high": i / 10 + 0.1}
        for which, name in enumerate(masks)
        for label in ("all", "0–12")
        for i, segment in enumerate(SEGMENTS)
    )


def test_associations_of_two_presets_stand_apart():
    figure = figures.association_panels(association_table(["published", "audit"]))
    axes = figure.get_axes()[0]
    assert axes.get_title() == "all ages\nn = 30 published\nn = 31 audit"
    first, plain, second = axes.get_lines()[:3]
    assert first.get_xdata().tolist() == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])
    assert plain.get_xdata().tolist() == pytest.approx([0, -0.1, -0.2, -0.3, -0.4])
    assert first.get_color() != second.get_color() and (first.get_ydata() < second.get_ydata()).all()
    labels = {text.get_text(): line for text, line in zip(*_legend(figure), strict=True)}
    assert labels["audit masks: log-ratio, 95 % interval"].get_color() == second.get_color()


def _legend(figure):
    (legend,) = figure.legends
    return legend.get_texts(), legend.legend_handles


def test_halves():
    rows = [
        {"masks": "audit", "age_range": "all", "part": segment, "half": half, "n": n, "r": 0.1 * which}
        | {"null_low": -0.2, "null_high": 0.2}
        for which, (half, n) in enumerate({"all": 30, "positive": 20, "negative": 10}.items())
        for segment in SEGMENTS
    ]
    figure = figures.restriction_panels(pd.DataFrame(rows))
    (axes,) = figure.get_axes()
    assert (axes.get_title(), axes.get_ylabel()) == ("all ages\nn = 20 + 10", "audit masks")
    texts, handles = _legend(figure)
    assert [text.get_text() for text in texts][:3] == ["all", "accurate", "inaccurate"]
    for which, (line, handle) in enumerate(zip(axes.get_lines()[:3], handles[:3], strict=True)):
        assert line.get_xdata().tolist() == pytest.approx([0.1 * which] * 5)
        assert (line.get_color(), line.get_marker()) == (handle.get_color(), handle.get_marker())
