"""Sentences about errors: what they say follows from the tables, and what nothing is known of is not said."""

import numpy as np
import pandas as pd
import pytest

from age_audit.audit.errors.baselines import constant_guesses
from age_audit.audit.errors.equal_ages import differences_at_equal_ages, standardised_within
from age_audit.audit.errors.groups import disaggregate, estimates_of
from age_audit.audit.errors.lost_faces import lost_faces
from age_audit.audit.findings import count_findings
from age_audit.core.groups import ALL, age_range_of
from age_audit.core.randomness import Resampling
from age_audit.core.vocabulary import GENDERS, RACES
from age_audit.data.frames import completed_frame
from age_audit.report.claims import AUDIT, PUBLISHED, Claims
from age_audit.report.saving import Saver
from age_audit.report.sentences import add_claims
from age_audit.study.positive_shares import positive_shares

BANDS = [[0, 12], [13, 18], [19, 25], [26, 50], [51, 100]]
FEW = {"resampling": Resampling(1, 49, 49)}
FEATURES = {"race": "race_real", "gender": "gender_real"}


def faces_of(count, seed):
    """Errors of 4 years up to 50 years of age, of 12 above; women of African faces 6 years worse."""
    rng = np.random.default_rng(seed)
    age, race, gender = rng.integers(0, 101, count), rng.choice(RACES, count), rng.choice(GENDERS, count)
    error = np.where(age > 50, 12.0, 4.0) + 6 * (race == "African") * (gender == "Female") + rng.normal(0, 1, count)
    columns = {"fname": [f"{i}.jpg" for i in range(count)], "age_real": age, "age_estimation": age + error}
    frame = completed_frame(pd.DataFrame(columns | {"race_real": race, "gender_real": gender}))
    return frame.assign(age_band=age_range_of(frame["age_real"], BANDS))


def saved_tables(faces, folder):
    """Every table that claims are made of, made as the notebook makes it."""
    saver = Saver("test", "t", folder, folder)
    rows = faces.to_dict("records")
    tables, compared, ranks = {}, [], []
    for name, feature in FEATURES.items():
        errors = disaggregate(faces, feature, "age_range", **FEW)
        equal = differences_at_equal_ages(faces, feature, "age_band", "age_range", **FEW)
        standardised = standardised_within(faces, feature, "age_band", "age_range", **FEW)
        tables |= {f"positive_by_{name}": positive_shares(rows, feature), f"errors_by_{name}": errors.by_group}
        tables |= {f"equal_ages_by_{name}": equal, "errors_overall": errors.overall}
        crude = errors.difference[errors.difference["kind"] == "between"]
        compared += [crude.assign(groups=name, ages="as they are"), equal.assign(groups=name, ages="equal")]
        ranks.append(standardised.assign(groups=name, strata="age bands"))
    within = pd.concat(compared)
    tables["findings"] = count_findings(within[within["age_range"] != ALL], ["groups", "ages", "measure"])
    by = ["groups", "measure", "age_range", "strata"]
    tables["rank_changes"] = pd.concat(ranks).groupby(by, sort=False, as_index=False)["rank_changes"].sum()
    tables["errors_along_age"] = estimates_of(faces, ["age_band"], **FEW)
    tables["baselines"] = constant_guesses(faces, **FEW)
    tables["lost_faces"] = lost_faces({"cropping": {"images_total": 500, "images_failed_detected": 20}})
    for stem, table in tables.items():
        saver.table(table, stem, "")
    return saver


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    saver = saved_tables(faces_of(1500, 1), tmp_path_factory.mktemp("claims"))
    claims = Claims(saver)
    add_claims("errors", claims, saver.saved, features=FEATURES)
    return claims.table()


def sentences(table, *words):
    return [claim for claim in table["claim"] if all(word in claim for word in words)]


def test_planted_groups_are_named(table):
    (sentence,) = sentences(table, "By race, the mean absolute error is largest for African at 26–100 years")
    assert "95 % interval" in sentence and "n = " in sentence
    (sentence,) = sentences(table, "In bands of age", "largest at 51–100 years")
    assert sentence.split("years: ")[1][:2] in ("12", "13")
    assert sentences(table, "At 26–100 years, mean absolute errors differ by", "the largest as they are")
    assert all("p (Holm) = " in sentence for sentence in sentences(table, "at equal ages they differ by"))


def test_both_sides_and_every_question(table):
    assert set(table["side"]) == {PUBLISHED, AUDIT}
    assert table["question"].nunique() == 8
    assert table["value"].notna().all()
    assert sentences(table, "A share of 0.0400 of all images ended without an estimate.")


def test_few_faces_and_empty_groups_make_fewer_claims(tmp_path):
    faces = faces_of(12, 2)
    saver = saved_tables(faces[faces["race_real"] != "Indian"], tmp_path)
    claims = Claims(saver)
    add_claims("errors", claims, saver.saved, features=FEATURES)
    found = claims.table()
    assert not sentences(found, "By race, the mean absolute error is largest")
    assert sentences(found, "Estimates are off by")
