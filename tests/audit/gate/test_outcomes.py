"""Three outcomes, by hand."""

import numpy as np
import pandas as pd
import pytest

from age_audit.audit.gate.outcomes import outcomes, three_outcomes, widths
from age_audit.audit.gate.rates import passed
from age_audit.core.policy import Policy

EXACT = Policy(age=18)


@pytest.fixture
def faces():
    estimates = [8.0, 12, 14, 17, 18, 19, 22, 24, 26, 40, np.nan, 20]
    spreads = [4.0, 4, 5, 2, 3, 0.5, 5, 5, 8, 4, np.nan, np.nan]
    return pd.DataFrame({"age_real": [16] * 12, "age_estimation": estimates, "age_spread": spreads})


def test_each_face_by_hand(faces):
    found = outcomes(faces, EXACT, faces["age_spread"].to_numpy())
    ask = "ask for a document"
    # 12 + 4 and 14 + 5 are below and above 18; 19 - 0.5 is above it, 22 - 5 is not, and 26 - 8 is no more than 18.
    # Of the last two one is not found, and of the other the model does not say how sure it is.
    expected = ["refuse", "refuse", ask, ask, ask, "pass", ask, "pass", ask, "pass", "refuse", ask]
    assert found.tolist() == expected


def test_without_a_band_who_is_at_the_limit_passes(faces):
    found = outcomes(faces, EXACT, np.zeros(12))
    assert (found == "pass").tolist() == [False] * 4 + [True] * 6 + [False, True]
    assert not (found == "ask for a document").any()


def test_doubt_comes_on_top_of_the_buffer(faces):
    challenge, ask = Policy("Challenge 25", 18, 7), "ask for a document"
    judged = pd.DataFrame({"age_estimation": [24.0, 24, 30, 30, 17, 15, 25]})
    # 30 - 5 is no more than 25, 30 - 4 is; 17 + 2 reaches 18, 15 + 2 does not; without doubt who looks 25 passes
    found = outcomes(judged, challenge, np.array([2.0, 5, 5, 4, 2, 2, 0]))
    assert found.tolist() == [ask, ask, ask, "pass", ask, "refuse", "pass"]
    for doubt in (np.zeros(12), faces["age_spread"].to_numpy()):
        assert set(np.flatnonzero(outcomes(faces, challenge, doubt) == "pass")) <= set(
            np.flatnonzero(passed(faces, challenge))
        )
    assert ((outcomes(faces, challenge, np.zeros(12)) == "pass") == (passed(faces, challenge) == 1)).all()


def test_where_bands_are_compared_each_takes_the_place_of_the_buffer(faces):
    given = {"five years": np.full(12, 5.0)}
    pd.testing.assert_frame_equal(
        three_outcomes(faces, Policy(age=18, buffer=7), given), three_outcomes(faces, EXACT, given)
    )


@pytest.mark.parametrize(("word", "found"), [("refuse", "refuse"), ("pass", "pass"), ("error", None)])
def test_a_face_that_is_not_found(faces, word, found):
    assert outcomes(faces, Policy(age=18, not_found=word), np.zeros(12))[10] is found


def test_shares_by_hand_add_up_to_one(faces):
    policy = Policy(age=18, not_found="error")
    table = three_outcomes(faces, policy, {"five years": np.full(12, 5.0)})
    young = table[table["ages"] == "13–17"].set_index("outcome")
    assert young["n"].tolist() == [11] * 3 and young["faces"].to_dict() == {
        "pass": 3,
        "ask for a document": 6,
        "refuse": 2,
    }
    assert young["share"].sum() == pytest.approx(1) and young["median_width"].iloc[0] == 5
    assert (table[table["ages"] == "18 and over"]["n"] == 0).all()


def test_one_width_asks_as_many_as_the_stated_spread(faces):
    found = widths(faces, Policy(age=18, buffer=7))
    assert list(found)[:3] == ["no band", "the policy's buffer", "± 1 stated SD"]
    stated = np.abs(faces["age_estimation"] - 18) <= found["± 1 stated SD"]
    alike = np.abs(faces["age_estimation"] - 18) <= found["one width that asks as many as ± 1 SD"]
    known = faces["age_spread"].notna()
    assert alike[known].sum() == stated[known].sum() == 5


def test_a_model_that_states_no_spread_has_no_such_band(faces):
    assert list(widths(faces.drop(columns="age_spread"), EXACT)) == ["no band"]
    assert list(widths(faces.assign(age_spread=np.nan), EXACT)) == ["no band"]
