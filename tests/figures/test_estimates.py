"""What figures of estimates show, read back from their artists, and what their titles make of the numbers."""

import numpy as np
import pandas as pd
import pytest

from age_audit.audit.errors.along_age import confusion, estimates_by_age
from age_audit.audit.errors.baselines import ONE_AGE
from age_audit.audit.errors.several_estimators import cumulative_scores as scores_of
from age_audit.audit.errors.stated_spread import spread_coverage
from age_audit.core.errors import UsageError
from age_audit.core.groups import age_range_of
from age_audit.figures import style
from age_audit.figures.estimates import (
    caption_against_age,
    confused_ranges,
    cumulative_scores,
    estimate_against_age,
    stated_spread,
)

AGES = np.repeat(np.arange(1.0, 91), 10)


def faces(estimates, ages=AGES, **more):
    frame = pd.DataFrame({"age_real": ages, "age_estimation": estimates, **more})
    return frame.assign(age_range=age_range_of(frame["age_real"]), fname=[f"{i}.jpg" for i in range(len(frame))])


def title(figure):
    return " ".join(figure.get_suptitle().split())


@pytest.mark.parametrize(
    ("estimates", "finding"),
    [
        (20 + 0.5 * AGES, "judges old faces too young and young ones too old: slope 0.50, medians from 21 to 64"),
        (np.minimum(AGES, 60), "judges old faces too young: slope 0.73, no median above 60"),
        (np.maximum(AGES, 20), "judges young faces too old: slope 0.88, no median below 20"),
        (AGES, "adds 1.00 years to an estimate for each year of real age (95 % interval 1.00 to 1.00)"),
        (AGES * 0.99 + 0.5, "adds 0.99 years to an estimate for each year of real age (95 % interval 0.99 to 0.99)"),
        (90 - AGES, "judges old faces too young and young ones too old: slope −1.00, medians from 1 to 88"),
    ],
)
def test_what_becomes_of_young_and_old_is_the_title(estimates, finding):
    assert title(estimate_against_age(faces(estimates), "mine")) == f"mine {finding}"


def test_few_faces_have_no_finding():
    few = faces([4.0, 5, 6], [1, 2, 3])
    said = "m has estimated 3 faces of exact age: too few to say how estimates follow ages"
    assert title(estimate_against_age(few, "m")) == said
    figure = estimate_against_age(faces(AGES[:40], AGES[:40]), "m")
    assert title(figure).startswith("m adds 1.00 years") and len(figure.axes) == 1  # points, no density
    assert figure.axes[0].lines[0].get_xdata().tolist() == AGES[:40].tolist()


def test_lines_are_the_medians_and_the_middle_of_the_estimates():
    frame = faces(20 + 0.5 * AGES + np.tile(np.arange(10.0), 90))
    table = estimates_by_age(frame)
    axes, bar = estimate_against_age(frame, "m").axes
    p10, p90, median, identity = axes.lines
    assert median.get_ydata().tolist() == table["median"].tolist()
    assert median.get_xdata().tolist() == table["age_mean"].tolist()
    assert (p10.get_ydata().tolist(), p90.get_ydata().tolist()) == (table["p10"].tolist(), table["p90"].tolist())
    assert list(identity.get_xdata()) == list(identity.get_ydata()) == list(axes.get_xlim()) == list(axes.get_ylim())
    assert axes.get_aspect() == 1
    assert axes.collections[0].get_array().sum() == len(frame)  # every face is in one of the squares
    assert bar.get_ylabel() == "faces in 2 × 2 years"


def test_ages_that_are_ranges_are_counted_not_drawn():
    frame = faces(AGES).assign(age_real_low=np.nan, age_real_high=np.nan)
    frame.loc[:6, ["age_real", "age_real_low", "age_real_high"]] = [np.nan, 0, 9]
    frame.loc[7, "age_estimation"] = np.nan
    axes = estimate_against_age(frame, "m").axes[0]
    assert axes.get_xlabel() == "real age (years; 892 faces; 7 without an exact age left out)"


def test_captions_say_what_is_drawn_of_few_faces_and_of_many():
    few = faces(np.arange(39.0), np.arange(39.0) * 2)
    few.loc[:5, "age_real"] = np.nan
    said = (
        "age of 33 faces (6 without an exact age are left out); mine. A dot: a face. Dotted: where both ages are equal."
    )
    assert caption_against_age(few, "mine") == f"Estimated against labelled {said}"
    assert len(estimate_against_age(few, "m").axes[0].lines) == 2  # the faces, and where both ages are equal
    many = caption_against_age(faces(AGES), "mine")
    assert many == (
        "Estimated against labelled age of 900 faces; mine. Darker: more faces. Line: median; dashed: 10 and 90 % of "
        "estimates; dotted: where both ages are equal."
    )


def spread_table(within, spread=2.0, n=200):
    """The estimate is right for that share of the faces, far off for the others."""
    errors = np.where(np.arange(n) < within * n, 0, 9)
    return spread_coverage(faces(50.0 + errors, np.full(n, 50.0), age_spread=spread))


def test_spread_is_judged_where_both_intervals_say_so():
    assert title(stated_spread(spread_table(0.5), "m")) == (
        "m is too sure of its estimates: ±1 SD holds 50 % of 200 real ages, ±2 SD 50 % (should be 68 % and 95 %)"
    )
    assert title(stated_spread(spread_table(1.0), "m")).startswith("m is less sure than it could be: ±1 SD holds 100 %")
    assert title(stated_spread(spread_table(0.7), "m")).startswith("m: ±1 SD holds 70 % of 200")  # ±2 SD alone is off


def test_coverage_is_drawn_by_range_and_by_spread():
    left, right = stated_spread(spread_table(0.5, np.linspace(1, 3, 200)), "m").axes
    drawn = [line for line in left.lines if line.get_marker() in "o^" and len(line.get_xdata())]
    shown = [(line.get_marker(), float(x), float(y)) for line in drawn for x, y in zip(*line.get_data(), strict=True)]
    assert [mark for mark in shown if np.isfinite(mark[2])] == [("o", 3, 50), ("^", 3, 50)]
    assert left.get_xticklabels()[3].get_text() == "26–100\n(n = 200)"
    assert left.get_ylim()[1] > 100  # a share of all has its mark in view
    points = [line.get_xdata().tolist() for line in right.lines if line.get_marker() == "o" and len(line.get_xdata())]
    assert points == [pytest.approx([1.16, 1.5, 1.83, 2.17, 2.5, 2.84], abs=0.01)]
    assert right.get_xlabel() == "stated SD (years; medians of 6 equal parts)"
    assert [text.get_text() for text in right.texts] == ["±1 SD: 68 %", "±2 SD: 95 %"]


def test_few_faces_are_hollow_and_no_spread_is_said(tmp_path):
    figure = stated_spread(spread_table(0.5, n=20), "m")
    marks = [line for line in figure.axes[0].lines if line.get_marker() in "o^" and np.isfinite(line.get_ydata()).any()]
    assert [mark.get_markerfacecolor() for mark in marks] == ["white", "white"]
    assert figure.legends[0].get_texts()[-1].get_text() == "hollow: fewer than 30 faces"
    assert len(stated_spread(spread_table(0.5), "m").legends[0].get_texts()) == 2
    style.save_figure(figure, tmp_path, "few")
    with pytest.warns(UserWarning, match="mine does not say how sure it is"):
        assert stated_spread(spread_coverage(faces(AGES)), "mine") is None


def test_three_faces_are_drawn_apart_under_a_legend_that_says_so():
    figure = stated_spread(spread_table(1.0, n=3), "m")
    (axes,) = figure.axes  # one part by spread is all faces once more
    shown = [(line.get_marker(), *point) for line in axes.lines for point in zip(*line.get_data(), strict=True)]
    assert [mark for mark in shown if mark[0] in "o^" and mark[2] == 100] == [("o", 2.9, 100), ("^", 3.1, 100)]
    said = [text.get_text() for text in figure.legends[0].get_texts()]
    assert said == ["within ±1 stated SD", "within ±2 stated SD", "hollow: fewer than 30 faces"]
    assert [text.get_text() for text in axes.texts] == ["±1 SD: 68 %", "±2 SD: 95 %"]
    assert title(figure) == "m has stated how sure it is of 3 faces of exact age: too few to say whether it is right"
    assert style.overlapping_texts(figure) == []


def test_curves_are_the_shares_and_the_title_names_best_and_worst():
    frames = {"one": faces(AGES + 6), "two": faces(AGES + 1), "few": faces(AGES[:9], AGES[:9])}
    table = scores_of(frames)
    axes = cumulative_scores(table).axes[0]
    lines = {line.get_label(): line for line in axes.lines}
    assert list(lines) == [
        *("one", "two", "few (left out: has 9 of the faces)"),
        f"constant guess: {ONE_AGE}",
    ]
    assert lines["two"].get_ydata().tolist() == [0, *[100] * 20] and lines["one"].get_ydata().tolist()[5:7] == [0, 100]
    assert axes.get_ylabel() == "share of the same 900 faces (%)"
    assert not {line.get_color() for line in axes.lines} & set(style.GROUP_COLOURS.values())  # no groups of faces
    # The guess is 45.5: right within five years for those of 41 to 50.
    assert title(cumulative_scores(table)) == (
        "Within 5 years of the label: 100 % for two, 0 % for one, 11 % for a constant guess"
    )
    assert title(cumulative_scores(scores_of({"one": frames["one"]}))).endswith(
        "0 % for one, 11 % for a constant guess"
    )
    assert (
        title(cumulative_scores(scores_of({"one": faces([], [])}))) == "No faces that these estimators have in common"
    )


def test_confusion_has_numbers_in_its_cells_and_its_own_range_framed():
    frame = faces(np.where(AGES < 19, 22, AGES))
    figure = confused_ranges(confusion(frame), "m")
    (axes,) = figure.axes
    cells = {tuple(map(int, text.get_position())): text.get_text() for text in axes.texts}
    assert [cells[column, 1] for column in range(4)] == ["0", "0", "100", "0"]  # those of 13–18
    assert [text.get_text() for text in axes.get_yticklabels()][1] == "13–18 (n = 60)"
    assert [(patch.get_x(), patch.get_y()) for patch in axes.patches] == [(i - 0.5, i - 0.5) for i in range(4)]
    assert title(figure) == "m puts 0 % of faces aged 0–12 in that range, 100 % in 19–25"


def test_confusion_without_a_confused_range_says_how_many_are_right():
    assert (
        title(confused_ranges(confusion(faces(AGES)), "m"))
        == "m puts 100 % of 900 faces in the range of their real age"
    )
    half = np.where(np.arange(900) % 2, AGES, 100 - AGES)
    ranges = [(0, 50), (51, 100)]
    assert title(confused_ranges(confusion(faces(half), ranges), "m")).startswith("m puts 5")  # not surely below half


def test_few_faces_are_not_coloured_and_rare_ones_not_zero(tmp_path):
    ages = np.array([5.0] * 29 + [30] * 300)
    figure = confused_ranges(confusion(faces(np.where(np.arange(329) == 40, 5.0, ages), ages)), "m")
    colours = figure.axes[0].images[0].get_array()
    assert colours.mask[0].all() and not colours.mask[3].any()
    assert sum(text.get_text() == "<1" for text in figure.axes[0].texts) == 1
    style.save_figure(figure, tmp_path, "few")
    assert title(confused_ranges(confusion(faces([], [])), "m")) == "m puts – of 0 faces in the range of their real age"


def test_missing_columns_are_named():
    with pytest.raises(UsageError, match="age_estimation"):
        estimate_against_age(faces(AGES).drop(columns="age_estimation"), "m")
    for draw, table in ((confused_ranges, confusion(faces(AGES))), (stated_spread, spread_table(0.5))):
        with pytest.raises(UsageError, match="share"):
            draw(table.drop(columns="share"), "m")
    with pytest.raises(UsageError, match="years"):
        cumulative_scores(scores_of({"one": faces(AGES)}).drop(columns="years"))
