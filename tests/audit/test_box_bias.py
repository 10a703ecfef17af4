"""Scores of equalised odds and of unequal regions: by hand, against slow literal counts, and where nothing is."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from age_audit.audit.box_bias import (
    activation_shares,
    age_outcomes,
    bias_table,
    classification_outcomes,
    equalized_odds_rates,
    equalized_odds_score,
    feature_bias_scores,
    feature_probabilities,
    kinds_of,
    overall_bias_score,
    reversed_parts,
)
from age_audit.core.errors import UsageError
from age_audit.core.randomness import Resampling
from age_audit.regions.boxes import BOX_REGIONS, active_regions


def guesses(rows):
    """Rows of (group, true, predicted, how many)."""
    return pd.DataFrame(
        [row[:3] for row in rows for _ in range(row[3])], columns=["race_real", "gender_real", "guess"], dtype=object
    )


BY_HAND = guesses(
    [
        *(("Asian", "Female", "Female", 3), ("Asian", "Female", "Male", 1)),  # of 4 women 3 found: 0.75
        *(("Asian", "Male", "Male", 9), ("Asian", "Male", "Female", 1)),  # of 10 men 1 taken for a woman: 0.1
        *(("Indian", "Female", "Female", 1), ("Indian", "Female", "Male", 1)),  # 0.5
        *(("Indian", "Male", "Male", 2), ("Indian", "Male", "Female", 3)),  # 0.6
    ]
)
NAMES = ("race_real", "gender_real", "guess")


class TestEqualizedOdds:
    def test_by_hand(self):
        assert equalized_odds_score(BY_HAND, *NAMES) == pytest.approx(0.5)  # 0.6 - 0.1; of true positives 0.25
        rates = equalized_odds_rates(BY_HAND, *NAMES).set_index(["class", "group", "rate"])
        row = rates.loc["Female", "Indian", "false positive"]
        assert (row["n"], row["share"], row["few_faces"]) == (5, pytest.approx(0.6), True)
        assert row["low"] < 0.6 < row["high"]
        assert len(rates) == 8

    def test_it_is_not_the_gap_in_true_positives_of_one_class_alone(self):
        women = equalized_odds_rates(BY_HAND, *NAMES).query("`class` == 'Female' and rate == 'true positive'")["share"]
        assert women.max() - women.min() == pytest.approx(0.25)

    @pytest.mark.parametrize("seed", range(5))
    def test_as_by_definition(self, seed):
        rng = np.random.default_rng(seed)
        frame = pd.DataFrame({name: rng.choice(["a", "b", "c"], 60, p=[0.5, 0.3, 0.2]) for name in ("g", "t", "p")})
        gaps = []
        for positive in "abc":
            for real in (True, False):
                rates = []
                for group in "abc":
                    faces = [row for row in frame.itertuples() if row.g == group and (row.t == positive) == real]
                    if faces:
                        rates.append(sum(row.p == positive for row in faces) / len(faces))
                if len(rates) > 1:
                    gaps.append(max(rates) - min(rates))
        assert equalized_odds_score(frame, "g", "t", "p") == pytest.approx(max(gaps))

    def test_two_classes_say_the_same_whichever_is_positive(self):
        swapped = BY_HAND.replace({"Male": "Female", "Female": "Male"})
        assert equalized_odds_score(swapped, *NAMES) == pytest.approx(equalized_odds_score(BY_HAND, *NAMES))

    def test_genders_judged_by_gender(self):
        # 4 of 6 women are found, 11 of 15 men; 4 men are taken for women, 2 women for men
        options = ("gender_real", "gender_real", "guess")
        assert equalized_odds_score(BY_HAND, *options) == pytest.approx(11 / 15 - 4 / 6)
        assert equalized_odds_score(BY_HAND, *options, preset="published") == round(11 / 15 - 4 / 6, 3) == 0.067
        rates = equalized_odds_rates(BY_HAND, *options).set_index(["group", "rate"])["share"]
        assert rates["Female", "false positive"] == pytest.approx(4 / 15)
        assert rates["Male", "false positive"] == pytest.approx(2 / 6)
        copied = BY_HAND.assign(again=BY_HAND["gender_real"])
        assert equalized_odds_score(copied, "again", "gender_real", "guess") == pytest.approx(11 / 15 - 4 / 6)
        assert equalized_odds_score(copied, "again", "gender_real", "guess", preset="published") == 0.067

    def test_third_class_has_a_false_positive_rate_that_the_published_score_leaves_out(self):
        frame = guesses(
            [
                *(("x", "a", "a", 8), ("x", "a", "b", 2), ("x", "b", "b", 4), ("x", "b", "a", 1)),
                *(("x", "c", "c", 8), ("x", "c", "b", 2)),
            ]
        )
        options = ("gender_real", "gender_real", "guess")
        # every class is found in 0.8; 4 of 20 others are taken for b, 1 of 15 for a, none for c
        assert equalized_odds_score(frame, *options, preset="published") == 0
        assert equalized_odds_score(frame, *options) == pytest.approx(0.2)

    def test_the_published_score_of_other_groups_is_refused(self):
        with pytest.raises(ValueError, match="expected 'race_real' to be the same as 'gender_real'"):
            equalized_odds_score(BY_HAND, *NAMES, preset="published")
        with pytest.raises(ValueError, match="expected a preset out of audit, published; got 'paper'"):
            equalized_odds_score(BY_HAND, *NAMES, preset="paper")
        with pytest.raises(UsageError, match="missing column"):
            equalized_odds_score(BY_HAND, "race_real", "gender_real", "guessed")

    def test_faces_without_a_label_do_not_count(self):
        frame = pd.concat([BY_HAND, guesses([(None, "Male", "Female", 9), ("Asian", "Male", None, 9)])])
        frame = pd.concat([frame, guesses([("Indian", None, "Male", 9)])], ignore_index=True)
        assert equalized_odds_score(frame, *NAMES) == pytest.approx(0.5)
        frame["race_real"] = pd.Categorical(frame["race_real"], ["Asian", "Indian", "African"])  # of which none is
        assert equalized_odds_score(frame, *NAMES) == pytest.approx(0.5)

    def test_nothing_to_compare(self):
        for frame in (BY_HAND.head(0), BY_HAND[BY_HAND["race_real"] == "Asian"]):
            assert np.isnan(equalized_odds_score(frame, *NAMES))
        men = BY_HAND[BY_HAND["gender_real"] == "Male"]
        assert np.isnan(equalized_odds_score(men, "gender_real", "gender_real", "guess"))
        assert equalized_odds_score(men, *NAMES) == pytest.approx(0.5)  # of men there are false positives all the same

    def test_codes_of_classes_are_classes(self):
        codes = BY_HAND.replace({"Male": 0, "Female": 1}).infer_objects()
        assert equalized_odds_score(codes, *NAMES) == pytest.approx(0.5)


@pytest.mark.parametrize(
    "spelled",
    [
        *({"Male": "m", "Female": "f"}, {"Male": "male", "Female": "female"}, {"Male": "male"}, {"Male": "Male "}),
        {"Male": 0, "Female": 1},
    ],
)
def test_classes_that_are_spelled_otherwise_are_refused(spelled):
    """Each prediction would be wrong, and every rate 0: perfectly fair."""
    frame = BY_HAND.assign(guess=BY_HAND["guess"].replace(spelled))
    for ask in (lambda: equalized_odds_score(frame, *NAMES), lambda: classification_outcomes(frame, *NAMES[1:])):
        with pytest.raises(ValueError, match=r"classes that are spelled alike, got .*; rename one of them"):
            ask()


def test_numbers_as_texts_are_refused():
    codes = BY_HAND.assign(gender_real=BY_HAND["gender_real"].map({"Male": 0, "Female": 1}))
    codes["guess"] = BY_HAND["guess"].map({"Male": "0", "Female": "1"})
    with pytest.raises(ValueError, match=r"spelled alike, got \['0', '1'\] and"):
        equalized_odds_score(codes, *NAMES)


def test_a_class_that_nobody_has_may_be_predicted():
    frame = BY_HAND.assign(guess=BY_HAND["guess"].mask(BY_HAND.index % 3 == 0, "neither"))
    assert 0 <= equalized_odds_score(frame, *NAMES) <= 1
    men = BY_HAND[BY_HAND["gender_real"] == "Male"].assign(guess="Female")  # all wrong, but of no unknown class
    assert (classification_outcomes(men, *NAMES[1:]) == "misclassified").all()


GENDER = ("gender_real", "gender_real", "guess")
TWO = {"regions": ["nose", "lips"]}


def faces(rows):
    """Rows of (true, predicted, parts that are active, how many)."""
    return pd.DataFrame(
        [
            {"gender_real": true, "guess": guess} | {f"active_{part}": part in parts for part in ("nose", "lips")}
            for true, guess, parts, count in rows
            for _ in range(count)
        ]
    )


SEEN = faces(
    [
        *(("Female", "Male", ("nose", "lips"), 1), ("Female", "Male", ("nose",), 2), ("Female", "Male", (), 1)),
        *(("Male", "Female", ("lips",), 3), ("Male", "Female", (), 2)),  # of 5 misclassified men
        *(("Female", "Female", ("lips",), 6), ("Male", "Male", ("nose",), 1), ("Male", "Male", (), 9)),
    ]
)


class TestPublishedScores:
    def test_by_hand(self):
        probabilities = feature_probabilities(SEEN, *GENDER, **TWO)
        assert list(probabilities.columns) == ["Female", "Male"] and list(probabilities.index) == ["nose", "lips"]
        assert probabilities.to_numpy().tolist() == [[0.75, 0], [0.25, 0.6]]
        scores = feature_bias_scores(probabilities)
        assert scores.to_dict() == {"nose": 0.75, "lips": pytest.approx(0.35)}
        assert overall_bias_score(scores) == 0.55 == overall_bias_score(scores.to_dict())
        rightly = feature_probabilities(SEEN, *GENDER, among="classified rightly", **TWO)
        assert rightly.to_numpy().tolist() == [[0, 0.1], [1, 0]]

    def test_rounded_once_at_the_end(self):
        assert overall_bias_score({"nose": 1 / 3, "lips": 1 / 3, "left_eye": 1 / 3}) == 0.333
        assert overall_bias_score({"nose": 0.0004, "lips": 0.0008}) == 0.001

    @pytest.mark.parametrize("scores", [{}, pd.Series(dtype=float)])
    def test_of_no_part_there_is_no_score(self, scores):
        with pytest.raises(ValueError, match="expected the score of at least one part, got none"):
            overall_bias_score(scores)

    def test_faces_without_any_box_count_and_those_without_known_boxes_do_not(self):
        nothing = pd.DataFrame([{"gender_real": "Male", "guess": "Female"} | active_regions([])])
        one = pd.DataFrame([{"gender_real": "Male", "guess": "Female"} | active_regions([{"label": "lips"}])])
        unknown = one.assign(**{f"active_{region}": None for region in BOX_REGIONS})
        frame = pd.concat([nothing, one, unknown, one.assign(guess=None)], ignore_index=True)
        assert feature_probabilities(frame, *GENDER).loc["lips"].to_dict() == {"Male": 0.5}

    def test_a_group_that_is_never_misclassified_has_no_score(self):
        frame = SEEN[(SEEN["gender_real"] == "Female") | (SEEN["guess"] == "Male")]
        probabilities = feature_probabilities(frame, *GENDER, **TWO)
        assert probabilities["Male"].isna().all() and probabilities["Female"].notna().all()
        assert np.isnan(overall_bias_score(feature_bias_scores(probabilities)))
        assert feature_probabilities(SEEN.head(0), *GENDER, **TWO).shape == (2, 0)

    def test_refused(self):
        with pytest.raises(ValueError, match="two groups, got \\['Male'\\]; pick two"):
            feature_bias_scores(pd.DataFrame({"Male": [1.0]}, ["nose"]))
        with pytest.raises(ValueError, match="got 'wrong'"):
            feature_probabilities(SEEN, *GENDER, among="wrong", **TWO)
        with pytest.raises(UsageError, match=r"missing column\(s\) active_left_eye"):
            feature_probabilities(SEEN, *GENDER)
        with pytest.raises(ValueError, match="True or False in the columns active_<region>"):
            feature_probabilities(SEEN.assign(active_nose=0.5), *GENDER, **TWO)
        with pytest.raises(ValueError, match="an outcome a face, 4, got 2"):
            list(kinds_of(pd.Series(["a", "b"]), SEEN.head(4)))
        outcome = classification_outcomes(SEEN, *GENDER[1:])
        with pytest.raises(ValueError, match="outcomes with the index of the faces, in the same order"):
            activation_shares(SEEN.iloc[::-1], GENDER[0], outcome, **TWO)
        with pytest.raises(ValueError, match="True or False in active_nose, or 1 and 0, got text"):
            feature_probabilities(SEEN.assign(active_nose="True"), *GENDER, **TWO)
        with pytest.raises(ValueError, match="a list of regions, got the text 'nose'"):
            feature_probabilities(SEEN, *GENDER, regions="nose")


def test_outcomes_of_ages_at_the_limit_and_of_ranges():
    frame = pd.DataFrame({"age_real": [30, 30, 30, 30, np.nan, 30], "age_estimation": [40, 40.1, 20, 19.9, 30, np.nan]})
    within, old, young = "within the limit", "estimated too old", "estimated too young"
    assert age_outcomes(frame).tolist() == [within, old, within, young, np.nan, np.nan]
    assert age_outcomes(frame, 0).tolist()[:4] == [old, old, young, young]
    ranges = pd.DataFrame({"age_real": [np.nan] * 3, "age_real_low": 20, "age_real_high": 29})
    assert age_outcomes(ranges.assign(age_estimation=[25, 39.5, 9])).tolist() == [within, old, young]
    for limit in (-1, np.nan):
        with pytest.raises(ValueError, match="limit of 0 years or more"):
            age_outcomes(frame, limit)


def test_shares_have_counts_and_intervals():
    frame = SEEN.assign(age_range=["0–12", "26–100"] * 12 + ["26–100"])
    outcome = classification_outcomes(frame, "gender_real", "guess")
    table = activation_shares(frame, "gender_real", outcome, "age_range", **TWO)
    assert list(table.columns) == [
        *("age_range", "outcome", "gender_real", "region", "n", "active", "share", "low", "high", "few_faces")
    ]
    row = table.set_index(["age_range", "outcome", "gender_real", "region"]).loc[
        ("all", "misclassified", "Male", "lips")
    ]
    assert (row["n"], row["active"], row["share"], row["few_faces"]) == (5, 3, 0.6, True)
    assert 0.2 < row["low"] < 0.6 < row["high"] < 0.9  # Wilson's 0.231 to 0.882
    parts = table[table["age_range"] != "all"].groupby(["outcome", "gender_real", "region"])["active"].sum()
    whole = table[table["age_range"] == "all"].set_index(["outcome", "gender_real", "region"])["active"]
    pd.testing.assert_series_equal(parts.sort_index(), whole.sort_index(), check_dtype=False)


def simulated(count, seed, shift=0.0):
    """Misclassified faces of two genders; the nose is more often active on women by ``shift``."""
    rng = np.random.default_rng(seed)
    women = rng.random(count) < 0.4
    frame = pd.DataFrame({"gender_real": np.where(women, "Female", "Male"), "guess": np.where(women, "Male", "Female")})
    frame["active_nose"] = rng.random(count) < 0.3 + shift * women
    return frame.assign(active_lips=rng.random(count) < 0.5)


def table_of(frame, **options):
    outcome = classification_outcomes(frame, "gender_real", "guess")
    options = {"resampling": Resampling(seed=1, draws=500, permutations=999)} | TWO | options
    return bias_table(frame, "gender_real", outcome, **options)


class TestBiasTable:
    def test_scores_are_the_published_ones(self):
        table = table_of(SEEN).query("outcome == 'misclassified'").set_index("region")
        scores = feature_bias_scores(feature_probabilities(SEEN, *GENDER, **TWO))
        assert table["score"].to_dict() == pytest.approx({**scores, "all": scores.mean()})
        nose = table.loc["nose"]
        assert (nose["group"], nose["other"], nose["n_group"], nose["n_other"]) == ("Female", "Male", 4, 5)
        assert (nose["share_group"], nose["share_other"], nose["difference"]) == (0.75, 0, 0.75)
        assert np.isnan(table.loc["all", "difference"]) and table["few_faces"].all()

    def test_p_values_as_counted_one_deal_at_a_time(self):
        frame = simulated(14, 3, 0.4)
        table = table_of(frame, resampling=Resampling(seed=1, draws=99, permutations=4999)).set_index("region")
        women = (frame["gender_real"] == "Female").to_numpy()
        active = frame[["active_nose", "active_lips"]].to_numpy(float)
        scores = []
        for chosen in combinations(range(14), int(women.sum())):  # all deals there are
            inside = np.isin(np.arange(14), chosen)
            gaps = [abs(column[inside].mean() - column[~inside].mean()) for column in active.T]
            scores.append([*gaps, sum(gaps) / 2])
        scores = np.array(scores)
        found = [abs(c[women].mean() - c[~women].mean()) for c in active.T]
        for i, region in enumerate(["nose", "lips", "all"]):
            score = [*found, sum(found) / 2][i]
            row = table[table["outcome"] == "misclassified"].loc[region]
            assert row["score"] == pytest.approx(score)
            assert row["p_value"] == pytest.approx((scores[:, i] >= score - 1e-9).mean(), abs=0.03)
            assert row["score_shuffled"] == pytest.approx(scores[:, i].mean(), abs=0.01)

    def test_a_difference_that_is_there_is_found_and_one_that_is_not_scores_all_the_same(self):
        found = table_of(simulated(600, 1, 0.25)).query("outcome == 'misclassified'").set_index("region")
        assert found.loc["nose", "p_holm"] < 0.01 and found.loc["nose", "low"] > 0.1
        assert found.loc["all", "p_value"] < 0.01 and found.loc["all", "p_holm"] == found.loc["all", "p_value"]
        nothing = [table_of(simulated(60, seed)).query("outcome == 'misclassified'") for seed in range(20)]
        overall = pd.concat(nothing).query("region == 'all'")
        assert (overall["score"] > 0.02).mean() > 0.8  # so much of nothing
        assert (overall["p_value"] < 0.05).sum() <= 3 and (overall["p_value"] > 0.5).any()
        assert overall["score"].mean() == pytest.approx(overall["score_shuffled"].mean(), rel=0.35)

    def test_interval_of_the_overall_score_as_drawn_literally(self):
        frame = simulated(200, 5, 0.3)
        row = table_of(frame).query("outcome == 'misclassified' and region == 'all'").iloc[0]
        rng, drawn = np.random.default_rng(9), []
        for _ in range(500):
            means = [
                group.sample(len(group), replace=True, random_state=rng)[["active_nose", "active_lips"]].mean()
                for _, group in frame.groupby("gender_real")
            ]
            gaps = (means[0] - means[1]).abs()
            drawn.append(gaps.mean())
        assert [row["low"], row["high"]] == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.02)

    def test_holm_is_over_the_regions_of_one_outcome(self):
        table = table_of(pd.concat([simulated(80, 2, 0.3), SEEN], ignore_index=True))
        for _, rows in table[table["region"] != "all"].groupby("outcome"):
            low, high = sorted(rows["p_value"])
            assert sorted(rows["p_holm"]) == pytest.approx(sorted([min(1, 2 * low), min(1, max(2 * low, high))]))

    def test_swapped_genders_turn_the_sign_alone(self):
        frame = simulated(100, 4, 0.3)
        swap = {"Male": "Female", "Female": "Male"}
        table, turned = table_of(frame), table_of(frame.replace(swap))
        np.testing.assert_allclose(turned["difference"], -table["difference"])
        np.testing.assert_allclose(turned["score"], table["score"])
        np.testing.assert_allclose(turned["share_group"], table["share_other"])

    def test_same_seed_same_table(self):
        pd.testing.assert_frame_equal(table_of(SEEN), table_of(SEEN))

    def test_few_and_no_faces(self):
        one = SEEN.drop(index=[0, 1, 2])  # a single misclassified woman
        rows = table_of(one).query("outcome == 'misclassified'")
        assert rows["score"].isna().all() and rows["p_value"].isna().all() and (rows["n_group"] == 1).all()
        none = table_of(SEEN[SEEN["gender_real"] == SEEN["guess"]]).query("outcome == 'misclassified'")
        assert (none["n_group"] == 0).all() and none[["difference", "low", "score"]].isna().all(axis=None)
        assert table_of(SEEN.head(4)).empty  # one gender has nobody to differ from

    def test_every_two_groups_within_every_control_level(self):
        rng = np.random.default_rng(1)
        frame = simulated(300, 1).assign(race_real=rng.choice(["Asian", "Indian", "Other"], 300))
        outcome = classification_outcomes(frame, "gender_real", "guess")
        options = {"resampling": Resampling(seed=1, draws=50, permutations=49)} | TWO
        table = bias_table(frame, "race_real", outcome, "gender_real", **options)
        table = table[table["outcome"] == "misclassified"]
        assert len(table) == 3 * 3 * 3  # two genders and all, three pairs, two regions and all
        assert table["gender_real"].unique().tolist() == ["Female", "Male", "all"]


class TestReversedParts:
    COLUMNS = ("outcome", "group", "other", "region", "difference", "p_holm", "score", "score_shuffled")

    def table(self, *rows):
        """(outcome, region, difference, p) each, and a row of all parts for each outcome."""
        made = [(kind, "a", "b", region, value, p, abs(value), 0.01) for kind, region, value, p in rows]
        made += [(kind, "a", "b", "all", np.nan, np.nan, 0.3, 0.02) for kind in dict.fromkeys(row[0] for row in rows)]
        return pd.DataFrame(made, columns=self.COLUMNS).assign(n_group=7, n_other=9)

    def test_by_hand(self):
        """The nose is reversed, the lips alike; of the left eye one side only is told apart, of the right the other."""
        wrongly, rightly = "misclassified", "classified rightly"
        table = self.table(
            *((wrongly, "nose", 0.2, 0.01), (rightly, "nose", -0.1, 0.04)),
            *((wrongly, "lips", -0.2, 0.01), (rightly, "lips", -0.4, 0.001)),
            *((wrongly, "left_eye", 0.3, 0.01), (rightly, "left_eye", -0.3, 0.06)),
            *((wrongly, "right_eye", 0.3, 0.05), (rightly, "right_eye", -0.3, 0.01)),
        )
        (found,) = reversed_parts(table).to_dict("records")
        expected = {"group": "a", "other": "b", "n_group": 7, "n_other": 9, "parts": 3, "reversed": 1, "alike": 1}
        assert found == expected | {"score": 0.3, "score_shuffled": 0.02}
        assert reversed_parts(table, alpha=0.005).iloc[0][["parts", "reversed", "alike"]].tolist() == [0, 0, 0]

    def test_nobody_is_right_or_wrong(self):
        wrongly = self.table(("misclassified", "nose", 0.2, 0.01))
        assert reversed_parts(wrongly).iloc[0][["parts", "reversed", "alike"]].tolist() == [1, 0, 0]
        assert reversed_parts(self.table(("classified rightly", "nose", 0.2, 0.01))).empty

    def test_missing_column(self):
        with pytest.raises(UsageError, match="p_holm"):
            reversed_parts(self.table(("misclassified", "nose", 0.2, 0.01)).drop(columns="p_holm"))
