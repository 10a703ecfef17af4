"""Claims of Appendix A on simulated faces: each has its number, whatever the number of faces."""

import numpy as np
import pandas as pd
import pytest

from age_audit.core.randomness import Resampling
from age_audit.data.frames import completed_frame
from age_audit.recheck import appendix_a
from age_audit.recheck.normality import rejections_by_size
from age_audit.study import appendix_a as study_appendix_a

FEW = {"seed": 1, "permutations": 9}


def tables_of(count):
    rng = np.random.default_rng(2)
    race = rng.choice(["Asian", "Other"], count)
    age = rng.integers(0, 13, count)
    columns = {"fname": [f"{i}.jpg" for i in range(count)], "age_real": age, "race_real": race}
    columns |= {"gender_real": "Male", "age_estimation": age + 5 + 9 * (race == "Asian") + rng.normal(0, 2, count)}
    frame = completed_frame(pd.DataFrame(columns))
    sets = {"explained": frame.head(20), "estimated": frame}
    published = {name: study_appendix_a.published_table(faces.to_dict("records")) for name, faces in sets.items()}
    audit = appendix_a.audit_table(frame, resampling=Resampling(1, 9, 9))
    groups = appendix_a.group_tests(sets, **FEW)
    samples = rejections_by_size(frame, ["age_range", *appendix_a.FEATURES], seed=1, draws=5)
    tests = appendix_a.normality_table(sets, seed=1, draws=9, simulations=9)
    return {
        "verdicts": study_appendix_a.published_verdicts(published).merge(
            appendix_a.normality_verdicts(tests).drop(columns=["groups", "tested"]), on="faces"
        ),
        "normality_by_n": samples.rename(columns={"gender_real": "gender", "race_real": "race"}),
        "chi_square_verdicts": appendix_a.chi_square_verdicts(appendix_a.chi_square_units(frame)),
        "appendix_a_audit": appendix_a.beside_published(audit, published["estimated"]),
        "group_tests": groups,
        "group_test_verdicts": appendix_a.group_test_verdicts(groups),
    }


def test_claims_speak_of_their_numbers(claimed):
    saved = tables_of(300)
    table = claimed("appendix_a", saved, **appendix_a.words())
    assert table["value"].notna().all()
    assert table.groupby("question")["side"].apply(lambda sides: set(sides) == {"published", "audit"}).all()
    worst = table[table["column"] == "mean_absolute_error"].iloc[0]
    audit = saved["appendix_a_audit"]
    assert worst["value"] == audit["mean_absolute_error"].max()
    assert worst["claim"].startswith(
        "Of groups with 30 faces or more, the mean absolute error is largest for Male, Asian, 0–12"
    )
    ratio = table[table["column"] == "largest_ratio"].iloc[0]
    assert "is 12 times as large" in ratio["claim"]


@pytest.mark.parametrize("count", [0, 1])
def test_few_faces_make_fewer_claims_and_none_of_nothing(count, claimed):
    table = claimed("appendix_a", tables_of(count), **appendix_a.words())
    assert not table["claim"].str.contains("nan").any()
    assert table["value"].notna().all()
