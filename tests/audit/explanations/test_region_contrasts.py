"""Contrasts of regions: by hand, and how often they find what is there and what is not."""

import numpy as np
import pandas as pd
import pytest

from age_audit.audit.explanations.region_contrasts import region_contrasts, strongest
from age_audit.core.errors import UsageError
from age_audit.core.randomness import Resampling
from age_audit.regions.polygons import REGIONS

FEW = Resampling(seed=3, draws=99, permutations=999)


def faces(values, groups):
    """A frame of one region, ``a``."""
    return pd.DataFrame({"years_a": values, "group": groups})


def drawn(rng, n, groups=2, spread=1.0):
    """Faces of n a group whose regions depend on each other as neighbours do, and on no group."""
    common = rng.normal(size=(groups * n, 1))
    frame = pd.DataFrame(
        spread * (rng.standard_t(4, size=(groups * n, 13)) + common), columns=[f"years_{region}" for region in REGIONS]
    )
    return frame.assign(group=np.repeat(list("xyzw")[:groups], n))


def test_by_hand():
    frame = faces([1, -2, 3, 5, -5], list("xxyyy"))
    table = region_contrasts(frame, "group", regions=["a"], resampling=FEW).set_index("measure")
    assert table["group"].tolist() == ["x", "x"] and table["others"].tolist() == ["y", "y"]
    assert table[["n", "n_others"]].to_numpy().tolist() == [[2, 3]] * 2
    assert table["mean"].tolist() == [-0.5, 1.5]
    assert table["mean_others"].tolist() == pytest.approx([1, 13 / 3])
    assert table["difference"].tolist() == pytest.approx([-1.5, 1.5 - 13 / 3])
    # variances 4.5 and 28 of 2 and 3 faces: (4.5 + 56) / 3
    assert table.loc["signed", "d"] == pytest.approx(-1.5 / np.sqrt(60.5 / 3))
    # size: of the 10 ways to deal two of 1, 2, 3, 5, 5 only 1 and 2, and 5 and 5, are as far from the other three
    assert table.loc["size", "p_value"] == pytest.approx(0.2)
    assert table["few_faces"].all()


def test_values_without_signs_are_tested_once():
    table = region_contrasts(faces([1, 2, 3, 5], list("xxyy")), "group", regions=["a"], resampling=FEW)
    assert table["measure"].tolist() == ["size"]


def test_of_three_groups_each_is_compared_with_the_others():
    table = region_contrasts(faces([1, -2, 3, 5, 7, 8], list("xxyyzz")), "group", regions=["a"], resampling=FEW)
    assert table["group"].tolist() == list("xxyyzz") and set(table["others"]) == {"others"}
    assert table["n_others"].tolist() == [4] * 6
    assert (table["p_holm"] >= table["p_value"]).all()


def test_faces_without_a_group_or_a_number_are_left_out():
    frame = faces([1, -2, 9, 3, 5, np.nan], ["x", "x", None, "y", "y", "y"])
    table = region_contrasts(frame, "group", regions=["a"], resampling=FEW)
    assert table.loc[0, ["n", "n_others"]].tolist() == [2, 2] and table.loc[0, "mean_others"] == 4


def test_a_lone_face_has_no_p_value():
    table = region_contrasts(faces([1, -3, 5], list("xyy")), "group", regions=["a"], resampling=FEW)
    assert table[["p_value", "p_holm", "d"]].isna().all(axis=None) and strongest(table) is None


def test_a_missing_column_is_named():
    with pytest.raises(UsageError, match="years_b"):
        region_contrasts(faces([1], ["x"]), "group", regions=["b"], resampling=FEW)


def test_no_face_at_all_is_said():
    with pytest.raises(UsageError, match="got none of 2"):
        region_contrasts(faces([1, np.nan], [None, "x"]), "group", regions=["a"], resampling=FEW)


@pytest.mark.parametrize("flawed", ["x", "y"])
@pytest.mark.parametrize("years", [2.0, -2.0])
def test_names_the_group_whose_faces_the_region_moves(flawed, years):
    frame = drawn(np.random.default_rng(5), 60, spread=0.3)
    frame.loc[frame["group"] == flawed, "years_chin"] += years
    found = strongest(region_contrasts(frame, "group", resampling=FEW, intervals=False))
    assert (found.group, found.region) == (flawed, "chin")
    assert found.row["difference"] != 0 and np.isnan(found.row["low"])


@pytest.mark.long
@pytest.mark.parametrize("groups", [2, 3])
def test_at_most_five_in_a_hundred_audits_of_nothing_find_something(groups):
    rng = np.random.default_rng(6)
    alarms = 0
    for seed in range(200):
        resampling = Resampling(seed=seed, permutations=1999)
        table = region_contrasts(drawn(rng, 20, groups), "group", resampling=resampling, intervals=False)
        alarms += strongest(table) is not None
    assert alarms <= 17  # binomial: of 200 at 5 % in 2.5 % of cases more


def test_finds_nine_in_ten_of_a_large_effect():
    """A shift of one standard deviation, 60 faces a group: the expected z of a row is 5.5, Holm asks for 3.1."""
    rng = np.random.default_rng(7)
    right = 0
    for seed in range(50):
        frame = drawn(rng, 60)
        frame.loc[frame["group"] == "y", "years_nose"] += frame["years_nose"].std()
        found = strongest(
            region_contrasts(frame, "group", resampling=Resampling(seed=seed, permutations=999), intervals=False)
        )
        right += found is not None and found.region == "nose"
    assert right >= 45


def test_the_same_seed_gives_the_same_table():
    frame = drawn(np.random.default_rng(8), 10)
    pd.testing.assert_frame_equal(
        region_contrasts(frame, "group", resampling=FEW), region_contrasts(frame, "group", resampling=FEW)
    )
