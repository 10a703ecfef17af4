"""False passes and false refusals, counted by hand; and the numbers of the faces that ship."""

import numpy as np
import pandas as pd
import pytest

from age_audit.audit.gate.rates import (
    Ages,
    bands,
    gate_rates,
    passed,
    rates_by_what_becomes_of_lost,
    shown_shares,
    single_years,
    within,
)
from age_audit.core.errors import UsageError
from age_audit.core.paths import ROOT
from age_audit.core.policy import Policy
from age_audit.data.results import find_results
from age_audit.stats.proportions import wilson_interval

EXACT = Policy(age=18)


@pytest.fixture
def faces():
    """Ages 16 and 20, twelve of each, of two sexes: of 16 years women pass twice and men once of six, one is lost."""
    rows = [(16, "Female", estimate) for estimate in (18, 30, 17.99, 10, 10, 10)]
    rows += [(16, "Male", estimate) for estimate in (25, 10, 10, 10, 10, None)]
    rows += [(20, "Female", estimate) for estimate in (18, 25, 25, 25, 25, 17)]
    rows += [(20, "Male", estimate) for estimate in (18, 18, 18, 18, 18, None)]
    return pd.DataFrame(rows, columns=["age_real", "gender_real", "age_estimation"])


def row_of(table, **where):
    for column, value in where.items():
        table = table[table[column] == value]
    assert len(table) == 1
    return table.iloc[0]


def test_counts_by_hand(faces):
    table = gate_rates(faces, EXACT)
    young, old = row_of(table, ages="13–17"), row_of(table, ages="18–22")
    assert (young["n"], young["faces"], young["n_not_found"]) == (12, 3, 1)
    assert (old["n"], old["faces"], old["n_not_found"]) == (12, 2, 1)
    assert young["share"] == 0.25 and (young["low"], young["high"]) == pytest.approx(wilson_interval(3, 12))
    assert row_of(table, ages="16")["share"] == 0.25 and row_of(table, ages="20")["rate"] == "false refusal"
    assert young["few_faces"] and row_of(table, ages="17")["n"] == 0


def test_with_a_buffer_who_looks_younger_than_it_does_not_pass(faces):
    table = gate_rates(faces, Policy(age=18, buffer=7))
    assert row_of(table, ages="13–17")["faces"] == 2  # 30 and 25
    assert row_of(table, ages="18–22")["faces"] == 8  # all but the four of 25
    assert row_of(table, ages="25 and over")["n"] == 0


def test_groups_of_fewer_than_ten_are_counted_but_have_no_number(faces):
    table = gate_rates(faces, EXACT, ["gender_real"], ["gender_real"], bands(EXACT))
    women = row_of(table, gender_real="Female", ages="13–17")
    assert women["n"] == 6 and pd.isna(women["faces"]) and np.isnan([women["share"], women["low"], women["high"]]).all()
    assert row_of(table, gender_real="all", ages="13–17")["share"] == 0.25


def test_nine_are_too_few_and_ten_are_not():
    table = shown_shares(pd.DataFrame({"faces": [0, 0], "n": [9, 10]}))
    assert (
        np.isnan(table["share"][0]) and table["share"][1] == 0 and table["high"][1] == pytest.approx(0.2775, abs=1e-4)
    )


@pytest.mark.parametrize(("word", "n", "share"), [("refuse", 12, 3 / 12), ("error", 11, 3 / 11), ("pass", 12, 4 / 12)])
def test_what_becomes_of_a_face_that_is_not_found(faces, word, n, share):
    table = rates_by_what_becomes_of_lost(faces, EXACT)
    young = row_of(table, not_found=word, ages="13–17")
    assert young["n"] == n and young["share"] == pytest.approx(share) and young["n_not_found"] == 1


def test_ages_at_the_ends(faces):
    frame = pd.DataFrame({"age_real": [12.99, 13, 17.99, 18, np.nan], "age_real_low": [np.nan] * 4 + [13]})
    frame = frame.assign(age_real_high=[np.nan] * 4 + [17])
    assert within(frame, bands(EXACT)[0]).tolist() == [False, True, True, False, True]
    assert within(frame.assign(age_real_high=[np.nan] * 4 + [18]), bands(EXACT)[0]).tolist()[-1] is False
    assert [ages.label for ages in bands(Policy(age=3))][:2] == ["0–2", "under 3"]
    assert [ages.low for ages in single_years(Policy(age=2, buffer=0.5))] == list(range(13))
    assert bands(Policy(age=18, buffer=0.5))[-1] == Ages("false refusal", "19 and over", 19, 200)


def test_an_estimate_at_the_limit_passes():
    estimates = pd.DataFrame({"age_estimation": [24.999, 25.0, np.nan]})
    assert passed(estimates, Policy(age=18, buffer=7)).tolist() == [0, 1, 0]


def test_a_missing_column_is_named(faces):
    with pytest.raises(UsageError, match=r"missing column.*race_real"):
        gate_rates(faces, EXACT, ["race_real"])


def test_the_faces_that_ship():
    """Counted anew, literally, from the predictions: 62 % of 593 labelled 13–17 pass at 18, 28 % at 25."""
    faces = find_results(ROOT / "metadatasets", "dex-wrn", "published", "utkface").predictions
    young = [face for face in faces.itertuples() if 13 <= face.age_real <= 17]
    assert len(young) == 593
    for buffer, percent, of_indian in ((0, 62, 89), (7, 28, 57)):
        policy = Policy(age=18, buffer=buffer)
        table = gate_rates(faces, policy, ["race_real"], ["race_real"], bands(policy)[:1])
        everyone, indian = (row_of(table, race_real=race) for race in ("all", "Indian"))
        assert everyone["faces"] == sum(face.age_estimation >= 18 + buffer for face in young)
        assert round(100 * everyone["share"]) == percent
        assert indian["n"] == 54 and round(100 * indian["share"]) == of_indian
        if not buffer:
            assert (round(100 * everyone["low"]), round(100 * everyone["high"])) == (58, 66)
