"""Log-ratios by hand, and associations that are there, that are not, and that only the sum of 1 makes."""

import numpy as np
import pandas as pd
import pytest

from age_audit.audit.explanations.associations import boundary_parts, share_associations
from age_audit.core.errors import UsageError
from age_audit.core.randomness import stream
from age_audit.core.vocabulary import FEATURES_FACIAL, KEYS_BOUNDARIES
from age_audit.stats.compositions import centred_log_ratios
from age_audit.stats.resampling import column_correlation_p_values


def test_boundary_parts_by_hand():
    row = dict.fromkeys(FEATURES_FACIAL, 0.25) | {FEATURES_FACIAL[0]: 1.15}  # mean 0.35
    row |= {"activation_left_pct_of_feature": 0.1, "activation_right_pct_of_feature": 0.05}
    row |= {"activation_top_pct_of_feature": 0.2, "activation_bottom_pct_of_feature": 0}
    parts = boundary_parts(pd.DataFrame([row, dict.fromkeys(row, 0)], index=[7, 9]))
    assert list(parts.columns) == KEYS_BOUNDARIES and list(parts.index) == [7, 9]
    np.testing.assert_allclose(parts.loc[7], [0.5, 1 / 7, 0.5 / 7, 2 / 7, 0])
    assert parts.loc[9].isna().all()
    assert boundary_parts(pd.DataFrame([row | {FEATURES_FACIAL[3]: np.nan}])).isna().all(axis=None)


PARTS = ["a", "b", "c"]


def simulated(count, seed, slope=0.0):
    """Three parts of independent sizes; the signed error grows with the logarithm of the first."""
    rng = np.random.default_rng(seed)
    sizes = rng.lognormal(0, 0.5, (count, 3))
    error = slope * np.log(sizes[:, 0]) + rng.normal(0, 1, count)
    columns = dict(zip(PARTS, sizes.T, strict=True))
    return pd.DataFrame(columns | {"signed_error": error, "absolute_error": np.abs(error)})


def by_estimate(seed, slope=0.0):
    """Children, taken for too old: error and first part grow with the estimate; ``slope`` is the part's own share."""
    rng = np.random.default_rng(seed)
    estimate = rng.uniform(0, 30, 120)
    sizes = rng.lognormal(0, 0.5, (120, 3))
    error = 2 + estimate**2 / 40 + slope * np.log(sizes[:, 0]) + rng.normal(0, 1.5, 120)
    sizes[:, 0] *= np.exp(estimate / 20)
    columns = dict(zip(PARTS, sizes.T, strict=True))
    return pd.DataFrame(columns | {"absolute_error": error, "age_estimation": estimate})


def associations(frame, **options):
    return share_associations(frame, PARTS, **({"seed": 1, "permutations": 199} | options))


class TestAssociations:
    def test_r_as_by_definition(self):
        frame = simulated(50, 1)
        row = associations(frame).iloc[1]
        shares = frame[PARTS].div(frame[PARTS].sum(axis=1), axis=0)
        ratio = np.log(shares["b"]) - np.log(shares).mean(axis=1)
        assert (row["segment"], row["error"], row["n"], row["zeros"]) == ("b", "signed_error", 50, 0)
        assert row["r_share"] == pytest.approx(np.corrcoef(shares["b"], frame["signed_error"])[0, 1])
        assert row["r"] == pytest.approx(np.corrcoef(ratio, frame["signed_error"])[0, 1])
        half = 1.959964 / np.sqrt(47)  # Fisher's z
        assert np.arctanh([row["low"], row["high"]]) == pytest.approx(
            [np.arctanh(row["r"]) + s * half for s in (-1, 1)]
        )

    def test_at_equal_estimates_as_by_definition(self):
        frame = by_estimate(1)
        options = {"errors": ["absolute_error"], "given": "age_estimation"}
        row = associations(frame, **options).iloc[1]
        logs = np.log(frame[PARTS])
        columns = (logs["b"] - logs.mean(axis=1), frame["b"] / frame[PARTS].sum(axis=1), frame["absolute_error"])
        estimate = frame["age_estimation"]
        ratio, share, error = (y - np.polyval(np.polyfit(estimate, y, 3), estimate) for y in columns)
        assert row["r_given"] == pytest.approx(np.corrcoef(ratio, error)[0, 1])
        assert row["r_share_given"] == pytest.approx(np.corrcoef(share, error)[0, 1])
        half = 1.959964 / np.sqrt(120 - 3 - 3)  # Fisher's z, a face fewer for each power of the estimate
        ends = np.arctanh([row["r_given_low"], row["r_given_high"]])
        assert ends == pytest.approx([np.arctanh(row["r_given"]) + side * half for side in (-1, 1)])
        without = associations(frame, errors=["absolute_error"])
        pd.testing.assert_frame_equal(associations(frame, **options)[without.columns], without)

    def test_few_faces_at_equal_estimates(self):
        seven = associations(by_estimate(1).head(7), errors=["absolute_error"], given="age_estimation")
        assert seven["r_given"].notna().all()
        for count in (0, 2, 6):
            table = associations(by_estimate(1).head(count), errors=["absolute_error"], given="age_estimation")
            assert (table["n"] == count).all() and table[["r_given", "r_given_low", "p_given"]].isna().all(axis=None)
        frame = by_estimate(1).head(20)
        frame.loc[0, "age_estimation"] = np.nan
        assert associations(frame, errors=["absolute_error"], given="age_estimation")["n"].tolist() == [19] * 3

    def test_what_shares_are_divided_by_does_not_matter(self):
        frame = simulated(40, 2)
        scaled = frame.copy()
        scaled[PARTS] = frame[PARTS].mul(np.arange(1, 41), axis=0)
        np.testing.assert_allclose(associations(scaled)["r"], associations(frame)["r"])

    def test_p_values_are_of_one_set_of_permutations_an_error(self):
        frame = simulated(30, 4, 0.5)
        table = associations(frame, errors=["signed_error"], adjust=False)
        assert not {"p_holm", "p_bh"} & set(table)
        shares = frame[PARTS].div(frame[PARTS].sum(axis=1), axis=0)
        columns = np.column_stack([shares, centred_log_ratios(shares)])
        rng = stream(1, "associations of shares")
        expected = column_correlation_p_values(columns, frame["signed_error"], rng=rng, permutations=199)
        assert [*table["p_share"], *table["p_value"]] == expected.tolist()
        both = associations(frame)
        np.testing.assert_array_equal(both["p_value"][:3], table["p_value"])
        assert both.loc[:2, "p_holm"].min() == pytest.approx(min(1, 3 * table["p_value"].min()))

    def test_who_is_left_out(self):
        frame = simulated(40, 3)
        frame.loc[0, "a"], frame.loc[1, "b"], frame.loc[2, "signed_error"], frame.loc[3, "c"] = -1, np.nan, np.nan, 0
        table = associations(frame)
        assert table["n"].tolist() == [37] * 3 + [38] * 3
        assert table["zeros"].tolist() == [0, 0, 1] * 2

    def test_few_and_no_faces(self):
        for count in (0, 1, 2):
            table = associations(simulated(count, 1))
            assert (table["n"] == count).all() and table["p_value"].isna().all() and table["few_faces"].all()

    @pytest.mark.parametrize(("count", "few"), [(29, True), (30, False)])
    def test_few_are_fewer_than_thirty(self, count, few):
        table = associations(simulated(count, 1), permutations=9)
        assert (table["n"] == count).all() and (table["few_faces"] == few).all()

    def test_two_parts_are_enough_and_the_confidence_is_asked_for(self):
        table = share_associations(
            simulated(20, 1), ["a", "b"], ["signed_error"], seed=1, permutations=9, confidence=0.5
        )
        assert table["segment"].tolist() == ["a", "b"]
        half = np.arctanh(table["high"]) - np.arctanh(table["r"])
        assert half.tolist() == pytest.approx([0.67449 / np.sqrt(17)] * 2, rel=1e-4)

    def test_share_that_stands_for_zero_is_asked_for(self):
        frame = pd.DataFrame({"a": [0.0, 1, 2, 3], "b": [3.0, 2, 1, 1], "signed_error": [1.0, 4, 2, 5]})
        shares = np.array([[0.1, 0.9], [1 / 3, 2 / 3], [2 / 3, 1 / 3], [0.75, 0.25]])
        (r, _) = share_associations(frame, ["a", "b"], ["signed_error"], seed=1, permutations=9, zero_share=0.1)["r"]
        assert r == pytest.approx(np.corrcoef(np.log(shares[:, 0] / shares[:, 1]), frame["signed_error"])[0, 1])

    def test_what_is_refused(self):
        with pytest.raises(UsageError, match=r"missing column\(s\) d"):
            share_associations(simulated(5, 1), ["a", "d"], seed=1)
        with pytest.raises(ValueError, match="at least two parts"):
            share_associations(simulated(5, 1), ["a"], seed=1)

    @pytest.mark.long
    def test_what_goes_with_the_error_by_the_estimate_alone(self):
        plain, given, planted = [], [], []
        for seed in range(200):  # the rate of three dependent tests varies by 1 %, a half of what is allowed
            table = associations(by_estimate(seed), errors=["absolute_error"], given="age_estimation", seed=seed)
            plain.append(table["p_value"][0])
            given.append(table[["p_given", "p_share_given"]].to_numpy())
        for seed in range(40):
            frame = by_estimate(seed, slope=1.5)
            planted.append(associations(frame, errors=["absolute_error"], given="age_estimation")["p_given_holm"][0])
        assert np.mean(np.array(plain) <= 0.05) >= 0.9  # share and error both grow with the estimate
        assert (np.abs((np.array(given) <= 0.05).mean(axis=(0, 1)) - 0.05) <= 0.02).all()
        assert np.mean(np.array(planted) <= 0.05) >= 0.9  # 0.75 years a standard deviation of the share's logarithm

    @pytest.mark.long
    def test_false_positives_and_power(self):
        options = {"errors": ["signed_error"]}
        planted = [associations(simulated(100, seed, 1.2), **options)["p_holm"][0] <= 0.05 for seed in range(20)]
        assert np.mean(planted) >= 0.9  # r of about 0.45 in 100 faces
        names = ["p_value", "p_share", "p_holm"]
        null = [associations(simulated(100, seed), seed=seed, **options)[names].to_numpy() for seed in range(300)]
        # One rate varies by 0.8 % or so of 3 x 300 dependent tests, the rate of any by 1.3 %.
        found = np.array(null) <= 0.05
        assert all(0.03 <= rate <= 0.07 for rate in found.mean(axis=(0, 1))[:2])
        assert found[:, :, 2].any(axis=1).mean() <= 0.07  # any of three by Holm
