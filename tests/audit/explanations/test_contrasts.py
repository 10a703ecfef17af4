"""Differences between mean masks: as counted map by map, by hand, and error rates on simulated masks."""

import numpy as np
import pandas as pd
import pytest

from age_audit.audit.explanations.contrasts import contrast_summary, contrast_table
from age_audit.core.errors import UsageError
from age_audit.core.randomness import stream
from age_audit.stats.correlations import pearson_r
from age_audit.study.heatmaps import compared_heatmap


def smooth_maps(count, rng):
    """Signs of a coarse random picture each: 6 x 6 places that say the same in squares of 2 x 2."""
    return np.sign(rng.normal(size=(count, 3, 3))).repeat(2, axis=1).repeat(2, axis=2).astype(np.float32)


def panels(*sizes):
    return pd.DataFrame({"race": pd.Categorical(np.repeat(list("xyz")[: len(sizes)], sizes), categories=list("xyz"))})


def test_as_counted_map_by_map():
    rng = np.random.default_rng(0)
    maps, frame = smooth_maps(23, rng), panels(12, 10, 1)
    first = rng.random(23) < 0.5
    table = contrast_table(maps, first, frame, ["race"], seed=5, permutations=30, splits=8).set_index("race")
    rng, flat = stream(5, "contrasts of masks"), maps.reshape(23, -1).astype(float)
    weighted, weights = 0, 0
    for race in "xy":
        inside = (frame["race"] == race).to_numpy()
        values, labels = flat[inside], first[inside]
        dealt = np.vstack([labels, rng.permuted(np.tile(labels, (30, 1)), axis=1)])
        differences = np.array([values[deal].mean(axis=0) - values[~deal].mean(axis=0) for deal in dealt])
        sizes = np.sqrt((differences**2).mean(axis=1))
        row = table.loc[race]
        assert [row["n_first"], row["n_second"]] == [labels.sum(), (~labels).sum()] and row["few_faces"]
        assert row["size"] == pytest.approx(sizes[0], rel=1e-5)
        assert row["size_shuffled"] == pytest.approx(sizes[1:].mean(), rel=1e-5)
        assert row["p_value"] == (1 + (sizes[1:] >= sizes[0] - 1e-6).sum()) / 31
        heatmaps = [
            compared_heatmap(values[deal].sum(axis=0)[None], values[~deal].sum(axis=0)[None], "accurate")
            for deal in dealt
        ]
        correlations = [pearson_r(heatmap[0], heatmaps[0][0]) for heatmap in heatmaps[1:]]
        assert row["r_shuffled"] == pytest.approx(np.nanmean(correlations), abs=1e-5)
        expected, mean_r = literal_halves(values[labels], values[~labels], rng, 8)
        assert row["split_half_r"] == pytest.approx(expected, abs=1e-5)
        assert row["split_half_r_mean"] == pytest.approx(mean_r, abs=1e-5)
        weight = labels.sum() * (~labels).sum() / len(labels)
        weighted, weights = weighted + weight * differences, weights + weight
    sizes = np.sqrt(((weighted / weights) ** 2).mean(axis=1))
    row = table.loc["all"]
    assert row["size"] == pytest.approx(sizes[0], rel=1e-5) and row["n_first"] + row["n_second"] == 22
    assert row["p_value"] == (1 + (sizes[1:] >= sizes[0] - 1e-6).sum()) / 31
    assert table.loc["z", ["size", "p_value", "p_holm", "split_half_r"]].isna().all()


def literal_halves(first, second, rng, splits):
    dealt = [
        rng.permuted(np.tile(np.arange(len(part)) < len(part) // 2, (splits, 1)), axis=1) for part in (first, second)
    ]
    correlations, together = [], []
    for one, other in zip(*dealt, strict=True):
        halves = [(first[one], second[other]), (first[~one], second[~other])]
        correlations.append(pearson_r(*[a.mean(axis=0) - b.mean(axis=0) for a, b in halves]))
        together.append(pearson_r(*[np.vstack(half).mean(axis=0) for half in halves]))
    return np.nanmean(correlations), np.nanmean(together)


def test_by_hand():
    maps = np.array([[1, 1], [1, 1], [-1, 1], [-1, 1]])  # they differ by 2 in the first place, by 0 in the second
    table = contrast_table(maps, [True, True, False, False], panels(4), ["race"], seed=1, permutations=400, splits=4)
    assert table["size"].tolist()[0] == pytest.approx(np.sqrt(2)) == table["size"].tolist()[-1]
    assert table["p_value"][0] == pytest.approx(1 / 3, abs=0.08)  # 2 of the 6 ways to deal the labels do as much
    assert table["split_half_r"][0] == pytest.approx(1)  # any halves give the same difference
    assert table["split_half_r"].iloc[-1] == pytest.approx(1)
    assert table[["split_half_r_mean", "r_shuffled"]].iloc[-1].isna().all()


@pytest.mark.parametrize(("count", "few"), [(29, True), (30, False)])
def test_few_are_fewer_than_thirty_of_either_kind(count, few):
    first = np.arange(60 + count) < 30 + count
    for kind in (first, ~first):
        maps = np.random.default_rng(1).normal(size=(60 + count, 3))
        options = {"seed": 1, "permutations": 9, "splits": 1}
        table = contrast_table(maps[30:], kind[30:], panels(30 + count), ["race"], **options)
        assert table["few_faces"].tolist() == [few, True, True, few]


def test_two_faces_of_a_kind_are_enough():
    maps = np.random.default_rng(1).normal(size=(5, 3))
    table = contrast_table(
        maps, [True, True, False, False, False], panels(5), ["race"], seed=1, permutations=9, splits=2
    )
    assert table["n_first"].tolist() == [2, 0, 0, 2] and table["n_second"].tolist() == [3, 0, 0, 3]
    expected = np.sqrt(((maps[:2].mean(axis=0) - maps[2:].mean(axis=0)) ** 2).mean())
    assert table["size"].tolist()[::3] == pytest.approx([expected, expected])


def test_holm_counts_panels_and_not_their_sum():
    rng = np.random.default_rng(1)
    table = contrast_table(
        smooth_maps(40, rng), rng.random(40) < 0.5, panels(20, 20), ["race"], seed=2, permutations=99
    )
    tested = np.sort(table["p_value"][:2])
    expected = np.minimum(np.maximum.accumulate(tested * [2, 1]), 1)
    assert np.sort(table["p_holm"][:2]).tolist() == pytest.approx(expected.tolist())
    assert table["p_holm"].iloc[-1] == table["p_value"].iloc[-1]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_few_faces(count):
    first = np.arange(count) == 0
    table = contrast_table(np.ones((count, 2, 2)), first, panels(count), ["race"], seed=1, permutations=9)
    assert table[["size", "p_value", "p_holm", "split_half_r"]].isna().all(axis=None) and table["few_faces"].all()
    assert table["n_first"].tolist() == [min(count, 1), 0, 0, 0]


def test_masks_that_are_all_alike():
    table = contrast_table(np.ones((6, 2, 2)), np.arange(6) < 3, panels(6), ["race"], seed=1, permutations=9, splits=2)
    assert table["size"][0] == 0 and table["p_value"][0] == 1 and np.isnan(table["split_half_r"][0])


def test_masks_of_nothing():
    maps = np.zeros((6, 2, 2))  # the study's heatmap has no answer: its largest value is 0
    with np.errstate(all="raise"):
        table = contrast_table(maps, np.arange(6) < 3, panels(6), ["race"], seed=1, permutations=9, splits=2)
    assert table["size"][0] == 0 and np.isnan(table["r_shuffled"][0])


def test_splits_that_nobody_names():
    maps, first = smooth_maps(12, np.random.default_rng(2)), np.arange(12) % 2 == 0
    named = contrast_table(maps, first, panels(12), ["race"], seed=1, permutations=9, splits=100)
    pd.testing.assert_frame_equal(contrast_table(maps, first, panels(12), ["race"], seed=1, permutations=9), named)


def test_what_does_not_fit():
    maps, frame = np.zeros((3, 4)), panels(3)
    with pytest.raises(ValueError, match="expected a map a row, 3, got 2"):
        contrast_table(maps[:2], [True] * 3, frame, ["race"], seed=1)
    with pytest.raises(ValueError, match=r"a label a row, shape \(3,\), got \(2,\)"):
        contrast_table(maps, [True] * 2, frame, ["race"], seed=1)
    with pytest.raises(UsageError, match="missing column"):
        contrast_table(maps, [True] * 3, frame, ["age_range"], seed=1)


@pytest.mark.long
def test_false_positives_and_power():
    rng = np.random.default_rng(3)
    null, planted = [], []
    for seed in range(300):
        maps, first = smooth_maps(40, rng), rng.random(40) < 0.4
        table = contrast_table(maps, first, panels(20, 20), ["race"], seed=seed, permutations=99, splits=1)
        null.append(table["p_value"][[0, 1, 3]] <= 0.05)
    for seed in range(40):
        maps, first = smooth_maps(180, rng), np.arange(180) % 2 == 0
        drawn_to = first & (rng.random(180) < 0.8)
        maps[drawn_to, :2, :2] = 1  # 8 in 10 of the first kind raise in one corner, a ninth of the picture
        table = contrast_table(maps, first, panels(90, 90), ["race"], seed=seed, permutations=99, splits=1)
        planted.append(table["p_value"].iloc[-1] <= 0.05)
    assert 0.03 <= np.mean(null) <= 0.07
    assert np.mean(planted) >= 0.9


def test_summary_by_hand():
    columns = ["n_first", "n_second", "size", "size_shuffled", "size_ratio", "p_value", "p_holm"]
    columns += ["split_half_r", "split_half_r_mean", "r_shuffled"]
    nan = float("nan")
    rows = [[5, 6, 0.4, 0.2, 2, 0.01, 0.02, 0.5, 0.6, 0.1], [7, 8, 0.2, 0.2, 1, 0.4, 0.4, 0.1, 0.4, 0.3]]
    rows += [[1, 9, *[nan] * 8], [12, 14, 0.3, 0.1, 3, 0.001, 0.001, 0.7, nan, nan]]
    (row,) = contrast_summary({"some": pd.DataFrame(rows, columns=columns)}).to_dict("records")
    assert {key: row[key] for key in ("masks", "n", "panels", "panels_found")} == {
        **{"masks": "some", "n": 26},
        **{"panels": 2, "panels_found": 1},
    }
    assert [row[key] for key in ("size_ratio", "split_half_r", "split_half_r_mean", "r_shuffled")] == pytest.approx(
        [1.5, 0.3, 0.5, 0.2]
    )
    assert [row[key] for key in ("size", "size_shuffled", "p_value", "split_half_r_all")] == [0.3, 0.1, 0.001, 0.7]


def test_summary_says_where_nothing_could_be_found():
    # With 9 permutations no p-value is below 1 / 10: two panels give 0.2 by Holm.
    rows = [[5, 5, 0.1, 0.1], [5, 5, 0.1, 0.1], [10, 10, 0.1, 0.1]]
    table = pd.DataFrame(rows, columns=["n_first", "n_second", "p_value", "p_holm"])
    for name in ("size", "size_shuffled", "size_ratio", "split_half_r", "split_half_r_mean", "r_shuffled"):
        table[name] = 1.0
    found = [contrast_summary({"a": table}, alpha, 9)["panels_found"][0] for alpha in (0.05, 0.2, 0.21)]
    assert np.isnan(found[:2]).all() and found[2] == 2
    assert contrast_summary({"a": table.assign(p_holm=0.05)})["panels_found"][0] == 0  # below, not at
    assert contrast_summary({"a": table.assign(p_holm=0.049)}, permutations=40)["panels_found"][0] == 2
    assert np.isnan(contrast_summary({"a": table}, permutations=39)["panels_found"][0])  # 2 / 40 is not below 0.05
