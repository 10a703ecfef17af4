"""Claims on gender answers: each has its number, whatever the number of faces or of estimators."""

import numpy as np
import pandas as pd
import pytest

from age_audit.audit.box_bias import (
    activation_shares,
    age_outcomes,
    bias_table,
    classification_outcomes,
    reversed_parts,
)
from age_audit.audit.box_bias_at_equal import bias_at_equal
from age_audit.audit.box_chance import beside_chance
from age_audit.audit.errors.gender import count_answers, equalised_odds, gender_rates
from age_audit.core.groups import age_range_of
from age_audit.core.randomness import Resampling
from age_audit.regions.boxes import BOX_REGIONS

WORDS = {"up_to": "0–60", "oldest": "13–60"}
DRAWING = {"resampling": Resampling(1, 99)}


def tables_of(count, names=("good", "poor")):
    """The poor one answers men rightly and of women half, of Asian ones none."""
    rng = np.random.default_rng(2)
    age, race = rng.integers(0, 61, count).astype(float), rng.choice(["Asian", "Other"], count)
    female = rng.random(count) < 0.5
    columns = {"race_real": race, "age_real": age, "gender_real": np.where(female, "Female", "Male")}
    ages = age_range_of(age, [(0, 12), (13, 60)])
    right = {"good": np.ones(count, bool), "poor": ~female | ((rng.random(count) < 0.5) & (race == "Other"))}
    frames = {
        name: pd.DataFrame(columns).assign(
            age_range=ages, age_band=ages, probability_female=np.where(right[name] == female, 0.9, 0.1)
        )
        for name in names
    }

    def of_all(make):
        return pd.concat([make(frame).assign(estimator=name) for name, frame in frames.items()], ignore_index=True)

    odds = [
        of_all(lambda frame, strata=strata: equalised_odds(frame, "race_real", "age_range", strata, **DRAWING))
        for strata in ((), "age_real")
    ]
    up_to = [table[table["age_range"] == "all"].assign(age_range="0–60") for table in odds]
    between = of_all(lambda frame: equalised_odds(frame, "age_range", **DRAWING).assign(age_range="all"))
    odds = pd.concat(
        [*(table.assign(feature="race") for table in (*odds, *up_to)), between.assign(feature="age range")]
    )
    without = odds[(odds["ages"] == "as they are") & (odds["feature"] == "race")]
    without = without.assign(gap_of_all=without["gap"] + 0.25, left_out_faces=7, change=0 * without["gap"] - 0.25)
    counts = [{"estimator": name, **count_answers(frame)} for name, frame in frames.items()]
    return {
        "gender_answers": pd.DataFrame(counts),
        "gender_by_age": of_all(lambda frame: gender_rates(frame, "age_range", ["age_range"])),
        "gender_along_age": of_all(lambda frame: gender_rates(frame, "age_band")),
        "equalised_odds": odds.reset_index(drop=True),
        "equalised_odds_without_doubts": without[without["age_range"] != "0–60"].reset_index(drop=True),
        "gender_doubts": pd.DataFrame({"labels": [count], "in_doubt": [3]}),
    }


def said(claimed, tables):
    table = claimed("gender", tables, **WORDS)
    assert table["value"].notna().all() and (table["side"] == "audit").all()
    return table.groupby("question", sort=False)["claim"].apply("\n".join)


def test_claims_speak_of_their_numbers(claimed):
    found = said(claimed, tables_of(2_000))
    assert "good answers the labelled gender most often: for 100 % of 2,000 faces" in found.iloc[0]
    assert "\npoor answers Male for 100 % of 9" in found.iloc[0]
    assert "poor answers Female for only 2" in found["Are women and men alike answered at the oldest ages?"]
    apart = found["How far are groups apart?"]
    assert apart.startswith("Between groups by race, poor is furthest from equalised odds: its score is 0.")
    assert "0 % of those labelled Female and Asian." in apart
    assert (
        "faces of 0–60 years, the largest score between groups by race is that of poor"
        in found.loc["How far are groups apart at equal ages?"]
    )
    assert "3 of 2,000 gender labels are in doubt" in found["How many gender labels may be wrong?"]
    assert "Without 7 faces" in found["Which gaps hang on labels in doubt?"]


def test_those_trained_on_these_faces_are_not_the_best(claimed):
    tables = tables_of(600)
    for table in tables.values():
        if "estimator" in table:
            table["estimator"] = table["estimator"].replace("good", "good (trained on UTKFace)")
    assert (
        said(claimed, tables)
        .iloc[0]
        .startswith("Of estimators that were not trained on these faces, as far as is known, poor")
    )


@pytest.mark.parametrize("count", [0, 1, 40])
def test_of_few_faces_there_is_no_number_but_no_error_either(claimed, count):
    table = claimed("gender", tables_of(count), **WORDS)
    assert not table["claim"].str.contains("nan").any()


def test_without_other_groups_than_gender(claimed):
    tables = tables_of(600)
    tables["equalised_odds"] = tables["equalised_odds"].query("feature == 'age range'")
    del tables["equalised_odds_without_doubts"]
    found = said(claimed, tables)
    assert (
        "How far are groups apart at equal ages?" not in found
        and "Between age ranges" in found["How far are groups apart?"]
    )


def region_tables(count):
    """Of women who are misclassified the nose is always active, everything else by chance; ages err by chance."""
    rng = np.random.default_rng(3)
    gender, answer = rng.choice(["Female", "Male"], (2, count))
    age = rng.integers(0, 61, count).astype(float)
    frame = pd.DataFrame({"gender_real": gender, "gender_answer": answer, "age_real": age})
    frame["age_estimation"] = age + rng.choice([-20, 0, 20], count)
    active = {f"active_{region}": rng.random(count) < 0.3 for region in BOX_REGIONS}
    active["active_nose"] |= (gender == "Female") & (answer == "Male")
    frame = frame.assign(**active)
    outcome = classification_outcomes(frame, "gender_real", "gender_answer")
    by_answer = bias_table(frame.assign(outcome=outcome), "outcome", frame["gender_answer"], **DRAWING)
    chance = beside_chance(frame, rng.random((199, count, 8)) < 0.3, "gender_real", outcome)
    tables = {
        "gender_active_regions": activation_shares(frame, "gender_real", outcome),
        "gender_regions_beside_chance": chance.assign(chance="boxes of other faces"),
        "gender_region_bias": bias_table(frame, "gender_real", outcome, **DRAWING),
        "gender_region_bias_at_equal_ages": bias_at_equal(frame, "gender_real", outcome, "age_real", **DRAWING),
        "gender_regions_at_equal_answers": by_answer.rename(columns={"outcome": "answered"}),
        "age_region_bias": bias_table(frame, "gender_real", age_outcomes(frame), **DRAWING),
    }
    tables["gender_region_reversals"] = reversed_parts(tables["gender_region_bias"])
    saved = {name: table.rename(columns={"gender_real": "gender"}) for name, table in tables.items()}
    return {name: table.assign(estimator="poor") for name, table in saved.items()}


def test_where_it_looks(claimed):
    found = said(claimed, tables_of(600) | region_tables(1_000))
    assert found["Is it the face or the answer?"].startswith(
        "Of 8 parts of the face 1 are unequally active between faces labelled Female and Male that poor misclassifies"
    )
    wrongly = found["Where does it look when gender is answered wrongly?"].split("\n")
    assert wrongly[0].startswith("When poor misclassifies, the overall bias score between faces labelled Female (2")
    assert "genders dealt at random score 0.0" in wrongly[0]
    assert wrongly[1].startswith("Among faces that poor classifies rightly the overall bias score is 0.0")
    assert wrongly[2].startswith(
        "When poor misclassifies, the nose differs most: it is active on 100 % of faces labelled Fem"
    )
    assert len(wrongly) == 3  # among those classified rightly no part is told apart
    assert "the nose is active for 6" in found["Is it more than boxes by chance?"]
    assert "labelled Female less labelled Male, is +0.7" in found["Do the genders differ at equal ages?"]
    equal = found["And at equal answers?"].split("\n")
    assert equal[1].startswith("Of faces that poor answers Male, those that are misclassified differ most at the nose")
    ages = found["Where does it look when ages are estimated wrongly?"].split("\n")
    assert [line.split(" by ")[0] for line in ages] == ["Of faces estimated too old", "Of faces estimated too young"]


@pytest.mark.parametrize("count", [2, 30])
def test_regions_of_few_faces(claimed, count):
    table = claimed("gender", tables_of(40) | region_tables(count), **WORDS)
    assert not table["claim"].str.contains("nan").any()


def test_a_classifier_whose_parts_go_with_the_answer(claimed):
    tables = region_tables(1_000)
    counted = tables["gender_region_reversals"].assign(
        parts=3, reversed=2, alike=0, score=0.0561, score_shuffled=0.0141
    )
    found = said(claimed, tables_of(600) | tables | {"gender_region_reversals": counted})
    assert found["Is it the face or the answer?"] == (
        "On whom poor looks at a part of the face more often turns with its answer: 3 of 8 parts are unequally active "
        "between misclassified faces labelled Female and Male (overall bias score 0.056, by chance 0.014), 2 of them "
        "the other way round than on faces that are classified rightly."
    )
