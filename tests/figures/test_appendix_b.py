"""Appendix B's figures, read back from their artists."""

import numpy as np
import pandas as pd
import pytest

from age_audit.core.vocabulary import AGE_RANGE_LABELS, HALVES, RACES
from age_audit.figures import appendix_b as figures
from age_audit.figures import style
from age_audit.figures.style import title_of
from age_audit.study.appendix_b import SEGMENTS


@pytest.fixture
def correlations():
    rng = np.random.default_rng(1)
    rows = [
        {"age_range": label, "race": race, "estimates": half, "n": 30 + i, "n_rows": 20}
        | dict(zip(SEGMENTS, rng.uniform(-0.5, 0.5, 5), strict=True))
        for label in AGE_RANGE_LABELS
        for i, race in enumerate(RACES)
        for half in HALVES
    ]
    return pd.DataFrame(rows)


def panels(figure, title):
    return [axes for axes in figure.get_axes() if title in axes.get_title()]


def test_tables_share_a_scale_and_chance_is_grey(correlations):
    correlations.loc[0, "face"], correlations.loc[1, list(SEGMENTS)] = 0.75, np.nan
    null = np.random.default_rng(2).uniform(-0.55, 0.55, (400, 2, 4, 5, 5))
    null[:, 0, 0, 1] = 0.0  # the shuffles of the second group never differ from 0
    figure = figures.correlation_tables(correlations, null)
    (accurate,), (inaccurate,) = panels(figure, "0–12 years, accurate"), panels(figure, "0–12 years, inaccurate")
    assert accurate.images[0].get_clim() == inaccurate.images[0].get_clim() == (-0.75, 0.75)
    assert [label.get_text() for label in accurate.get_xticklabels()][:2] == ["Caucasian\n(n = 30)", "Asian\n(n = 31)"]
    assert accurate.texts[0].get_text() == "+0.750" and inaccurate.texts[0].get_text() == "–"
    assert accurate.texts[1].get_text() == f"{correlations['face'][2]:+.3f}".replace("-", "−")  # the next race
    coloured = np.isfinite(np.ma.filled(accurate.images[0].get_array(), np.nan))
    assert coloured[:, 1].all() and coloured[0, 0] and coloured[:, 2:].sum() == 0
    assert [accurate.texts[i].get_color() for i in (0, 2)] == ["white", "0.6"]
    drawn = correlations[list(SEGMENTS)].notna().sum().sum()
    assert figure.get_suptitle().startswith(f"6 of {drawn} correlations of share and accuracy are beyond 95 %")
    assert len(panels(figure, "accurate estimates")) == 8


def test_groups_of_few_faces_are_hatched_not_coloured(correlations):
    correlations.loc[correlations["race"] == "Asian", "n"] = 29
    figure = figures.correlation_tables(correlations, np.zeros((9, 2, 4, 5, 5)))  # everything is beyond chance
    for axes in panels(figure, "accurate estimates"):
        coloured = np.isfinite(np.ma.filled(axes.images[0].get_array(), np.nan))
        assert coloured.all(axis=0).tolist() == [True, False, True, True, True] and not coloured[:, 1].any()
        assert [(patch.get_x(), patch.get_hatch()) for patch in axes.patches] == [(0.5, "///")]
        assert {text.get_color() for text in axes.texts if text.get_position()[0] == 1} == {"black"}  # still counted
    assert figure.legends[0].get_texts()[0].get_text() == "fewer than 30 faces"
    assert not style.overlapping_texts(figure)


def null_table():
    rows = [
        {"age_range": label, "segment": segment, "n": 50, "groups": 5, "final": i / 10, "contribution": -i / 10}
        | {"contribution_null_low": -0.3, "contribution_null_high": 0.2, "p_holm": 0.01 if i == 3 else 0.5}
        for label in AGE_RANGE_LABELS
        for i, segment in enumerate(SEGMENTS)
    ]
    return pd.DataFrame(rows)


def test_last_step_over_shuffles():
    finals = np.full((10, 4, 5), np.nan)
    finals[:, 0] = 0.5
    finals[:5, 0, 0] = -0.5
    figure = figures.steps_beside_null(null_table(), finals)
    axes = figure.get_axes()
    assert title_of(figure).startswith("4 of 20 mean contributions are beyond chance")
    assert axes[0].get_lines()[0].get_ydata().tolist() == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])
    widths = [bar.get_width() for bar in axes[0].patches]
    assert sum(width > 0 for width in widths) == 2 + 4  # the face at both ends, the others at one
    assert not axes[1].patches  # nothing could be drawn from shuffles of no faces
    lower = axes[4]
    assert lower.get_lines()[0].get_ydata().tolist() == pytest.approx([0, -0.1, -0.2, -0.3, -0.4])
    assert lower.collections[0].get_segments()[0].tolist() == [[0, -0.3], [0, 0.2]]


def test_a_group_is_one_and_what_the_last_step_puts_first_is_said_where_there_is_one():
    table = null_table().assign(groups=1)
    figure = figures.steps_beside_null(table, np.full((10, 4, 5), np.nan))
    assert title_of(figure).endswith("though the last step puts one segment first at every age")
    assert figure.axes[0].get_title() == "0–12 years\n(n = 50, 1 group)"
    table.loc[table["age_range"] != "0–12", ["final", "p_holm"]] = np.nan
    said = title_of(figures.steps_beside_null(table, np.full((10, 4, 5), np.nan)))
    assert said.endswith(
        "1 of 5 mean contributions are beyond chance (Holm), though the last step puts one segment first "
        "in 1 of 4 age ranges"
    )


def association_table(masks):
    return pd.DataFrame(
        {"masks": name, "age_range": label, "segment": segment, "error": error, "n": 30 + which}
        | {"r": i / 10, "r_given": -i / 10, "low": i / 10 - 0.1, "high": i / 10 + 0.1}
        | {"p_holm": 0.01 if i > 2 else 0.9, "p_given_holm": 0.01 if i > 3 else 0.9}
        for which, name in enumerate(masks)
        for label in ("all", "0–12")
        for error in ("absolute_error", "signed_error")
        for i, segment in enumerate(SEGMENTS)
    )


def test_associations_of_two_presets_stand_apart_and_sure_ones_are_bold():
    figure = figures.association_panels(association_table(["published", "audit"]))
    axes = figure.get_axes()[0]
    assert axes.get_title() == "all ages\nn = 30 published\nn = 31 audit"
    assert axes.get_ylabel() == "r with the absolute error"
    bars, dots, _, other_dots = axes.collections
    assert dots.get_offsets()[:, 0].tolist() == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])
    assert list(bars.get_linewidths()) == [0.9] * 3 + [2.4] * 2
    given = axes.get_lines()[0]
    assert given.get_xdata().tolist() == pytest.approx([0, -0.1, -0.2, -0.3, -0.4])
    assert not np.array_equal(dots.get_facecolor(), other_dots.get_facecolor())
    assert (dots.get_offsets()[:, 1] < other_dots.get_offsets()[:, 1]).all()
    (legend,) = figure.legends
    labels = [text.get_text() for text in legend.get_texts()]
    assert labels == ["published masks", "audit masks", "p ≤ 0.05 (Holm)", "at equal estimates"]
    light, _, heavy, _ = legend.legend_handles
    assert [key.get_markersize() ** 2 for key in (light, heavy)] == pytest.approx(sorted(set(dots.get_sizes())))
    assert [key.get_linewidth() for key in (light, heavy)] == [0.9, 2.4]
    assert title_of(figure) == (
        "2 of 5 shares in audit masks are associated with the absolute error within age ranges, 1 at equal estimates "
        "(Holm)"
    )
