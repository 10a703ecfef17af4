"""Gender answers: by hand, face by face, as another routine has it, and with nothing to find."""

import numpy as np
import pandas as pd
import pytest

from age_audit.audit.box_bias import equalized_odds_score
from age_audit.audit.errors.gender import (
    AS_THEY_ARE,
    AT_EQUAL_AGES,
    answered_faces,
    count_answers,
    equalised_odds,
    gender_doubts,
    gender_rates,
)
from age_audit.core.errors import UsageError
from age_audit.core.randomness import Resampling
from age_audit.core.vocabulary import GENDERS, RACES
from age_audit.stats.proportions import wilson_interval

DRAWN = {"resampling": Resampling(seed=1, draws=400)}


def people(*counts):
    """Faces from (race, age, labelled, answered, count)."""
    rows = [
        {"race_real": race, "age_real": float(age), "gender_real": label}
        | {"probability_female": 0.8 if answer == "Female" else 0.3}
        for race, age, label, answer, count in counts
        for _ in range(count)
    ]
    frame = pd.DataFrame(rows)
    return frame.assign(fname=[f"{i}.jpg" for i in range(len(frame))])


def simulated(n, seed, right=0.7):
    """Races by chance; ``right`` of the answers are as labelled, in every group alike."""
    rng = np.random.default_rng(seed)
    label = rng.choice(GENDERS, n)
    female = (label == "Female") == (rng.random(n) < right)
    frame = {"race_real": rng.choice(RACES, n), "age_real": rng.integers(0, 60, n).astype(float), "gender_real": label}
    probability = np.where(female, rng.uniform(0.5, 1, n), rng.uniform(0, 0.499, n))
    return pd.DataFrame(frame).assign(probability_female=probability)


SMALL = people(
    *(("Asian", 5, "Female", "Female", 3), ("Asian", 5, "Female", "Male", 1), ("Asian", 5, "Male", "Male", 2)),
    *(("Indian", 5, "Female", "Female", 1), ("Indian", 5, "Female", "Male", 1)),
    *(("Indian", 5, "Male", "Female", 3), ("Indian", 5, "Male", "Male", 1)),
)


class TestAnswers:
    def test_a_probability_of_one_half_is_female(self):
        frame = pd.DataFrame({"gender_real": ["Male"] * 3, "probability_female": [0.5, 0.4999, 1.0]})
        assert answered_faces(frame)["gender_answer"].tolist() == ["Female", "Male", "Female"]

    def test_every_face_is_counted_once(self):
        labels = ["Female", "Male", "Male", "Diverse", "Diverse", None, None]
        frame = pd.DataFrame({"gender_real": labels, "probability_female": [0.9, 0.1, None, 0.5, None, 0.2, None]})
        counts = count_answers(frame)
        assert counts == {
            **{"images": 7, "no_gender_label": 2, "other_gender_label": 2, "no_answer": 1, "judged": 2},
        }
        assert answered_faces(frame).index.tolist() == [0, 1]
        assert gender_rates(frame)["n"].tolist() == [2, 1, 1, 1, 1]

    def test_labels_that_are_none_of_the_two_are_refused_by_name(self):
        frame = pd.DataFrame({"gender_real": ["F", "M", None], "probability_female": [0.9, 0.1, 0.5]})
        with pytest.raises(UsageError, match="expected labels Female and Male in gender_real, got only F, M;"):
            answered_faces(frame)

    @pytest.mark.parametrize("wrong", [-0.01, 1.01, np.inf, -np.inf])
    def test_what_is_no_probability_is_refused(self, wrong):
        frame = pd.DataFrame({"gender_real": ["Male"] * 3, "probability_female": [0.9, wrong, np.nan]})
        with pytest.raises(UsageError, match=r"expected probabilities of 0 to 1 .* 1 are like that"):
            answered_faces(frame)

    def test_a_missing_column_is_named(self):
        with pytest.raises(UsageError, match="probability_female"):
            gender_rates(pd.DataFrame({"gender_real": ["Male"]}))
        with pytest.raises(UsageError, match="skin"):
            gender_rates(SMALL, "skin")

    def test_no_face_at_all(self):
        table = gender_rates(SMALL.head(0))
        assert table["n"].tolist() == [0] * 5 and table["share"].isna().all() and table["few_faces"].all()


class TestRates:
    def test_by_hand(self):
        table = gender_rates(SMALL, "race_real", ["race_real"]).set_index(["race_real", "rate"])
        assert table.loc["Asian", "share"].tolist() == [5 / 6, 3 / 4, 1 / 4, 0, 1]
        assert table.loc["Indian", "share"].tolist() == [2 / 6, 1 / 2, 1 / 2, 3 / 4, 1 / 4]
        assert table.loc["all", "share"].tolist() == [7 / 12, 4 / 6, 2 / 6, 3 / 6, 3 / 6]
        assert table.loc["Asian", "n"].tolist() == [6, 4, 4, 2, 2]
        assert (table["labelled"].tolist()[:5], table["answered"].tolist()[:5]) == (
            ["all", "Female", "Female", "Male", "Male"],
            ["as labelled", "Female", "Male", "Female", "Male"],
        )

    def test_as_face_by_face_with_wilson_s_interval(self):
        frame = simulated(700, 3)
        table = gender_rates(frame, ["race_real"])
        for row in table.itertuples():
            said = [
                ("Female" if face.probability_female >= 0.5 else "Male", face.gender_real)
                for face in frame.itertuples()
                if face.race_real == row.race_real and row.labelled in ("all", face.gender_real)
            ]
            counted = [a for a, label in said if a == (label if row.answered == "as labelled" else row.answered)]
            assert (row.faces, row.n) == (len(counted), len(said))
            assert (row.low, row.high) == tuple(wilson_interval(len(counted), len(said)))

    def test_few_faces_are_marked_by_label(self):
        frame = people(("Asian", 5, "Female", "Female", 30), ("Asian", 5, "Male", "Male", 29))
        assert gender_rates(frame)["few_faces"].tolist() == [False, False, False, True, True]


class TestEqualisedOdds:
    def test_by_hand(self):
        table = equalised_odds(SMALL, "race_real", least=2, **DRAWN).set_index("rate")
        assert table["gap"].tolist() == [1 / 4, 3 / 4, 3 / 4]
        assert table["highest_group"].tolist() == ["Asian", "Indian", "Indian"]
        assert table["lowest_group"].tolist() == ["Indian", "Asian", "Asian"]
        assert table["decided_by"].tolist() == ["true positive", "false positive", "false positive"]
        assert table["highest"].tolist() == [3 / 4, 3 / 4, 3 / 4] and table["lowest"].tolist() == [1 / 2, 0, 0]
        assert table["n"].tolist() == [6, 6, 6] and table["n_smallest_group"].tolist() == [2, 2, 2]
        assert (table["ages"] == AS_THEY_ARE).all() and (table["groups"] == 2).all()

    @pytest.mark.parametrize("seed", range(5))
    def test_the_score_is_that_of_another_routine(self, seed):
        frame = simulated(400, seed)
        answers = answered_faces(frame)
        score = equalized_odds_score(answers, "race_real", "gender_real", "gender_answer")
        table = equalised_odds(frame, "race_real", least=1, **DRAWN).set_index("rate")
        assert table.loc["equalised odds", "gap"] == pytest.approx(score)
        assert table.loc["equalised odds", "gap"] == table["gap"].max()
        assert ((table["low"] <= table["gap"]) & (table["gap"] <= table["high"])).all()

    def test_a_group_with_few_faces_of_either_label_is_left_out_by_name(self):
        few = people(("African", 5, "Female", "Female", 300), ("African", 5, "Male", "Female", 29))
        enough = [(race, 5, label, label, 30) for race in ("Asian", "Indian") for label in GENDERS]
        table = equalised_odds(pd.concat([people(*enough), few]), "race_real", **DRAWN)
        assert table["left_out"].tolist() == ["African"] * 3 and table["groups"].tolist() == [2] * 3
        assert table["gap"].tolist() == [0, 0, 0]
        assert (table["low"] == 0).all() and (table["high"] > 0).all()  # thirty of thirty prove nothing

    def test_one_group_has_no_gap(self):
        table = equalised_odds(
            people(("Asian", 5, "Female", "Male", 40), ("Asian", 5, "Male", "Male", 40)), "race_real", **DRAWN
        )
        assert table[["gap", "low", "high", "by_chance", "highest"]].isna().all(axis=None)
        assert table["highest_group"].tolist() == [""] * 3 and table["groups"].tolist() == [1] * 3

    def test_within_control_levels_and_all(self):
        frame = simulated(900, 2)
        frame["age_range"] = np.where(frame["age_real"] < 20, "0–19", "20–59")
        table = equalised_odds(frame, "race_real", "age_range", **DRAWN)
        assert table["age_range"].tolist() == ["0–19"] * 3 + ["20–59"] * 3 + ["all"] * 3
        alone = equalised_odds(frame[frame["age_range"] == "0–19"], "race_real", **DRAWN)
        pd.testing.assert_frame_equal(table[:3].drop(columns="age_range"), alone)

    def test_the_same_seed_draws_the_same_and_another_does_not(self):
        frame = simulated(500, 1)
        first, same, other = (equalised_odds(frame, "race_real", resampling=Resampling(s, 99)) for s in (1, 1, 2))
        pd.testing.assert_frame_equal(first, same)
        assert (first["gap"] == other["gap"]).all() and (first["high"] != other["high"]).all()

    def test_needs_a_feature(self):
        with pytest.raises(ValueError, match="sensitive feature"):
            equalised_odds(SMALL, [], **DRAWN)


UNLIKE = people(
    # Girls and women are answered alike in both groups: half of the children, all adults. Asian ones are children.
    *(("Asian", 5, "Female", "Female", 20), ("Asian", 5, "Female", "Male", 20), ("Asian", 40, "Female", "Female", 10)),
    *(("Other", 5, "Female", "Female", 10), ("Other", 5, "Female", "Male", 10), ("Other", 40, "Female", "Female", 40)),
    *(("Asian", 5, "Male", "Male", 30), ("Other", 5, "Male", "Male", 15), ("Other", 5, "Male", "Female", 15)),
)


class TestAtEqualAges:
    def test_what_is_of_age_alone_is_gone_and_the_rest_stays(self):
        crude = equalised_odds(UNLIKE, "race_real", **DRAWN).set_index("rate")["gap"]
        equal = equalised_odds(UNLIKE, "race_real", strata="age_real", **DRAWN).set_index("rate")
        assert crude["true positive"] == pytest.approx(50 / 60 - 30 / 50)
        assert equal.loc["true positive", "gap"] == pytest.approx(0)
        assert equal["gap"].tolist()[1:] == [0.5, 0.5] and equal["age_gap"].tolist() == [0, 0, 0]
        assert equal["strata"].tolist() == [2, 1, 1] and (equal["ages"] == AT_EQUAL_AGES).all()

    def test_as_stratum_by_stratum(self):
        frame = simulated(3_000, 8)
        frame["decade"] = frame["age_real"] // 10
        table = equalised_odds(frame, "race_real", strata="decade", **DRAWN, tolerance=np.inf).set_index("rate")
        for rate, label in (("true positive", "Female"), ("false positive", "Male")):
            of = frame[frame["gender_real"] == label]
            rates = dict.fromkeys(RACES, 0.0)
            for decade in sorted(of["decade"].unique()):
                there = of[of["decade"] == decade]
                for race in RACES:
                    faces = there[there["race_real"] == race]
                    said = [probability >= 0.5 for probability in faces["probability_female"]]
                    rates[race] += len(there) / len(of) * sum(said) / len(said)
            row = table.loc[rate]
            assert (row["highest"], row["lowest"]) == (
                pytest.approx(max(rates.values())),
                pytest.approx(min(rates.values())),
            )
            assert row["highest_group"] == max(rates, key=rates.get) and row["strata"] == 6

    def test_ages_that_stay_too_far_apart_have_no_answer(self):
        faces = [(race, age, label, label, 40) for race, age in (("Asian", 5), ("Other", 9)) for label in GENDERS]
        table = equalised_odds(people(*faces), "race_real", strata="age_real", **DRAWN)
        assert table["age_gap"].tolist() == [4, 4, 4] and table["gap"].isna().all()
        assert table["highest_group"].tolist() == [""] * 3
        within = equalised_odds(people(*faces), "race_real", strata="age_real", **DRAWN, tolerance=4)
        assert within["gap"].tolist() == [0, 0, 0]

    def test_where_one_rate_has_no_answer_neither_has_the_score(self):
        women = [("Asian", 5, "Female", "Female", 40), ("Other", 5, "Female", "Male", 40)]
        men = [("Asian", 5, "Male", "Male", 40), ("Other", 9, "Male", "Male", 40)]
        table = equalised_odds(people(*women, *men), "race_real", strata="age_real", **DRAWN)
        assert table["gap"].tolist()[0] == 1 and table["gap"][1:].isna().all()
        assert table["highest_group"].tolist() == ["Asian", "", ""] and table["age_gap"].tolist() == [0, 4, 4]


@pytest.mark.long
def test_groups_that_are_alike_are_seldom_told_apart():
    tables = [equalised_odds(simulated(600, seed), "race_real", **DRAWN).set_index("rate") for seed in range(200)]
    apart = np.mean([table.loc["equalised odds", "low"] > 0 for table in tables])
    assert apart <= 0.09
    scores, expected = (
        np.mean([table.loc["equalised odds", name] for table in tables]) for name in ("gap", "by_chance")
    )
    assert scores == pytest.approx(expected, rel=0.1) and scores > 0.1  # a gap, where there is none


class TestDoubts:
    def test_all_have_to_contradict_and_be_sure(self):
        names, labels = list("abcde"), ["Male", "Male", "Female", "Female", "Male"]
        faces = pd.DataFrame({"fname": names, "gender_real": labels})
        one = faces.assign(probability_female=[0.95, 0.95, 0.1, 0.04, 0.99])
        two = faces.assign(probability_female=[0.91, 0.89, 0.02, 0.9, 0.97])[:4]
        table = gender_doubts({"one": one, "two": two})
        assert table["label_doubt"].tolist() == [True, False, True, False, False]
        assert table["estimators"].tolist() == [2, 2, 2, 2, 1]
        assert table.loc["a"].tolist()[1:3] == [0.91, 0.95]

    def test_in_whatever_order_the_faces_come(self):
        one, two = (simulated(50, seed).assign(fname=[f"{i}" for i in range(50)]) for seed in (1, 2))
        two["gender_real"] = one["gender_real"]
        straight = gender_doubts({"one": one, "two": two}, sure=0.6)
        assert straight["label_doubt"].any()
        pd.testing.assert_frame_equal(straight, gender_doubts({"one": one, "two": two[::-1]}, sure=0.6))


def test_other_labels_leave_no_empty_group():
    labels = pd.Categorical(["Male", "F", "Female", None], ["Male", "F", "Female"])
    judged = answered_faces(pd.DataFrame({"gender_real": labels, "probability_female": [0.1, 0.9, 0.9, 0.9]}))
    assert judged["gender_answer"].tolist() == ["Male", "Female"]
    assert judged["gender_real"].cat.categories.tolist() == ["Male", "Female"]
