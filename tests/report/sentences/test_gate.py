"""Claims on a gate: each has its number, whatever the number of faces."""

import numpy as np
import pandas as pd
import pytest

from age_audit.audit.gate.aev import aev_rates
from age_audit.audit.gate.curves import buffers_needed
from age_audit.audit.gate.gaps import gate_gaps, worst_groups
from age_audit.audit.gate.labels import passes_under_noise
from age_audit.audit.gate.outcomes import three_outcomes, widths
from age_audit.audit.gate.rates import bands, gate_rates, rates_by_what_becomes_of_lost, single_years
from age_audit.core.policy import Policy
from age_audit.core.randomness import Resampling

BARE, BUFFERED = Policy(age=18), Policy(age=18, buffer=7)
JUDGED = {"from 18": BARE, "from 25": BUFFERED}
DRAWN = {"resampling": Resampling(1, 99)}
WORDS = {"limit": "18", "near": "13–17", "above": "18–22", "bare": "from 18", "buffered": "from 25", "ask_below": "25"}
WORDS |= {"last_year": "17", "main": "race", "noise": "3.0", "noise_is": ", which is an assumption"}


def tables_of(count):
    """Of 10 to 29 years; faces labelled Asian look five years older."""
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({"age_real": rng.integers(10, 30, count).astype(float)})
    frame["race_real"] = pd.Categorical(rng.choice(["Asian", "Other"], count), ["Asian", "Other"])
    frame["age_estimation"] = frame["age_real"] + 5.0 * (frame["race_real"] == "Asian") + rng.normal(0, 2, count)
    frame["age_spread"] = 2.0
    frame.loc[::17, "age_estimation"] = np.nan

    def judged(make):
        return pd.concat([make(of).assign(policy=name) for name, of in JUDGED.items()], ignore_index=True)

    def grouped(table):
        return table.rename(columns={"race_real": "group"}).assign(feature="race")

    rates = judged(lambda of: gate_rates(frame, of, ages=[*bands(of), *single_years(BUFFERED)]))
    listed = judged(lambda of: gate_rates(frame, of, ages=bands(of)).assign(limit_of=18, ask_below=of.ask_below))
    buffers = buffers_needed(frame, BARE, "race_real").assign(feature="race")
    return {
        "rates": rates,
        "policies": listed,
        "buffers": buffers.assign(threshold=18 + buffers["buffer"]),
        "gate_gaps": judged(lambda of: grouped(gate_gaps(frame, of, "race_real", **DRAWN))),
        "worst": judged(lambda of: worst_groups(frame, of, "race_real", **DRAWN).assign(feature="race")),
        "outcomes": three_outcomes(frame, BARE, widths(frame, BUFFERED)),
        "not_found": rates_by_what_becomes_of_lost(frame, BARE).assign(feature="all"),
        "noise": passes_under_noise(frame, BARE, [2.0, 3.0]),
        "nist_rates": aev_rates(frame, None),
        "gate_estimators": rates.assign(estimator="mine"),
    }


def test_claims_speak_of_their_numbers(claimed, on_top):
    tables = tables_of(3_000)
    table = claimed("gate", tables, **WORDS)
    assert table["value"].notna().all() and not table["claim"].str.contains("nan|Too few", regex=True).any()
    said = table.groupby("question", sort=False)["claim"].apply("\n".join)
    rates = tables["rates"].set_index(["policy", "ages"])
    share = rates.loc[("from 18", "13–17"), "share"]
    assert f"At an age limit of 18, {100 * share:.0f} % of" in said["Do children pass?"]
    assert "faces labelled Asian pass" in said["For whom does it err more?"]
    assert "Asian pass most often" in said["For whom does it err more?"]
    assert "asked to try again" in said["What of faces that are not found?"]
    assert "not comparable with NIST's" in said["What are the rates in NIST's definitions, on these photos?"]
    assert said["Would it help to ask for a document where the model is unsure?"].count("SD") >= 2
    top = on_top("gate", tables, **WORDS)
    assert len(top) == 5 and top[0].startswith("At an age limit of 18") and "normal noise of 3.0 years, which" in top[4]


@pytest.mark.parametrize("count", [1, 12, 100])
def test_few_faces_make_fewer_claims_and_none_of_nothing(count, claimed):
    tables = tables_of(count)
    tables["gate_gaps"] = tables["worst"] = pd.DataFrame()  # as where there are no groups
    tables["rates"] = pd.concat([tables["rates"], tables_of(3_000)["rates"][:0]])
    table = claimed("gate", tables, **WORDS)
    assert not table["claim"].str.contains("nan").any() and table["value"].notna().all()


def test_groups_that_are_alike_are_not_told_apart(claimed):
    tables = tables_of(3_000)
    tables["gate_gaps"]["difference_low"], tables["gate_gaps"]["difference_high"] = -0.1, 0.1
    tables["worst"]["gap_low"] = 0.0
    assert "For whom does it err more?" not in set(claimed("gate", tables, **WORDS)["question"])


def test_a_buffer_that_no_number_of_faces_shows_says_how_many_it_takes(claimed):
    table = claimed("gate", tables_of(600), **WORDS)
    said = "\n".join(table["claim"])
    assert "cannot show that a buffer holds false passes at 1 %" in said and "that takes 381 faces" in said
