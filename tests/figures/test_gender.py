"""What figures of gender answers show, read back from their artists."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from age_audit.audit.errors.gender import AS_THEY_ARE, AT_EQUAL_AGES
from age_audit.core.errors import UsageError
from age_audit.figures import style
from age_audit.figures.gender import gaps, recognised_along_age, recognised_by_group

NAMES = ["one", "two (trained on UTKFace)"]
RANGES = ["0–12", "13–18", "19–60"]
GROUPS = ["Asian", "Other"]
RATES = ["accuracy", "true positive", "false negative", "false positive", "true negative"]


def rates(**by):
    """Every share is another: 0.01 more with each row; few faces in the last range."""
    keys = [{}]
    for name, levels in {"estimator": NAMES, **by, "rate": RATES}.items():
        keys = [key | {name: level} for key in keys for level in levels]
    rows = []
    for place, key in enumerate(keys):
        few = RANGES[2] in key.values()
        share = 0.2 + 0.01 * place
        rows.append(key | {"n": 20 if few else 1_000 + place, "share": share, "few_faces": few})
        rows[-1] |= {"low": share - 0.02, "high": share + 0.01}
    return pd.DataFrame(rows)


@pytest.fixture
def along():
    return rates(age_band=RANGES)


@pytest.fixture
def grouped():
    return rates(age_range=RANGES, group=GROUPS)


@pytest.fixture
def odds():
    """The score of the second estimator is 10 points more; adults cannot be compared at equal ages."""
    rows = [
        {"estimator": name, "age_range": age_range, "rate": rate, "ages": ages, "groups": 5 - place, "gap": gap}
        | {"low": gap - 0.05, "high": gap + 0.1, "by_chance": gap / 2, "age_gap": 0.1 if place < 2 else 3.0}
        for i, name in enumerate(NAMES)
        for place, age_range in enumerate(RANGES)
        for ages in (AS_THEY_ARE, AT_EQUAL_AGES)
        for rate in ("true positive", "equalised odds")
        for gap in [0.1 + 0.1 * i + 0.02 * place + 0.3 * (ages == AT_EQUAL_AGES) + 0.01 * (rate == "true positive")]
    ]
    table = pd.DataFrame(rows)
    table.loc[(table["ages"] == AT_EQUAL_AGES) & (table["age_range"] == RANGES[2]), ["gap", "low", "high"]] = np.nan
    return table


def marks(axes, colour):
    """Every mark of that colour as (x, y), and which of them are hollow."""
    found, hollow = [], []
    for line in axes.get_lines():
        if to_hex(line.get_color()) == to_hex(colour) and line.get_marker() not in ("None", "|"):
            points = [(round(x, 6), round(y, 2)) for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)]
            (hollow if line.get_markerfacecolor() == "white" else found).extend(points)
    return found, hollow


def shares_of(table, **chosen):
    for name, value in chosen.items():
        table = table[table[name] == value]
    return [round(100 * share, 6) for share in table["share"]]


def test_each_label_has_a_panel_with_a_line_for_each_estimator(along):
    figure = recognised_along_age(along, "title")
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["labelled Female", "labelled Male"]
    for axes, rate in zip(figure.axes, ("true positive", "true negative"), strict=True):
        for name, look in style.estimator_look(NAMES).items():
            found, hollow = marks(axes, look["color"])
            expected = shares_of(along, estimator=name, rate=rate)
            assert [y for _, y in found] == [round(share, 2) for share in expected] and len(hollow) == 1
            assert [x for x, _ in found] == [6.5, 16, 40]
    assert figure.axes[0].get_ylim()[0] == 0


def test_each_group_has_a_mark_for_either_label_and_its_faces(grouped):
    figure = recognised_by_group(grouped, "title")
    panels = np.array(figure.axes).reshape(2, 3)
    for name, line in zip(NAMES, panels, strict=True):
        for age_range, axes in zip(RANGES, line, strict=True):
            for gender, rate in (("Female", "true positive"), ("Male", "true negative")):
                solid, hollow = marks(axes, style.GENDER_COLOURS[gender])
                expected = shares_of(grouped, estimator=name, age_range=age_range, rate=rate)
                assert [x for x, _ in (hollow if age_range == RANGES[2] else solid)] == expected
                assert (solid if age_range == RANGES[2] else hollow) == []
                chosen = grouped[(grouped["estimator"] == name) & (grouped["age_range"] == age_range)]
                numbers = [
                    text.get_text()
                    for text in axes.texts
                    if to_hex(text.get_color()) == style.GENDER_COLOURS[gender].lower()
                ]
                assert numbers == [f"{n:,}" for n in chosen[chosen["rate"] == rate]["n"]]
    assert [label.get_text() for label in panels[0, 0].get_yticklabels()] == GROUPS
    assert [axes.get_title(loc="left") for axes in panels[0]] == [f"{name} years" for name in RANGES]


def test_a_group_without_faces_keeps_its_row(grouped):
    missing = (grouped["age_range"] == RANGES[0]) & (grouped["group"] == "Asian")
    grouped.loc[missing, ["share", "low", "high"]], grouped.loc[missing, "n"] = np.nan, 0
    axes = recognised_by_group(grouped, "title").axes[0]
    assert [text.get_text() for text in axes.texts][::2] == ["0", "0"] and len(axes.get_yticks()) == 2


def test_scores_stand_as_they_are_and_at_equal_ages_beside_chance(odds):
    figure = gaps(odds, "title")
    score = odds[odds["rate"] == "equalised odds"]
    for axes, ages in zip(figure.axes, (AS_THEY_ARE, AT_EQUAL_AGES), strict=True):
        for name, look in style.estimator_look(NAMES).items():
            rows = score[(score["estimator"] == name) & (score["ages"] == ages)]
            found, hollow = marks(axes, look["color"])
            assert [x for x, _ in found if np.isfinite(x)] == [round(100 * gap, 6) for gap in rows["gap"].dropna()]
            assert hollow == []
        chance = [line.get_xdata() for line in axes.get_lines() if line.get_marker() == "|"]
        assert np.concatenate(chance) == pytest.approx(100 * score[score["ages"] == ages]["by_chance"].to_numpy())
    assert [text.get_text() for text in figure.axes[0].texts] == []
    assert [(text.get_text(), text.get_position()[1]) for text in figure.axes[1].texts] == [
        ("ages too different to compare", 2)
    ]
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == ["0–12 years\n(5 groups)", "13–18 years\n(4 groups)", "19–60 years\n(3 groups)"]


def test_a_row_without_enough_groups_or_that_was_not_asked_says_so(odds):
    odds.loc[odds["age_range"] == RANGES[0], ["groups", "gap"]] = [1, np.nan]
    odds = odds[(odds["age_range"] != RANGES[1]) | (odds["ages"] == AS_THEY_ARE)]
    told = [text.get_text() for text in gaps(odds, "title").axes[1].texts]
    assert told == ["too few faces", "not asked", "ages too different to compare"]


@pytest.mark.parametrize("draw", [recognised_along_age, recognised_by_group, gaps])
def test_a_missing_column_is_named(draw):
    with pytest.raises(UsageError, match="estimator"):
        draw(pd.DataFrame({"n": [1]}), "title")


def test_texts_do_not_overlap(along, grouped, odds):
    for figure in (recognised_along_age(along, "title"), recognised_by_group(grouped, "title"), gaps(odds, "title")):
        assert style.overlapping_texts(figure) == [] and figure.get_figwidth() == style.FULL


def test_legends_speak_of_hollow_where_there_is_some(along, grouped):
    for draw, table in ((recognised_along_age, along), (recognised_by_group, grouped)):
        said = [
            [text.get_text() for text in draw(t, "title").legends[0].get_texts()]
            for t in (table, table.assign(few_faces=False))
        ]
        assert said[0][-1] == "hollow: fewer than 30 faces" and said[1] == said[0][:-1]
