"""Claims on several estimators: each has its number, whatever the number of faces or of estimators."""

import numpy as np
import pandas as pd
import pytest

from age_audit.audit.errors.equal_ages import standardised_within
from age_audit.audit.errors.groups import estimates_of
from age_audit.audit.errors.nist import mean_over_cells
from age_audit.audit.errors.several_estimators import agreement, cumulative_scores
from age_audit.core.groups import age_range_of
from age_audit.core.randomness import Resampling

DRAWING = {"resampling": Resampling(1, 99, 9)}


def tables_of(count, names=("near", "far")):
    rng = np.random.default_rng(2)
    age = rng.integers(18, 31, count).astype(float)
    race = rng.choice(["Asian", "Other"], count)
    columns = {"fname": [f"{i}.jpg" for i in range(count)], "age_real": age, "race_real": race}
    columns |= {
        "gender_real": rng.choice(["Male", "Female"], count),
        "age_band": age_range_of(age, [(18, 24), (25, 30)]),
    }
    off = {"near": 1.0 + 3 * (race == "Asian"), "far": -12.0 - 3 * (race == "Asian")}
    frames = {
        name: pd.DataFrame(columns).assign(age_estimation=age + off[name] + rng.normal(0, 0.3, count)) for name in names
    }

    def of_all(make):
        return pd.concat([make(frame).assign(estimator=name) for name, frame in frames.items()], ignore_index=True)

    gaps = of_all(
        lambda frame: (
            standardised_within(frame, "race_real", "age_real", **DRAWING)
            .rename(columns={"race_real": "group"})
            .assign(feature="race")
        )
    )
    both = pd.DataFrame({"feature": ["race"] * 2, "group": ["Asian", "Other"], "estimators": 2})
    nist = [{"estimator": name, **mean_over_cells(frame, **DRAWING)} for name, frame in frames.items()]
    return {
        "compared_scores": cumulative_scores(frames),
        "compared_errors": of_all(lambda frame: estimates_of(frame, [], **DRAWING)),
        "as_nist_states_it": pd.DataFrame(nist),
        "compared_along_age": of_all(lambda frame: estimates_of(frame, ["age_band"], **DRAWING)),
        "gaps": gaps,
        "gaps_in_common": both.assign(above=[2, 0], below=[0, 1]),
        "agreement": agreement(frames, **DRAWING),
        "doubts": pd.DataFrame({"labels": [count], "in_doubt": [3]}),
    }


def test_claims_speak_of_their_numbers(claimed):
    table = claimed("compare", tables_of(600))
    assert table["value"].notna().all() and (table["side"] == "audit").all()
    said = table.groupby("question", sort=False)["claim"].apply("\n".join)
    nearest = said["Which estimator comes nearest?"]
    assert (
        "near comes nearest: 100 % of its estimates" in nearest
        and "it has seen" not in nearest
        and "far is furthest off: 0 %" in nearest
    )
    assert "near has the smallest mean absolute error: 2." in said["How large are their errors as NIST states them?"]
    assert "far is furthest off to one side" in said["Whom do they judge too young or too old?"]
    gaps = said["Whose errors are larger at equal ages?"]
    assert "the errors of near differ most from those of all faces for Asian: by +1." in gaps
    assert "labelled Asian are estimated worse than all faces by all 2 estimators, by more than chance" in gaps
    assert "labelled Other" not in gaps  # better by one of two, which chance can do
    assert "3 of 600 labels are in doubt" in said["How many labels may be wrong?"]


@pytest.mark.parametrize("count", [1, 3])
def test_few_faces_make_fewer_claims_and_none_of_nothing(count, claimed):
    table = claimed("compare", tables_of(count))
    assert not table["claim"].str.contains("nan").any() and table["value"].notna().all()


def test_who_was_trained_on_the_faces_is_not_called_nearest(claimed):
    tables = tables_of(300)
    marked = {"near": "near (trained on UTKFace)"}
    for name in ("compared_scores", "compared_errors", "as_nist_states_it", "compared_along_age", "gaps"):
        tables[name]["estimator"] = tables[name]["estimator"].replace(marked)
    said = "\n".join(claimed("compare", tables)["claim"])
    assert "as far as is known, far comes nearest: 0 %" in said
    assert "near (trained on UTKFace): 100 % of its estimates lie within five years" in said


def test_of_one_estimator_nothing_is_said_of_all(claimed):
    tables = tables_of(300)
    tables["gaps_in_common"]["estimators"] = 1
    tables["gaps_in_common"]["above"] = [1, 0]
    assert not claimed("compare", tables)["claim"].str.contains("by all").any()


def test_errors_to_no_side_and_labels_that_nobody_can_doubt_are_no_findings(claimed):
    tables = tables_of(300)
    tables["compared_along_age"]["low"], tables["compared_along_age"]["high"] = -1.0, 1.0
    tables["doubts"] = pd.DataFrame({"labels": [0], "in_doubt": [0]})
    questions = set(claimed("compare", tables)["question"])
    assert questions.isdisjoint({"Whom do they judge too young or too old?", "How many labels may be wrong?"})


def test_without_sexes_nothing_is_said_of_nists_number(claimed):
    tables = tables_of(60)
    tables["as_nist_states_it"]["mean_absolute_error"] = np.nan
    assert not claimed("compare", tables)["question"].str.contains("NIST").any()
