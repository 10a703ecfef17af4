"""Rank correlations at equal ages against a literal twin, and errors in fifths of quality."""

import warnings

import numpy as np
import pandas as pd
import pytest
import scipy

from age_audit.audit.dataset.quality_and_error import (
    BANDS,
    error_by_quality_band,
    partial_rank_correlations,
    quality_associations,
    quality_bands,
)
from age_audit.core.errors import UsageError
from age_audit.core.randomness import Resampling
from age_audit.stats.linear import bent_line

DRAWN = {"resampling": Resampling(seed=1, draws=200)}


def faces(count, seed, effect=0.0):
    """Blur and error both grow with age; beyond that the error grows by ``effect`` with each SD of blur."""
    rng = np.random.default_rng(seed)
    age = rng.integers(1, 90, count).astype(float)
    blur = rng.normal(size=count)
    error = 10 + age / 10 + effect * blur + rng.normal(size=count)
    columns = {"age_real": age, "age_estimation": age + error, "blur": blur + age / 20}
    return pd.DataFrame(columns | {"gender_real": rng.choice(["Male", "Female"], count)})


def literal_correlation(x, y, design, weights):
    """Each face as often as its weight says, ranked, freed of the design by least squares, and correlated."""
    often = np.repeat(np.arange(len(x)), weights)
    left = []
    for values in (x, y):
        ranks, columns = scipy.stats.rankdata(values[often]), design[often]
        left.append(ranks - columns @ np.linalg.lstsq(columns, ranks, rcond=None)[0])
    return scipy.stats.pearsonr(*left).statistic


def test_is_the_literal_partial_rank_correlation():
    rng = np.random.default_rng(1)
    age, columns = rng.integers(1, 90, 50), rng.normal(size=(3, 50)).round(1)  # with ties
    columns[1] += columns[0]
    weights = np.vstack([np.ones(50, dtype=int), rng.multinomial(50, np.full(50, 1 / 50), size=3)])
    found = partial_rank_correlations(columns, bent_line(age), weights.astype(float))
    expected = [[literal_correlation(columns[0], y, bent_line(age), w) for y in columns[1:]] for w in weights]
    np.testing.assert_allclose(found, expected, atol=1e-9)
    assert found[0, 0] > 0.5


def test_what_never_varies_has_no_correlation():
    columns = np.array([[1.0, 1, 1, 1], [1, 2, 3, 4]])
    assert np.isnan(partial_rank_correlations(columns, np.ones((4, 1)), np.ones((1, 4)))).all()
    age = np.arange(4.0)
    determined = partial_rank_correlations(np.stack([age, [1.0, 3, 2, 0]]), bent_line(age, 1), np.ones((1, 4)))
    assert np.isnan(determined).all()


def test_age_alone_makes_no_correlation_and_quality_does():
    by_age = quality_associations(faces(800, 1), ["blur"], **DRAWN).set_index("error")
    assert abs(scipy.stats.spearmanr(*faces(800, 1)[["blur", "age_real"]].to_numpy().T).statistic) > 0.5
    assert by_age.loc["absolute_error", "low"] < 0 < by_age.loc["absolute_error", "high"]
    table = quality_associations(faces(800, 1, effect=0.5), ["blur"], "gender_real", **DRAWN)
    assert list(table["group"]) == ["all", "Female", "Male"] * 2 and (table["p_value"] < 0.001).all()
    assert table["rank_correlation"].to_numpy() == pytest.approx(0.45, abs=0.1)
    np.testing.assert_allclose(table.loc[:2, "p_holm"], scipy_holm(table.loc[:2, "p_value"]))


def scipy_holm(p_values):
    order = np.argsort(p_values.to_numpy())
    adjusted = np.maximum.accumulate(p_values.to_numpy()[order] * np.arange(len(order), 0, -1))
    return np.minimum(adjusted, 1)[np.argsort(order)]


def test_few_faces_and_missing_measures():
    frame = faces(100, 2)
    frame.loc[:79, "blur"] = np.nan
    table = quality_associations(frame, ["blur"], **DRAWN)
    assert list(table["n"]) == [20, 20] and table["few_faces"].all()
    assert table[["rank_correlation", "low", "p_value", "p_holm"]].isna().all(axis=None)
    assert (table["refused"] == "few faces").all()
    with pytest.raises(UsageError, match="sharpness"):
        quality_associations(frame, ["sharpness"], **DRAWN)


@pytest.mark.parametrize("sign", [1, -1])
def test_ranks_that_agree_throughout_have_an_interval(sign):
    frame = faces(50, 2).assign(age_real=30.0)  # of one age, so that nothing is taken off
    frame["blur"] = sign * (frame["age_estimation"] - 30).abs()
    row = quality_associations(frame, ["blur"], **DRAWN).iloc[0]
    below, error = 1 - 12 / (50 * (50**2 - 1)), np.sqrt((1 + (1 - 12 / (50 * (50**2 - 1))) ** 2 / 2) / 47)
    end = np.tanh(np.arctanh(below) - scipy.stats.norm.ppf(0.975) * error)
    assert row["rank_correlation"] == pytest.approx(sign) and row["refused"] == ""
    assert sorted([sign * row["low"], sign * row["high"]]) == pytest.approx([end, 1]) and end < 1
    assert row["p_value"] < 1e-9 and np.isfinite(row["p_holm"])


def test_draws_that_agree_throughout_leave_an_interval_of_what_hardly_does_not():
    frame = faces(40, 2).assign(age_real=30.0)
    frame["blur"] = (frame["age_estimation"] - 30).abs()
    order = frame["blur"].sort_values().index
    frame.loc[order[:2], "blur"] = frame.loc[order[1::-1], "blur"].to_numpy()  # one draw in seven lacks both
    row = quality_associations(frame, ["blur"], **DRAWN).iloc[0]
    assert 0.99 < row["low"] < row["rank_correlation"] < row["high"] < 1


def test_what_does_not_vary_is_refused_in_words_and_without_a_warning():
    frame = faces(100, 2).assign(level=3.0)
    with np.errstate(all="raise"), warnings.catch_warnings():
        warnings.simplefilter("error")
        table = quality_associations(frame, ["level", "blur"], **DRAWN)
    assert list(table["refused"]) == ["no spread", ""] * 2
    assert table.loc[0, ["rank_correlation", "low", "high", "p_value", "p_holm"]].isna().all()
    assert table.loc[1, ["rank_correlation", "low", "high", "p_value", "p_holm"]].notna().all()
    same = frame.assign(age_estimation=frame["age_real"] + 5)  # no error varies
    assert (quality_associations(same, ["blur"], **DRAWN)["refused"] == "no spread").all()


def test_three_clusters_are_few_however_many_faces_they_have():
    frame = faces(90, 2).assign(cluster=np.arange(90) % 3)
    table = quality_associations(frame, ["blur"], clusters="cluster", **DRAWN)
    assert (table["refused"] == "few faces").all() and table["low"].isna().all()


def test_copies_widen_the_interval():
    frame = faces(60, 3, effect=1).assign(cluster=np.arange(60))
    copied = pd.concat([frame] * 4, ignore_index=True)
    widths = [
        (table["high"] - table["low"])[0]
        for table in (
            quality_associations(frame, ["blur"], **DRAWN),
            quality_associations(copied, ["blur"], clusters="cluster", **DRAWN),
            quality_associations(copied, ["blur"], **DRAWN),
        )
    ]
    assert widths[1] == pytest.approx(widths[0], rel=0.15) and widths[2] < 0.7 * widths[0]


@pytest.mark.long
def test_false_positives_are_as_rare_as_they_should_be():
    few = Resampling(seed=1, draws=100)
    found = [quality_associations(faces(150, seed), ["blur"], resampling=few)["p_value"][0] for seed in range(250)]
    assert 0.025 <= np.mean(np.array(found) <= 0.05) <= 0.08


def test_fifths_share_equal_values():
    bands = quality_bands(pd.Series([1.0] * 6 + [2, 3, 4, 5, np.nan]))
    assert list(bands[:6]) == [BANDS[1]] * 6  # whose middle is at 0.3
    assert list(bands[6:10]) == [BANDS[3], BANDS[3], BANDS[4], BANDS[4]]
    assert bands.isna().tolist() == [False] * 10 + [True]


def test_errors_in_fifths_of_all_faces():
    frame = faces(500, 4)
    frame.loc[0, "age_estimation"] = np.nan
    table = error_by_quality_band(frame, ["blur"], ["gender_real"], **DRAWN)
    used = frame.iloc[1:].sort_values("blur")
    parts = np.array_split(used.assign(error=(used["age_estimation"] - used["age_real"]).abs()), 5)
    mae = table[table["measure"] == "mean_absolute_error"]
    everyone = mae[mae["feature"] == "all"]
    assert everyone["n"].sum() == 499 and list(everyone["band"]) == list(BANDS)
    edges = [abs(a - b) for a, b in zip(everyone["n"], map(len, parts), strict=True)]
    assert max(edges) <= 1  # 499 do not divide by five
    women = mae[(mae["group"] == "Female") & (mae["band"] == "middle fifth")].iloc[0]
    lowest, highest = women["lowest_value"], women["highest_value"]
    chosen = used[used["blur"].between(lowest, highest) & (used["gender_real"] == "Female")]
    errors = (chosen["age_estimation"] - chosen["age_real"]).abs()
    assert women["n"] == len(errors) and women["value"] == pytest.approx(errors.mean())
    assert women["low"] < women["value"] < women["high"]


def test_fifths_at_equal_ages():
    frame = faces(4000, 5)  # blur grows with age, and the error with age alone
    frame["blur"] -= frame["age_real"] / 40
    table = error_by_quality_band(frame, ["blur"], **DRAWN)
    mae = table[table["measure"] == "mean_absolute_error"].set_index("band")
    assert mae.loc[BANDS[4], "value"] > mae.loc[BANDS[0], "value"] + 3
    assert np.ptp(mae["equal_age"]) < 0.3 and (mae["age_gap"].abs() < 1).all()
