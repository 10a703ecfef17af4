"""Appendix B beside shuffled data: by hand, nothing found in nothing, planted differences found."""

import math

import numpy as np
import pandas as pd
import pytest
import scipy

from age_audit.core.groups import age_range_of
from age_audit.core.vocabulary import AGE_RANGE_LABELS, HALVES, RACES
from age_audit.recheck.appendix_b import beside_study, likeness, null_summary, shuffled_finals, workbook_null
from age_audit.recheck.repetition import repetitions, shuffled_cohort_correlations
from age_audit.stats.correlations import weighted_correlations
from age_audit.study.appendix_b import (
    SEGMENTS,
    STUDY_VALUES,
    correlation_table,
    workbook_steps,
    workbook_tables,
)


def simulated(count, seed, slope=0.0):
    """Children only; among accurate estimates, accuracy grows with the face's share."""
    rng = np.random.default_rng(seed)
    shares = rng.normal(size=(count, 5))
    accuracy = 0.9 + 0.09 * rng.choice([-1, 1], count) * rng.random(count)
    accurate = accuracy > 0.9
    noise = rng.normal(size=count)
    wanted = np.argsort(np.argsort((slope * shares[:, 0] + noise)[accurate]))
    accuracy[accurate] = np.sort(accuracy[accurate])[wanted]
    return pd.DataFrame(shares, columns=list(SEGMENTS)).assign(
        age_real=5,
        age_range=age_range_of(np.full(count, 5)),
        race_real=np.resize(RACES, count),
        age_estimation=5.0,
        age_estimation_accuracy=accuracy,
        fname=[f"{i}.jpg" for i in range(count)],
    )


def correlations_of(frame):
    positive = frame["age_estimation_accuracy"] > 0.9
    rows = {"positive": frame[positive], "negative": frame[~positive]}
    return correlation_table({key: half.to_dict("records") for key, half in rows.items()})


def quick_correlations_of(frame):
    """The same for cohorts of children, several times as fast."""
    values = np.empty((2, 5, 5))
    positive = frame["age_estimation_accuracy"] > 0.9
    for half, inside in enumerate((positive, ~positive)):
        sizes = frame[inside]["race_real"].value_counts()
        for race, name in enumerate(RACES):
            cohort = frame[inside & (frame["race_real"] == name)]
            weights = repetitions(np.ones((1, len(cohort)), dtype=bool), sizes.max())
            shares, accuracy = cohort[list(SEGMENTS)].to_numpy(), cohort[["age_estimation_accuracy"]].to_numpy().T
            values[half, race] = weighted_correlations(shares, accuracy, weights)
    return as_table(values)


def beside(frame, seed=1, correlations=quick_correlations_of):
    null = shuffled_cohort_correlations(frame, SEGMENTS, seed=seed, shuffles=99)
    return workbook_null(correlations(frame), null)


def as_table(values):
    """Correlations of ages 0-12 with the given r, (2, races, 5); none elsewhere."""
    rows = []
    for label in AGE_RANGE_LABELS:
        for race, name in enumerate(RACES):
            for half, estimates in enumerate(HALVES):
                r = values[half, race] if label == "0–12" else np.full(5, np.nan)
                labels = {"age_range": label, "race": name, "estimates": estimates, "n": 20, "n_rows": 20}
                rows.append(labels | dict(zip(SEGMENTS, r, strict=True)))
    return pd.DataFrame(rows)


def study_array():
    return np.array(list(STUDY_VALUES.values())).reshape(2, 5, 5)


class TestLikeness:
    def test_by_hand(self):
        ours = study_array()
        ours[0, 0] *= -1  # 45 of 50 signs are left
        ours[1, 4, 4] = np.nan  # and 44 of 49
        rng = np.random.default_rng(1)
        null = np.full((20, 2, 4, 5, 5), np.nan)
        null[:, :, 0] = rng.uniform(-1, 1, (20, 2, 5, 5))
        null[0, :, 0] = study_array()  # one shuffle is as alike
        table = likeness(beside_study(as_table(ours)), null).set_index("measure")
        used = np.isfinite(ours).ravel()
        study = study_array().ravel()[used]
        signs = [np.mean(np.sign(draw.ravel()[used]) == np.sign(study)) for draw in null[:, :, 0]]
        r = [np.corrcoef(draw.ravel()[used], study)[0, 1] for draw in null[:, :, 0]]
        assert table["values"].tolist() == [49, 49]
        assert table["observed"]["same_sign"] == pytest.approx(44 / 49)
        assert table["observed"]["r"] == pytest.approx(np.corrcoef(ours.ravel()[used], study)[0, 1])
        assert table["null_mean"].tolist() == pytest.approx([np.mean(signs), np.mean(r)])
        assert table["null_high"]["r"] == pytest.approx(np.quantile(r, 0.975))
        assert table["p_value"].tolist() == pytest.approx([2 / 21, 2 / 21])
        assert table["p_coin"]["same_sign"] == pytest.approx(scipy.stats.binom.sf(43, 49, 0.5))
        assert math.isnan(table["p_coin"]["r"])

    def test_shuffles_that_lack_a_value_are_compared_in_the_others(self):
        null = np.full((1, 2, 4, 5, 5), np.nan)
        null[0, :, 0] = study_array()
        null[0, 0, 0, 0] = np.nan
        table = likeness(beside_study(as_table(study_array())), null)
        assert table["null_mean"].tolist() == pytest.approx([1, 1])

    def test_nothing_to_compare(self):
        nothing = np.full((2, 5, 5), np.nan)
        table = likeness(beside_study(as_table(nothing)), np.full((3, 2, 4, 5, 5), np.nan))
        assert table["values"].tolist() == [0, 0] and table[["observed", "p_value", "p_coin"]].isna().all(axis=None)

    def test_false_positives(self):
        table, hits = beside_study(as_table(study_array())), []
        for seed in range(300):
            drawn = np.random.default_rng(seed).uniform(-1, 1, (100, 2, 4, 5, 5))
            found = likeness(table.assign(r=drawn[0, :, 0].ravel()), drawn[1:])
            hits.append(found["p_value"][1] <= 0.05)
        assert 0.03 <= np.mean(hits) <= 0.07


class TestWorkbook:
    def test_by_hand(self):
        ours = np.zeros((2, 5, 5))
        ours[0] = [0.1, 0.2, 0.3, 0.4, 0.5]
        null = np.full((4, 2, 4, 5, 5), np.nan)
        null[:, :, 0] = 0
        null[0, 0, 0] = [0.5, 0.4, 0.3, 0.2, 0.1]  # turned round
        null[1, 0, 0] = [0.1, 0.2, 0.3, 0.4, 0.5]
        null[2, 0, 0] = [0.4, 0.1, 0.2, 0.3, 0.5]
        null[3, 0, 0] = [0.2, 0.1, 0.3, 0.5, 0.4]
        table = workbook_null(as_table(ours), null)
        found = table[table["age_range"] == "0–12"].set_index("segment")
        last = found.loc["outer_boundary_bottom"]
        assert (last["n"], last["groups"], last["final"]) == (200, 5, 0.5)
        assert (last["shuffled_highest"], last["shuffled_lowest"]) == (0.5, 0.25)
        assert last["p_final"] == pytest.approx((3 + 1) / 5)  # three of four are at an end
        assert last["contribution"] == pytest.approx(0.5)
        assert last["contribution_null_mean"] == pytest.approx((0.1 + 0.5 + 0.5 + 0.4) / 4)
        # From the null mean of 0.375: 0.275 and 0.125 twice are as far as 0.125, 0.025 is not.
        assert last["contribution_p_value"] == pytest.approx(4 / 5)
        assert last["summed"] == pytest.approx(5)
        assert table[table["age_range"] != "0–12"]["p_final"].isna().all()

    def test_mean_contribution_and_final_are_those_of_the_tables(self):
        frame = simulated(150, 3)
        tables, table = workbook_tables(correlations_of(frame)), beside(frame, correlations=correlations_of)
        found = table[table["age_range"] == "0–12"]
        young = tables["contribution"][tables["contribution"]["age_range"] == "0–12"]
        assert found["contribution"].tolist() == pytest.approx(young[list(SEGMENTS)].mean().tolist())
        assert beside(frame)["contribution"].tolist() == pytest.approx(table["contribution"].tolist(), nan_ok=True)
        assert found["final"].tolist() == tables["final"].loc[0, list(SEGMENTS)].tolist()

    @pytest.mark.long
    def test_false_positives_and_power(self):
        null = [beside(simulated(100, seed), seed)["contribution_p_value"].dropna() <= 0.05 for seed in range(100)]
        assert 0.03 <= np.mean(null) <= 0.07
        planted = [
            beside(simulated(200, seed, 1.0), seed) for seed in range(60)
        ]  # r of 0.7 in 20 faces a race and half
        faces = [table.iloc[0] for table in planted]
        assert np.mean([row["p_holm"] <= 0.05 for row in faces]) >= 0.9
        assert min(table["p_final"].min() for table in planted) > 0.2  # the last step finds nothing, whatever there is


def test_summary():
    frame = simulated(200, 1, 1.0)
    null = shuffled_cohort_correlations(frame, SEGMENTS, seed=1, shuffles=99)
    finals = workbook_steps(null[:, 0], null[:, 1]).final
    table = workbook_null(correlations_of(frame), null)
    summary = null_summary(table, finals)
    young = summary.iloc[0]
    assert (young["n"], young["groups"], young["highest"], young["segment"]) == (200, 5, "face", "face")
    assert young["both_ends"] == 1 and young["highest_if_shuffled"] == table["shuffled_highest"][0]
    assert young["p_holm"] == table["p_holm"][0] and young["least_p_final"] == table["p_final"][:5].min()
    assert summary["highest"][1:].isna().all() and summary["p_holm"][1:].isna().all()


def test_shuffles_to_look_at():
    null = np.random.default_rng(1).uniform(-1, 1, (5, 2, 4, 5, 5))
    table = shuffled_finals(null, 2)
    assert table["shuffle"].tolist() == [1] * 4 + [2] * 4 and table["age_range"].tolist() == AGE_RANGE_LABELS * 2
    expected = workbook_steps(null[1, 0, 3], null[1, 1, 3]).final
    np.testing.assert_array_equal(table.loc[7, list(SEGMENTS)].astype(float), expected)


def test_beside_study_by_hand():
    correlations = correlations_of(simulated(160, 1))
    ours = (correlations["age_range"] == "0–12") & (correlations["race"] == "Asian")
    ours = correlations.index[ours & (correlations["estimates"] == "inaccurate")][0]
    correlations.loc[ours, [*SEGMENTS, "n"]] = [-0.5, 0.5, 0.0, np.nan, 0.02, 28]
    table = beside_study(correlations)
    assert len(table) == 50
    rows = table[(table["race"] == "Asian") & (table["estimates"] == "inaccurate")].set_index("segment")
    assert rows["study_r"].tolist() == list(STUDY_VALUES["inaccurate", "Asian"])
    assert rows["difference"]["face"] == pytest.approx(-0.5 + 0.043408)
    assert rows["low"]["face"] == pytest.approx(math.tanh(math.atanh(-0.5) - 1.959964 / 5))
    assert rows["study_inside"].tolist() == [False, False, True, None, True]
    assert rows["same_sign"].tolist() == [True, False, False, None, True]
    nothing = as_table(np.full((2, 5, 5), np.nan))
    assert beside_study(nothing)["same_sign"].isna().all()
