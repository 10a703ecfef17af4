"""Gaps that quality makes, does not make, or makes in part, and comparisons that nobody can make."""

import numpy as np
import pandas as pd
import pytest

from age_audit.audit.dataset.equal_quality import (
    MODEL,
    ROLES,
    STRATA,
    TOGETHER,
    VERDICTS,
    gaps_at_equal_quality,
    verdict,
)
from age_audit.core.errors import UsageError


def faces(count, seed, through_blur=0.0, beside_blur=0.0, apart=1.0):
    """Group b is more blurred by ``apart`` SDs, and errs more by ``through_blur`` with each SD and ``beside_blur``."""
    rng = np.random.default_rng(seed)
    race = rng.choice(["a", "b"], count)
    age = rng.integers(1, 90, count)
    blur = rng.normal(size=count) + apart * (race == "b")
    error = 12 + 0.05 * age + through_blur * blur + beside_blur * (race == "b") + rng.normal(size=count)
    frame = pd.DataFrame({"age_real": age, "age_estimation": age + error, "race_real": race, "blur": blur})
    return frame.assign(light=rng.normal(size=count))


def of_b(table, quality="blur"):
    return table[(table["group"] == "b") & (table["quality"] == quality)].set_index("way")


def test_a_gap_that_quality_makes_goes_away():
    table = of_b(gaps_at_equal_quality(faces(3000, 1, through_blur=1.5), "race_real", ["blur"]))
    assert (table["equal_age_low"] > 1).all()
    # Fifths leave a tenth (Cochran 1968); a curve leaves nothing.
    assert table.loc[STRATA, "share"] == pytest.approx(0.92, abs=0.05)
    assert table.loc[STRATA, "quality_gap"] < 0.15 * table.loc[STRATA, "quality_difference"]
    assert table.loc[MODEL, "share"] == pytest.approx(1, abs=0.05) and table.loc[MODEL, "verdict"] == "goes away"
    assert table.loc[MODEL, "share_low"] < 1 < table.loc[MODEL, "share_high"]


def test_a_gap_beside_quality_stays():
    table = of_b(gaps_at_equal_quality(faces(3000, 2, beside_blur=1.5), "race_real", ["blur", "light"]))
    assert set(table["verdict"]) == {"stays"}
    assert table["equal_quality"].to_numpy() == pytest.approx(1.5, abs=0.15)
    assert (table["share_low"] < 0).all() and (table["share_high"] < 0.15).all()


def test_a_gap_that_is_both_shrinks_and_a_hidden_one_appears():
    frame = faces(3000, 3, through_blur=1, beside_blur=1)
    table = of_b(gaps_at_equal_quality(frame, "race_real", ["blur"]))
    assert set(table["verdict"]) == {"shrinks"} and table.loc[MODEL, "share"] == pytest.approx(0.5, abs=0.06)
    hidden = of_b(gaps_at_equal_quality(faces(3000, 3, through_blur=1, beside_blur=-1.1), "race_real", ["blur"]))
    assert hidden.loc[MODEL, "verdict"] in ("appears", "grows") and hidden.loc[MODEL, "equal_quality_high"] < -0.9


def test_no_gap_has_no_share():
    table = gaps_at_equal_quality(faces(2000, 4), "race_real", ["blur", "light"])
    undecided = table[table["verdict"] == "undecided"]
    assert len(undecided) == 12 == len(table)
    assert undecided[["share", "share_low", "share_high"]].isna().all(axis=None)
    assert undecided["equal_quality"].notna().all()


def test_all_together_take_what_each_takes():
    frame = faces(4000, 5, through_blur=1)
    frame["light"] += frame["race_real"] == "b"
    frame["age_estimation"] += 1.5 * frame["light"]
    table = gaps_at_equal_quality(frame, "race_real", ["blur", "light"])
    shares = {quality: of_b(table, quality)["share"] for quality in ("blur", "light", TOGETHER)}
    assert shares["blur"][MODEL] == pytest.approx(0.4, abs=0.07) and shares["light"][MODEL] > 0.5
    assert shares[TOGETHER][MODEL] == pytest.approx(1, abs=0.05)
    assert shares[TOGETHER][STRATA] == pytest.approx(0.92, abs=0.06)
    assert list(of_b(table, TOGETHER)["role"]) == ["", ""] and list(of_b(table)["role"]) == ["either"] * 2


def test_of_two_groups_one_is_the_others_mirror():
    table = gaps_at_equal_quality(faces(800, 6, beside_blur=1), "race_real", ["blur", "light"])
    a, b = (table[table["group"] == group].reset_index(drop=True) for group in "ab")
    for name in ("gap_of_all", "gap", "equal_age", "equal_quality", "removed"):
        np.testing.assert_allclose(a[name], -b[name])
    np.testing.assert_allclose(a["share"], b["share"])
    assert list(a["verdict"]) == list(b["verdict"])


def test_strata_are_means_of_cells_weighted_by_their_share_of_all():
    frame = faces(1000, 7, through_blur=1, beside_blur=1).assign(age_real=30)
    frame["blur"] = np.ceil(frame["blur"].rank() / 200)  # fifths
    frame["error"] = (frame["age_estimation"] - frame["age_real"]).abs()
    row = of_b(gaps_at_equal_quality(frame, "race_real", ["blur"])).loc[STRATA]
    expected = variance = 0.0
    for _, cell in frame.groupby("blur"):
        sides = [cell.loc[cell["race_real"] == group, "error"] for group in "ba"]
        expected += len(cell) / 1000 * (sides[0].mean() - sides[1].mean())
        variance += (len(cell) / 1000) ** 2 * sum(side.var() / len(side) for side in sides)
    assert row["strata"] == 5 and row["n_group"] + row["n_other"] == 1000
    assert row["equal_quality"] == pytest.approx(expected)
    assert row["equal_quality_high"] - expected == pytest.approx(1.959964 * np.sqrt(variance))
    raw = frame.groupby("race_real")["error"].mean()
    assert [row["gap"], row["equal_age"], row["gap_of_all"]] == pytest.approx([raw["b"] - raw["a"]] * 3)
    assert row["quality_gap"] == pytest.approx(0, abs=1e-12)


def test_without_overlap_nothing_is_said():
    table = of_b(gaps_at_equal_quality(faces(600, 8, through_blur=1, apart=9.0), "race_real", ["blur"]))
    assert set(table["verdict"]) == {"too little overlap"} and table["equal_quality"].isna().all()
    assert (table["n_group"] < table["n_group_lost"]).all() and table["gap_of_all"].notna().all()


def test_faces_that_are_lost_are_counted():
    frame = faces(1000, 9, beside_blur=1, apart=2.5)
    frame.loc[:99, "blur"] = np.nan
    frame.loc[100, "age_estimation"] = np.nan
    frame.loc[101, "race_real"] = None
    table = of_b(gaps_at_equal_quality(frame, "race_real", ["blur"]))
    row = table.loc[STRATA]
    assert row[["n_group", "n_other", "n_group_lost", "n_other_lost"]].sum() == 998
    measured = frame.iloc[102:]
    fifth = pd.Series(np.ceil(measured["blur"].rank() / len(measured) * 5 - 1e-9), name="fifth")
    sizes = pd.crosstab(fifth, measured["race_real"])
    common = sizes[(sizes >= 10).all(axis=1)]
    assert len(common) < 5
    assert [row["n_group"], row["n_other"]] == pytest.approx([common["b"].sum(), common["a"].sum()], abs=2)


def test_ages_too_different_are_refused_by_strata_alone():
    frame = faces(400, 10, beside_blur=1)
    frame.loc[frame["race_real"] == "b", "age_real"] = 60
    frame.loc[frame["race_real"] == "a", "age_real"] = np.arange((frame["race_real"] == "a").sum()) % 59
    table = of_b(gaps_at_equal_quality(frame, "race_real", ["blur"]))
    assert table.loc[STRATA, "verdict"] == "ages too different" and np.isnan(table.loc[STRATA, "equal_quality"])
    assert table.loc[STRATA, "age_gap"] > 20 and table.loc[MODEL, "verdict"] != "ages too different"


def test_copies_do_not_make_it_surer():
    frame = faces(400, 11, beside_blur=0.5).assign(cluster=np.arange(400))
    copied = pd.concat([frame] * 3, ignore_index=True)
    one, unaware, aware = (
        of_b(gaps_at_equal_quality(of, "race_real", ["blur"], clusters=by)).loc[MODEL]
        for of, by in ((frame, None), (copied, None), (copied, "cluster"))
    )
    widths = [row["equal_quality_high"] - row["equal_quality_low"] for row in (one, unaware, aware)]
    assert widths[2] == pytest.approx(widths[0], rel=0.05) and widths[1] < 0.65 * widths[0]


@pytest.mark.parametrize(
    ("gap", "left", "gone", "words"),
    [
        ((2, 1, 3), (0, -1, 1), (2, 1, 3), "goes away"),
        ((-2, -3, -1), (-1, -2, -0.1), (-1, -2, -0.5), "shrinks"),
        ((2, 1, 3), (-1, -2, -0.1), (3, 2, 4), "reverses"),
        ((2, 1, 3), (3, 2, 4), (-1, -2, -0.1), "grows"),
        ((0, -1, 1), (1, 0.1, 2), (-1, -2, -0.1), "appears"),
        ((2, 1, 3), (2, 1, 3), (0, -1, 1), "stays"),
        ((2, 1, 3), (1, -1, 3), (1, -1, 3), "undecided"),
        ((1, -1, 3), (1, 0.1, 2), (0, -1, 1), "undecided"),
        ((np.nan,) * 3, (np.nan,) * 3, (np.nan,) * 3, "undecided"),
    ],
)
def test_what_becomes_of_a_gap(gap, left, gone, words):
    assert verdict(gap, left, gone) == words and words in VERDICTS


def test_what_is_missing():
    with pytest.raises(UsageError, match="sharpness"):
        gaps_at_equal_quality(faces(20, 1), "race_real", ["sharpness"])
    with pytest.raises(ValueError, match="at least one measure"):
        gaps_at_equal_quality(faces(20, 1), "race_real", [])
    assert set(ROLES.values()) == {"confounder", "mediator", "either"}


@pytest.mark.long
def test_covers_as_often_as_it_says():
    covered = {STRATA: 0, MODEL: 0}
    for seed in range(80):
        rng = np.random.default_rng(seed)
        race = rng.choice(["a", "b"], 300)
        blur = rng.integers(0, 3, 300) + rng.integers(0, 2, 300) * (race == "b")  # four values, each a stratum or two
        error = 12 + blur + (race == "b") + rng.normal(size=300) * (1 + (race == "b"))
        frame = pd.DataFrame({"age_real": 30, "age_estimation": 30 + error, "race_real": race, "blur": blur})
        for way, row in of_b(gaps_at_equal_quality(frame, "race_real", ["blur"])).iterrows():
            covered[way] += row["equal_quality_low"] < 1 < row["equal_quality_high"]
    assert all(0.88 <= count / 80 <= 0.99 for count in covered.values()), covered


def test_a_measure_that_does_not_vary_takes_nothing_away():
    frame = faces(600, 2, beside_blur=1.5).assign(width=200.0)
    table = of_b(gaps_at_equal_quality(frame, "race_real", ["width"]), "width")
    assert set(table["verdict"]) == {"stays"}
    assert (table[["removed", "removed_low", "removed_high"]] == 0).all(axis=None)


def test_a_string_is_no_list_of_measures():
    with pytest.raises(ValueError, match="expected a list of at least one measure of quality, got 'blur'"):
        gaps_at_equal_quality(faces(20, 1), "race_real", "blur")


def test_of_nobody_there_are_no_rows_but_all_columns():
    frame = faces(600, 2, beside_blur=1.5)
    empty, full = (gaps_at_equal_quality(of, "race_real", ["blur"]) for of in (frame[:0], frame))
    assert len(empty) == 0 and list(empty) == list(full)


def test_one_measure_has_no_row_of_all_together():
    table = gaps_at_equal_quality(faces(400, 1), "race_real", ["blur"])
    assert set(table["quality"]) == {"blur"} and len(table) == 4


def test_who_has_no_group_changes_nothing():
    frame = faces(600, 2, through_blur=1)
    stranger = faces(200, 3).assign(race_real=None, age_estimation=150.0)
    both = gaps_at_equal_quality(pd.concat([frame, stranger], ignore_index=True), "race_real", ["blur"])
    pd.testing.assert_frame_equal(both, gaps_at_equal_quality(frame, "race_real", ["blur"]))


def test_a_small_group_among_many_others_is_compared():
    frame = faces(4000, 4, beside_blur=2)
    few = frame[(frame["race_real"] == "a") | (np.arange(4000) % 20 == 0)]
    assert of_b(gaps_at_equal_quality(few, "race_real", ["blur"])).loc[MODEL, "verdict"] == "stays"


def test_the_difference_in_quality_is_one_of_places_among_all():
    table = of_b(gaps_at_equal_quality(faces(4000, 5), "race_real", ["blur"]))
    # Of two faces the one of b is the more blurred with probability 0.76: an SD of √2 between them.
    assert table.loc[STRATA, "quality_difference"] == pytest.approx(0.26, abs=0.02)


def test_a_share_that_may_be_nothing_or_all_is_not_told():
    table = of_b(gaps_at_equal_quality(faces(400, 3, beside_blur=0.3), "race_real", ["blur"]))
    shares = table[["share", "share_low", "share_high"]].isna().all(axis=1)  # of strata -1.9 to 0.8, else -0.7 to 0.2
    assert (table["equal_age_low"] > 0).all() and shares.to_dict() == {STRATA: True, MODEL: False}
