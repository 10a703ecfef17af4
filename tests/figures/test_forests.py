"""What figures of groups with intervals show, read back from their artists."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex, to_rgba

from age_audit.audit.errors.lost_faces import lost_faces
from age_audit.core.errors import UsageError
from age_audit.core.groups import ALL, LONGEST_GROUP
from age_audit.core.measures import MEASURES
from age_audit.core.vocabulary import AGE_RANGE_LABELS, GENDERS, RACES
from age_audit.figures import style
from age_audit.figures.forests import (
    SHOWN,
    crude_and_standardised,
    error_by_age,
    forest,
    lost_by_group,
)

BLOCKS = [*AGE_RANGE_LABELS, ALL]


def rows_of(groups, blocks=BLOCKS, block="age_range"):
    """Values that tell block, group and measure apart: 10 * block + group, of signed errors negative."""
    return pd.DataFrame(
        {block: label, **group, "measure": measure, "n": 50 - i, "value": value, "crude": value + 0.5}
        | {"crude_low": value - 1.5, "crude_high": value + 2.5, "strata": 3, "age_gap": 0.5}
        | {"standardised": value, "low": value - 1, "high": value + 1, "few_faces": i == 1}
        for b, label in enumerate(blocks)
        for i, group in enumerate(groups)
        for measure, sign in zip(SHOWN, (1, -1), strict=True)
        for value in [sign * (10.0 * b + i + 1)]
    )


BY_RACE = rows_of([{"race_real": race} for race in RACES])
OVERALL = rows_of([{}])


def dots(axes):
    return [line for line in axes.get_lines() if line.get_marker() not in ("None", "x") and len(line.get_xdata()) == 1]


def panels(figure):
    return np.array(figure.axes).reshape(-1, len(SHOWN))


def test_every_group_has_its_value_colour_and_count():
    figure = forest(BY_RACE, "race_real", OVERALL, "title")
    assert panels(figure).shape == (5, 2)
    for b, row in enumerate(panels(figure)):
        for axes, sign in zip(row, (1, -1), strict=True):
            assert [dot.get_xdata()[0] for dot in dots(axes)] == [sign * (10 * b + i + 1) for i in range(5)]
            assert [dot.get_ydata()[0] for dot in dots(axes)] == list(range(5))
            assert [to_hex(dot.get_color()).upper() for dot in dots(axes)] == list(style.RACE_COLOURS.values())
    left = [text.get_text() for text in panels(figure)[0, 0].get_yticklabels()]
    assert left == [f"{race} (n = {50 - i})" for i, race in enumerate(RACES)]
    numbered = [[axes.xaxis.get_tick_params()["labelbottom"] for axes in row] for row in panels(figure)]
    assert numbered == [[False, False]] * 4 + [[True, True]]
    assert figure.get_suptitle() == "title"


def test_first_group_is_on_top_and_few_faces_are_hollow():
    axes = forest(BY_RACE, "race_real", OVERALL, "").axes[0]
    bottom, top = axes.get_ylim()
    assert bottom > top
    assert [to_rgba(dot.get_markerfacecolor())[:3] == (1, 1, 1) for dot in dots(axes)] == [False, True, *[False] * 3]


def test_bars_are_the_intervals_and_numbers_say_them():
    axes = forest(BY_RACE, "race_real", OVERALL, "").axes[1]
    bars = [tuple(segment[:, 0]) for collection in axes.collections for segment in collection.get_segments()]
    assert bars == [(-i - 2, -i) for i in range(5)]
    assert axes.texts[0].get_text() == "−1.0 (−2.0 to 0.0)"


def test_block_titles_count_all_faces():
    figure = forest(BY_RACE, "race_real", OVERALL, "")
    titles = [axes.get_title(loc="left") for axes in panels(figure)[:, 0]]
    assert titles[0] == "real age 0–12 years (n = 50)" and titles[-1] == "all ages (n = 50)"
    assert not any(axes.get_title(loc="left") for axes in panels(figure)[:, 1])


def test_combinations_have_the_colour_of_one_and_the_marker_of_the_other():
    groups = [{"race_real": race, "gender_real": gender} for race in RACES[:2] for gender in GENDERS]
    axes = forest(rows_of(groups), ["race_real", "gender_real"], OVERALL, "").axes[0]
    assert [dot.get_marker() for dot in dots(axes)] == ["o", "o", "s", "s"]
    assert [dot.get_color() for dot in dots(axes)] == [*style.GENDER_COLOURS.values()] * 2
    assert axes.get_yticklabels()[1].get_text() == "Caucasian / Female (n = 49)"


def test_groups_as_they_are_stand_above_those_at_equal_ages_each_with_its_interval():
    axes = crude_and_standardised(BY_RACE, "race_real", "").axes[0]
    crosses = [line for line in axes.get_lines() if line.get_marker() == "x"]
    assert [cross.get_xdata()[0] for cross in crosses] == [dot.get_xdata()[0] + 0.5 for dot in dots(axes)]
    places = [(cross.get_ydata()[0], dot.get_ydata()[0]) for cross, dot in zip(crosses, dots(axes), strict=True)]
    assert places == [pytest.approx((i - 0.17, i + 0.17)) for i in range(5)]  # neither hides the other
    bars = [segment.ravel().tolist() for collection in axes.collections for segment in collection.get_segments()]
    assert bars[:2] == [pytest.approx([-0.5, -0.17, 3.5, -0.17]), pytest.approx([0, 0.17, 2, 0.17])]
    assert axes.texts[0].get_text() == "1.0 (0.0 to 2.0)"


def test_where_all_ages_are_one_stratum_the_figure_says_that_nothing_is_adjusted():
    strata = BY_RACE["strata"].where(BY_RACE["age_range"] != "13–18", [1, 0] * (len(BY_RACE) // 2))
    titles = [
        axes.get_title(loc="left")
        for axes in panels(crude_and_standardised(BY_RACE.assign(strata=strata), "race_real", ""))[:, 0]
    ]
    assert titles[:2] == ["real age 0–12 years", "real age 13–18 years (one stratum of age: not adjusted)"]


@pytest.mark.parametrize(
    ("strata", "age_gap", "values", "why"),
    [
        (1, [1.1, -5], [np.nan, np.nan], " (ages too different to compare)"),
        (1, [1, -1], [3, 4], " (one stratum of age: not adjusted)"),
        (1, [0.5, 1.1], [3, np.nan], " (one stratum of age: not adjusted)"),  # one of the groups can be compared
        (1, [np.nan, np.nan], [np.nan, np.nan], " (one stratum of age: not adjusted)"),  # too few faces
        (2, [1.1, -5], [np.nan, np.nan], ""),
    ],
)
def test_ages_too_different_to_compare_are_told_from_nothing_to_adjust(strata, age_gap, values, why):
    table = rows_of([{"race_real": race} for race in RACES[:2]], ["0–12"]).assign(strata=strata)
    table["age_gap"], table["standardised"] = np.repeat(age_gap, len(SHOWN)), np.repeat(values, len(SHOWN))
    title = crude_and_standardised(table, "race_real", "").axes[0].get_title(loc="left")
    assert title == f"real age 0–12 years{why}"


@pytest.mark.parametrize("draw", [crude_and_standardised, lambda table, *more: forest(table, more[0], OVERALL, "")])
@pytest.mark.parametrize("count", [2, 5])
@pytest.mark.parametrize("second", [["Female", "Male"], [f"{'of many words ' * 3}{i:03d}" for i in range(2)], None])
def test_the_longest_names_leave_panels_and_axis_labels_their_room(draw, count, second):
    names = [f"{'of many words ' * 3}{i:03d}" for i in range(count)]
    assert {len(name) for name in names} == {LONGEST_GROUP}
    groups = [
        {"race_real": name} | ({"gender_real": other} if second else {}) for name in names for other in second or [""]
    ]
    figure = draw(rows_of(groups), ["race_real", "gender_real"][: 1 + bool(second)], "")
    assert style.overlapping_texts(figure) == []
    labels = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert len(set(labels)) == len(groups) and all(label.endswith(f"(n = {50 - i})") for i, label in enumerate(labels))
    assert all(axes.get_window_extent().width > 0.08 * figure.bbox.width for axes in figure.axes)


def test_a_name_of_the_us_census_is_said_in_full():
    groups = [{"race_real": name} for name in ("Native Hawaiian or Other Pacific Islander", "Asian")]
    figure = crude_and_standardised(rows_of(groups), "race_real", "")
    labels = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert labels == ["Native Hawaiian or Other Pacific\nIslander (n = 50)", "Asian (n = 49)"]
    short = crude_and_standardised(rows_of(groups[1:]), "race_real", "")
    assert [axes.get_xlabel() for axes in short.axes[-2:]] == [MEASURES[name].label for name in SHOWN]


def test_where_no_group_could_be_adjusted_the_note_explains_no_dot():
    assert "dot and number" in crude_and_standardised(BY_RACE, "race_real", "").get_supxlabel()
    note = crude_and_standardised(BY_RACE.assign(standardised=np.nan), "race_real", "").get_supxlabel()
    assert "no group could be given the ages of all faces" in note and "dot and number" not in note


def test_empty_groups_keep_their_row(tmp_path):
    nothing = BY_RACE.assign(n=0, value=np.nan, low=np.nan, high=np.nan, crude=np.nan, standardised=np.nan)
    figure = forest(nothing, "race_real", OVERALL.assign(n=0, value=np.nan, low=np.nan, high=np.nan), "")
    assert not dots(figure.axes[0])
    assert len(figure.axes[0].get_yticklabels()) == 5
    style.save_figure(figure, tmp_path, "empty")
    style.save_figure(crude_and_standardised(nothing, "race_real", ""), tmp_path, "empty_too")
    assert figure.axes[0].get_title(loc="left") == "real age 0–12 years (n = 0)"
    bands = rows_of([{"race_real": "Asian"}], ["0–5", "6–12"], "age_band")
    nobody = bands.assign(n=0, value=np.nan, low=np.nan, high=np.nan)
    figure = error_by_age(nobody, {"race_real": nobody}, "")
    style.save_figure(figure, tmp_path, "none")


def test_one_face_is_a_point_without_a_bar(tmp_path):
    single = BY_RACE.assign(low=np.nan, high=np.nan)
    figure = forest(single, "race_real", OVERALL, "")
    assert len(dots(figure.axes[0])) == 5 and figure.axes[0].texts[0].get_text() == "1.0"
    style.save_figure(figure, tmp_path, "single")


BANDS = ["0–5", "6–12", "13–18"]
ALONG = rows_of([{}], BANDS, "age_band")


def test_each_group_has_a_panel_with_all_faces_in_grey_and_its_bands_at_their_middles():
    tables = {
        "gender_real": rows_of([{"gender_real": gender} for gender in GENDERS], BANDS, "age_band"),
        "race_real": rows_of([{"race_real": race} for race in RACES], BANDS, "age_band"),
    }
    figure = error_by_age(ALONG, tables, "found")
    titles = ["Male (n = 150)", "Female (n = 147)", *(f"{race} (n = {150 - 3 * i})" for i, race in enumerate(RACES))]
    assert [axes.get_title() for axes in figure.axes] == titles
    for axes, i, colour in zip(figure.axes, [0, 1, *range(5)], style.GROUP_COLOURS.values(), strict=True):
        _, everyone, curve, *_ = axes.get_lines()
        assert everyone.get_ydata().tolist() == [-1, -11, -21] and everyone.get_color() == "0.75"
        assert everyone.get_xdata().tolist() == curve.get_xdata().tolist() == [3, 9.5, 16]
        assert curve.get_ydata().tolist() == [-(10 * b + i + 1) for b in range(3)] and curve.get_color() == colour
        assert axes.get_ylim() == figure.axes[0].get_ylim()
    assert figure.get_supylabel() == "mean signed error (years)"
    assert style.title_of(figure) == "found" and not style.overlapping_texts(figure)


def test_without_groups_all_faces_have_a_panel_and_absolute_errors_begin_at_0():
    figure = error_by_age(ALONG, {"race_real": ALONG[:0].assign(race_real="")}, "", SHOWN[0])
    assert [axes.get_title() for axes in figure.axes] == ["(n = 150)"]
    assert figure.axes[0].get_ylim()[0] == 0


def test_bands_with_few_faces_are_hollow():
    bands = rows_of([{"race_real": "Asian"}], BANDS, "age_band")
    rows = bands.assign(few_faces=bands["age_band"].isin(["6–12", "13–18"]))
    for measure in SHOWN:
        (axes,) = error_by_age(ALONG, {"race_real": rows}, "", measure).axes
        hollow = [line for line in axes.lines if line.get_markerfacecolor() == "white"]
        values = rows.loc[rows["measure"] == measure, "value"].tolist()
        assert [line.get_xydata().tolist() for line in hollow] == [[[9.5, values[1]], [16, values[2]]]]


def keys(figure):
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def test_hollow_is_in_the_legend_where_there_are_hollow_marks():
    bands = rows_of([{"race_real": "Asian"}], BANDS, "age_band")
    for few in (False, True):
        assert (
            keys(error_by_age(ALONG, {"race_real": bands.assign(few_faces=few)}, ""))
            == (["all faces", "hollow: fewer than 30 faces"][: 1 + few])
        )
    assert keys(lost_by_group(lost_table())) == [
        "all images",
        "bold: beyond chance (Holm)",
        "hollow: fewer than 30 images",
    ]
    assert keys(lost_by_group(lost_table()[:3])) == ["all images", "bold: beyond chance (Holm)"]


def test_groups_that_are_not_the_studys_take_no_colour_of_its_groups():
    table = lost_table()
    ages = table.assign(feature=table["feature"].replace("race", "age_range"))
    ages["group"] = ages["group"].replace({"Caucasian": "0–12", "African": "13–18", "Other": "19–25"})
    race, age = lost_by_group(pd.concat([table, ages[1:]])).axes
    assert {dot.get_color() for dot in dots(age)} == {"black"}
    assert len({dot.get_color() for dot in dots(race)}) == 4


def test_missing_columns_are_named():
    with pytest.raises(UsageError, match="few_faces"):
        forest(BY_RACE.drop(columns="few_faces"), "race_real", OVERALL, "")
    with pytest.raises(UsageError, match="crude"):
        crude_and_standardised(BY_RACE.drop(columns="crude"), "race_real", "")
    with pytest.raises(UsageError, match="age_band"):
        error_by_age(BY_RACE, {"race_real": BY_RACE}, "")


def lost_table(african=22, other=0):
    groups = {"Caucasian": (4740, 126), "African": (351, african), "Other": (9, other), "unlabelled": (2, 0)}
    by_race = {name: {"images_total": images, "images_failed": lost} for name, (images, lost) in groups.items()}
    overall = {"images_total": 5102, "images_failed": sum(lost for _, lost in groups.values())}
    return lost_faces({"failures": {"overall": overall, "by_race": by_race}})


def test_lost_faces_of_each_group_stand_beside_those_of_all():
    figure = lost_by_group(lost_table())
    (axes,) = figure.axes
    assert axes.get_title(loc="left") == "race"
    names = [text.get_text() for text in axes.get_yticklabels()]
    assert names == ["Caucasian (n = 4,740)", "African (n = 351)", "Other (n = 9)", "unlabelled (n = 2)"]
    assert [text.get_fontweight() for text in axes.get_yticklabels()] == ["bold", "bold", "normal", "normal"]
    assert [dot.get_xdata()[0] for dot in dots(axes)] == pytest.approx([12600 / 4740, 2200 / 351, 0, 0])
    looks = [style.group_look(RACES)[race]["color"] for race in ("Caucasian", "African", "Other")]
    assert [dot.get_color() for dot in dots(axes)][:3] == looks  # whether or not some have no label
    assert [dot.get_markerfacecolor() == "white" for dot in dots(axes)] == [False, False, True, True]
    assert axes.texts[1].get_text() == "6.3 (4.2 to 9.3)"
    assert 9.3 < axes.get_xlim()[1] < 12  # the bars of few images do not squeeze the others
    assert axes.lines[0].get_xdata()[0] == pytest.approx(14800 / 5102)
    assert figure.get_suptitle() == "2.9 % of 5,102 images have no estimate: 6.3 % labelled African"


def test_a_group_of_few_images_or_of_chance_is_no_finding():
    assert (
        lost_by_group(lost_table(african=10, other=9)).get_suptitle().endswith("have no estimate; no group surely more")
    )
    nothing = {"cropping": {"images_total": 40, "images_failed_detected": 0}}
    figure = lost_by_group(lost_faces(nothing))
    assert figure.get_suptitle() == "All 40 images have an estimate" and len(figure.axes) == 1
    assert lost_by_group(lost_faces({})).get_suptitle() == "No images"
    with pytest.raises(UsageError, match="p_holm"):
        lost_by_group(lost_table().drop(columns="p_holm"))
