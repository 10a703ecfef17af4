"""Pictures of active parts, read back from their artists."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection

from age_audit.audit.box_bias import activation_shares, bias_table, classification_outcomes
from age_audit.audit.box_chance import beside_chance
from age_audit.core.errors import UsageError
from age_audit.core.randomness import Resampling
from age_audit.figures import style
from age_audit.figures.box_bias import activity, differences, part_name
from age_audit.regions.boxes import BOX_REGIONS

OUTCOMES = ["misclassified", "classified rightly"]


@pytest.fixture(scope="module")
def faces():
    """400 faces: the nose is active on all women who are misclassified, everything else by chance."""
    rng = np.random.default_rng(1)
    gender, guess = rng.choice(["Female", "Male"], (2, 400))
    frame = pd.DataFrame({"gender_real": gender, "guess": guess})
    active = {f"active_{region}": rng.random(400) < 0.3 for region in BOX_REGIONS}
    active["active_nose"] |= (gender == "Female") & (guess == "Male")
    return frame.assign(**active)


@pytest.fixture(scope="module")
def outcome(faces):
    return classification_outcomes(faces, "gender_real", "guess")


@pytest.fixture(scope="module")
def shares(faces, outcome):
    return activation_shares(faces, "gender_real", outcome)


@pytest.fixture(scope="module")
def chance(faces, outcome):
    rng = np.random.default_rng(2)
    kinds = {"of others": 0.2, "anywhere": 0.05}
    tables = [
        beside_chance(faces, rng.random((99, 400, 8)) < rate, "gender_real", outcome).assign(chance=kind)
        for kind, rate in kinds.items()
    ]
    return pd.concat(tables, ignore_index=True)


@pytest.fixture(scope="module")
def bias(faces, outcome):
    return bias_table(faces, "gender_real", outcome, resampling=Resampling(1, 99, 199))


def marks(axes, marker):
    """(x, y) of all marks of a kind, in their order."""
    lines = [line for line in axes.lines if line.get_marker() == marker]
    return [(x, y) for line in lines for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)]


def segments(axes):
    bars = [part for part in axes.collections if isinstance(part, LineCollection)]
    return [tuple(segment[:, 0]) for bar in bars for segment in bar.get_segments()]


def test_shares_and_chance_are_drawn_where_they_lie(shares, chance):
    figure = activity(shares, chance[chance["gender_real"] != "all"], "gender_real", "found")
    assert [axes.get_title(loc="left") for axes in figure.axes] == OUTCOMES
    for axes, outcome in zip(figure.axes, OUTCOMES, strict=True):
        for gender in ("Female", "Male"):
            look = style.group_look(["Female", "Male"])[gender]
            rows = shares[(shares["outcome"] == outcome) & (shares["gender_real"] == gender)].set_index("region")
            drawn = [x for x, _ in marks(axes, look["marker"])]
            assert drawn == pytest.approx([100 * rows.loc[region, "share"] for region in BOX_REGIONS])
            null = chance[(chance["outcome"] == outcome) & (chance["gender_real"] == gender)].set_index("region")
            of_others, anywhere = (null[null["chance"] == kind] for kind in ("of others", "anywhere"))
            for region in BOX_REGIONS:
                low, high = 100 * of_others.loc[region, ["null_low", "null_high"]].astype(float)
                assert any(segment == pytest.approx((low, high)) for segment in segments(axes))
                mean = 100 * anywhere.loc[region, "null_mean"]
                assert any(x == pytest.approx(mean) for x, _ in marks(axes, "|"))
        assert axes.get_xlim()[0] == 0 and axes.get_xlim()[1] > 100 * shares["high"].max()
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == [part_name(name) for name in BOX_REGIONS]
    assert style.overlapping_texts(figure) == [] and figure.get_figwidth() == style.FULL


def test_differences_and_what_is_told_apart(bias):
    figure = differences(bias, "found")
    nose = BOX_REGIONS.index("nose")
    for axes, outcome in zip(figure.axes, OUTCOMES, strict=True):
        rows = bias[(bias["outcome"] == outcome) & (bias["region"] != "all")].set_index("region")
        drawn = marks(axes, "o")
        assert [x for x, _ in drawn] == pytest.approx([100 * rows.loc[region, "difference"] for region in BOX_REGIONS])
        assert [y for _, y in drawn] == list(range(len(BOX_REGIONS)))
        heavy = [line.get_ydata()[0] for line in axes.lines if line.get_markersize() == style.HEAVY["markersize"]]
        assert heavy == [BOX_REGIONS.index(region) for region in BOX_REGIONS if rows.loc[region, "p_holm"] < 0.05]
        assert (nose in heavy) == (outcome == "misclassified")
        end = 100 * rows.loc["lips", "score_high"]
        assert any(segment == pytest.approx((-end, end)) for segment in segments(axes))
    assert "Female − Male" in figure.axes[0].get_xlabel()
    assert style.overlapping_texts(figure) == []


def test_few_faces_are_hollow_and_none_leave_no_mark(faces, outcome):
    few = faces.groupby(["gender_real", "guess"]).head(20).index
    table = bias_table(faces.loc[few], "gender_real", outcome[few], resampling=Resampling(1, 99, 99))
    figure = differences(table, "found")
    assert {line.get_markerfacecolor() for axes in figure.axes for line in axes.lines if line.get_marker() == "o"} == {
        "white"
    }
    assert any("hollow" in text.get_text() for text in figure.legends[0].get_texts())
    women = faces[faces["gender_real"] == "Female"]
    lone = activation_shares(women, "gender_real", outcome[women.index])
    nobody = lone.assign(share=np.nan, low=np.nan, high=np.nan)
    columns = ["chance", "outcome", "gender_real", "region", "null_mean", "null_low", "null_high"]
    figure = activity(nobody, pd.DataFrame(columns=columns), "gender_real", "found")
    assert all(marks(axes, "^") == marks(axes, "o") == [] for axes in figure.axes)


def test_missing_columns(shares, chance, bias):
    with pytest.raises(UsageError, match="null_mean"):
        activity(shares, chance.drop(columns="null_mean"), "gender_real", "found")
    with pytest.raises(UsageError, match="score_high"):
        differences(bias.drop(columns="score_high"), "found")
