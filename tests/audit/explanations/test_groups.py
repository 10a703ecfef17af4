"""What of the differences between masks goes with groups: as counted map by map, and error rates on simulated masks."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from age_audit.audit.explanations.groups import group_table
from age_audit.core.randomness import stream
from age_audit.stats.correlations import pearson_r


def frame_of(groups, levels):
    return pd.DataFrame({"race": pd.Categorical(groups), "age_range": pd.Categorical(levels)})


def random_maps(count, rng):
    return rng.normal(size=(count, 5)).astype(np.float32)


def share_between(maps, groups):
    total = ((maps - maps.mean(axis=0)) ** 2).sum()
    parts = [maps[groups == group] for group in np.unique(groups)]
    within = sum(((part - part.mean(axis=0)) ** 2).sum() for part in parts)
    return total - within, total


def test_as_counted_map_by_map():
    rng = np.random.default_rng(0)
    groups = np.array(["a", "b", "c", "a", "b", "c", "a", "lone"] * 4)
    levels = np.repeat(["young", "old"], 16)
    groups[groups == "lone"] = ["d", "d", "d", "e"]  # "d" has 2 faces at young, "d" and "e" one each at old
    maps = random_maps(32, rng)
    table = group_table(maps, frame_of(groups, levels), "race", "age_range", seed=4, permutations=25)
    table = table.set_index("age_range")
    rng = stream(4, "masks of groups")
    between, total = np.zeros(26), 0
    codes = pd.Categorical(groups).codes
    for level in ("old", "young"):
        inside = levels == level
        if level == "old":
            inside &= np.isin(groups, list("abc"))
        dealt = np.vstack([codes[inside], rng.permuted(np.tile(codes[inside], (25, 1)), axis=1)])
        values = maps[inside].astype(float)
        found = np.array([share_between(values, deal) for deal in dealt])
        shares, row = found[:, 0] / found[:, 1], table.loc[level]
        assert (row["n"], row["groups"]) == (inside.sum(), 3 if level == "old" else 4) and row["few_faces"]
        assert row["explained"] == pytest.approx(shares[0])
        assert row["explained_shuffled"] == pytest.approx(shares[1:].mean())
        assert row["p_value"] == (1 + (shares[1:] >= shares[0] - 1e-9).sum()) / 26
        means = [values[codes[inside] == code].mean(axis=0) for code in np.unique(codes[inside])]
        shuffled = []
        for deal in dealt[1:]:
            means = [values[deal == code].mean(axis=0) for code in np.unique(deal)]
            shuffled.append(np.mean([pearson_r(*pair) for pair in combinations(means, 2)]))
        assert row["r_between_shuffled"] == pytest.approx(np.mean(shuffled))
        means = [values[codes[inside] == code].mean(axis=0) for code in np.unique(codes[inside])]
        assert row["r_between"] == pytest.approx(np.mean([pearson_r(*pair) for pair in combinations(means, 2)]))
        between, total = between + found[:, 0], total + found[0, 1]
    shares = between / total
    assert table.loc["all", "r_between"] == pytest.approx(table["r_between"][:2].mean())
    assert table.loc["all", "explained"] == pytest.approx(shares[0]) and table.loc["all", "groups"] == 7
    assert table.loc["all", "p_value"] == (1 + (shares[1:] >= shares[0] - 1e-9).sum()) / 26


def test_how_strong_masks_are_does_not_matter_and_faces_without_a_group_do_not_count():
    maps = np.array([[0.1, 0], [0.1, 0], [-0.1, 0], [-0.1, 0], [0, 5], [0, -7]])
    frame = frame_of([*"aabb", None, None], ["x"] * 6)
    table = group_table(maps, frame, "race", "age_range", seed=1, permutations=9)
    assert table["explained"].tolist() == pytest.approx([1, 1]) and table["groups"].tolist() == [2, 2]


def test_by_hand():
    maps = np.array([[1.0, 0], [1, 0], [-1, 0], [-1, 0]])  # all that differs goes with the group
    table = group_table(maps, frame_of(list("aabb"), ["x"] * 4), "race", "age_range", seed=1, permutations=300)
    assert table["explained"].tolist() == [1, 1] and table["r_between"][0] == pytest.approx(-1)
    assert table["p_value"][0] == pytest.approx(1 / 3, abs=0.09)  # 2 of 6 ways to deal the labels


@pytest.mark.parametrize(("count", "few"), [(29, True), (30, False)])
def test_few_are_fewer_than_thirty_in_some_group(count, few):
    groups = ["a"] * 31 + ["b"] * count
    maps = random_maps(31 + count, np.random.default_rng(1))
    table = group_table(maps, frame_of(groups, ["x"] * len(groups)), "race", "age_range", seed=1, permutations=9)
    assert table["few_faces"].tolist() == [few, few] and table["n"].tolist() == [31 + count] * 2


@pytest.mark.parametrize("groups", [[], ["a"], ["a", "b"], ["a", "a", None], ["a", "a", "a"]])
def test_fewer_than_two_groups(groups):
    levels = pd.Categorical(["x"] * len(groups), categories=["x"])
    frame = pd.DataFrame({"race": pd.Categorical(groups, categories=["a", "b"]), "age_range": levels})
    table = group_table(np.ones((len(groups), 4)), frame, "race", "age_range", seed=1, permutations=9)
    assert table["n"].tolist() == table["groups"].tolist() == [0, 0] and table["few_faces"].all()
    assert table[["explained", "p_value", "p_holm", "r_between"]].isna().all(axis=None)


def test_masks_that_are_all_alike():
    with np.errstate(all="raise"):
        frame = frame_of(list("aabb"), ["x"] * 4)
        table = group_table(np.ones((4, 3)), frame, "race", "age_range", seed=1, permutations=9)
    assert table["n"].tolist() == [4, 4] and table[["explained", "p_value"]].isna().all(axis=None)


@pytest.mark.long
def test_false_positives_and_power():
    rng = np.random.default_rng(5)
    levels, groups = np.repeat(["x", "y"], 30), np.tile(list("abc"), 20)
    null, planted = [], []
    for seed in range(300):
        maps = random_maps(60, rng)
        table = group_table(maps, frame_of(groups, levels), "race", "age_range", seed=seed, permutations=99)
        null.append(table["p_value"] <= 0.05)
    levels, groups = np.repeat(levels, 2), np.tile(groups, 2)
    for seed in range(40):
        maps = random_maps(120, rng)
        maps[groups == "a", 0] += 1.25  # standard deviations, in one place of five
        table = group_table(maps, frame_of(groups, levels), "race", "age_range", seed=seed, permutations=99)
        planted.append(table["p_value"].iloc[-1] <= 0.05)
    assert 0.03 <= np.mean(null) <= 0.07  # of both levels and of their sum
    assert np.mean(planted) >= 0.9
