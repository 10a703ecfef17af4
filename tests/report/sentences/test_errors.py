"""Sentences about errors: what they say follows from the tables, and what nothing is known of is not said."""

import numpy as np
import pandas as pd
import pytest

from age_audit.audit.errors.baselines import constant_guesses
from age_audit.audit.errors.equal_ages import differences_at_equal_ages, standardised_within
from age_audit.audit.errors.groups import disaggregate, estimates_of
from age_audit.audit.errors.lost_faces import lost_faces
from age_audit.audit.errors.sensitivity import differences_by_adjustment, largest_differences
from age_audit.audit.findings import count_findings
from age_audit.core.groups import ALL, age_range_of
from age_audit.core.randomness import Resampling
from age_audit.core.vocabulary import GENDERS, RACES
from age_audit.data.frames import completed_frame
from age_audit.report.claims import AUDIT, PUBLISHED
from age_audit.study.positive_shares import positive_shares

BANDS = [[0, 12], [13, 18], [19, 25], [26, 50], [51, 100]]
FEW = {"resampling": Resampling(1, 49, 999)}
FEATURES = {"race": "race_real", "gender": "gender_real"}
WAYS = {"years of age": "age_year", "bands of age": "age_band"}
WORDS = {"features": FEATURES, "oldest": "Over 60 years", "floor": FEW["resampling"].floor}


def faces_of(count, seed):
    """Errors of 4 years up to 50 years of age, of 12 above; women of African faces 6 years worse."""
    rng = np.random.default_rng(seed)
    age, race, gender = rng.integers(0, 101, count), rng.choice(RACES, count), rng.choice(GENDERS, count)
    error = np.where(age > 50, 12.0, 4.0) + 6 * (race == "African") * (gender == "Female") + rng.normal(0, 1, count)
    columns = {"fname": [f"{i}.jpg" for i in range(count)], "age_real": age, "age_estimation": age + error}
    frame = completed_frame(pd.DataFrame(columns | {"race_real": race, "gender_real": gender}))
    years = [[year, year] for year in range(101)]
    return frame.assign(age_band=age_range_of(age, BANDS), age_year=age_range_of(age, years))


def tables_of(faces):
    """Every table that claims are made of, made as the notebook makes it."""
    rows = faces.to_dict("records")
    tables, compared, ranks, pairs = {}, [], [], []
    for name, feature in FEATURES.items():
        errors = disaggregate(faces, feature, "age_range", **FEW)
        equal = differences_at_equal_ages(faces, feature, "age_year", "age_range", **FEW)
        standardised = standardised_within(faces, feature, "age_year", "age_range", **FEW)
        old = faces[faces["age_real"] > 60]
        tables[f"differences_by_{name}"] = errors.difference
        tables[f"adjustments_by_{name}"] = differences_by_adjustment(faces, feature, WAYS, "age_range")
        tables[f"largest_by_{name}"] = largest_differences(faces, feature, "age_year", "age_range", **FEW)
        tables[f"oldest_by_{name}"] = standardised_within(old, feature, "age_year", **FEW)
        pairs.append(differences_at_equal_ages(old, feature, "age_year", **FEW).assign(groups=name))
        tables |= {f"positive_by_{name}": positive_shares(rows, feature), f"errors_by_{name}": errors.by_group}
        tables |= {f"equal_ages_by_{name}": equal, "errors_overall": errors.overall}
        crude = errors.difference[errors.difference["kind"] == "between"]
        compared += [crude.assign(groups=name, ages="as they are"), equal.assign(groups=name, ages="equal")]
        ranks.append(standardised.assign(groups=name))
    tables["oldest_pairs"] = pd.concat(pairs)
    within = pd.concat(compared)
    tables["findings"] = count_findings(within[within["age_range"] != ALL], ["groups", "ages", "measure"])
    by = ["groups", "measure", "age_range"]
    tables["rank_changes"] = pd.concat(ranks).groupby(by, sort=False, as_index=False)["rank_changes"].sum()
    tables["errors_along_age"] = estimates_of(faces, ["age_band"], **FEW)
    tables["baselines"] = constant_guesses(faces, **FEW)
    tables["lost_faces"] = lost_faces({"cropping": {"images_total": 500, "images_failed_detected": 20}})
    return tables


@pytest.fixture(scope="module")
def table(claimed):
    return claimed("errors", tables_of(faces_of(1500, 1)), **WORDS)


def sentences(table, *words):
    return [claim for claim in table["claim"] if all(word in claim for word in words)]


def test_planted_groups_are_named(table):
    (sentence,) = sentences(table, "By race, the mean absolute error is largest for African at 26–100 years")
    assert "95 % interval" in sentence and "n = " in sentence
    (sentence,) = sentences(table, "In bands of age", "largest at 51–100 years")
    assert sentence.split("years: ")[1][:2] in ("12", "13")
    (sentence,) = sentences(table, "At 26–100 years, mean absolute errors differ most at equal ages between", "African")
    assert "(95 % interval" in sentence and ", p (Holm) ≤ 0.0" in sentence  # up to 50 times 1 / 1,000
    assert sentences(
        table, "Over 60 years, mean signed error of Female: +1", " as they are (95 % interval +1", "at equal"
    )
    gender, race = sentences(table, "Over 60 years, estimates differ most by")  # what stands on top is told first
    assert "by gender between Male and Female: the mean signed error of Male less that of Female is −1" in gender
    assert "by race between" in race and "African" in race and gender.endswith(" years as they are.")


def test_a_difference_stands_beside_what_it_is_with_ages_made_equal_otherwise(table):
    """Bands of 12 to 50 years are not equal ages: where ages are then more than a year apart, nothing is said."""
    by_race, _ = sentences(table, "the pair that differs at equal ages and to which unequal ages add most")
    at, pair = by_race.split(", mean absolute error of ")
    pair = pair.split(",")[0]
    adjusted = sentences(table, f"{at}, {pair}, adjusted for ")
    assert {"years of age", "one curve of age for both"} <= {
        text.split("adjusted for ")[1].split(":")[0] for text in adjusted
    }
    assert all("(95 % interval" in text for text in adjusted)
    largest = sentences(table, "the largest difference of mean absolute error between any two groups is", "of it")
    assert len(largest) == 2 and all("; mean ages are then up to" in sentence for sentence in largest)
    assert len(sentences(table, ", without ", "mean ages are then up to")) == 1  # of two genders none is left out


def test_both_sides_and_every_question(table):
    assert set(table["side"]) == {PUBLISHED, AUDIT}
    assert table["question"].nunique() == 9
    assert table["value"].notna().all()
    assert table["claim"].str.contains("images, 4.0 % ended without an estimate").any()


def test_few_faces_and_empty_groups_make_fewer_claims(claimed):
    faces = faces_of(12, 2)
    found = claimed("errors", tables_of(faces[faces["race_real"] != "Indian"]), **WORDS)
    assert not sentences(found, "By race, the mean absolute error is largest")
    assert sentences(found, "An estimate is off by")
