"""Claims on Appendix B: each from one number, for few faces too."""

import numpy as np
import pandas as pd

NULL = pd.DataFrame(
    {
        "age_range": ["0–12", "13–18"],
        "n": [74, 1],
        "highest": ["outer_boundary_bottom", None],
        "segment": ["face", None],
        "highest_if_shuffled": [0.22, np.nan],
        "p_holm": [0.8, np.nan],
        "both_ends": [1.0, np.nan],
    }
)


def tables(false_positives=0.15):
    halves = {"masks": "published", "estimates": ["accurate", "inaccurate"], "correlations": 20, "by_chance": 1.0}
    associations = {"masks": ["published", "audit"], "error": "signed_error", "scope": ["all ages", "age ranges"]}
    return {
        "last_steps": pd.DataFrame(
            {"step": "final", "age_range": ["0–12", "13–18"], "outer_boundary_bottom": [0.5, np.nan]}
        ),
        "null_summary": NULL,
        "likeness": pd.DataFrame({"measure": ["same_sign"], "values": [50], "observed": [0.52], "p_value": [0.49]}),
        "repetition_summary": pd.DataFrame(
            {
                "cohorts": [40],
                "repeated": [29],
                "faces": [303],
                "rows": [413],
                "false_positives_rows": [false_positives],
            }
        ),
        "closure_summary": pd.DataFrame({"segment": ["all"], "correlations": [1], "sign_changes": [1]}),
        "restriction_summary": pd.DataFrame(halves).assign(**{"sd_ratio": 0.54, "p_up_to_0.05": 3}),
        "association_summary": pd.DataFrame(associations).assign(
            **{"n": 303, "tests": 5, "plain": 1, "log_ratio": 2, "plain_given": 0, "log_ratio_given": 1}
        ),
        "mask_agreement": pd.DataFrame({"age_range": ["all"], "segment": ["face"], "n": [297], "r_between": [0.003]}),
    }


def test_sentences_hold_their_numbers(claimed):
    table = claimed("appendix_b", tables(), preset="published")
    sentences = table["claim"].tolist()
    assert "At 0–12 years the workbook's last step puts “bottom” first, with +0.5 (n = 74)." in sentences
    assert "29 of 40 cohorts are repeated: 303 faces become 413 rows." in sentences
    assert (
        "published masks, signed error: over all ages, which are not held equal, 2 of 5 log-ratios of segment shares "
        "are associated with it (Holm, n = 303; as plain shares 1), and 1 at equal estimates (as plain shares 0)."
    ) in sentences
    assert set(table["side"]) == {"published", "audit"}


def test_an_age_range_without_an_answer_makes_no_claim(claimed):
    assert not claimed("appendix_b", tables(), preset="published")["claim"].str.contains("13–18").any()


def test_cohorts_too_small_to_judge_make_no_claim(claimed):
    assert not claimed("appendix_b", tables(np.nan), preset="published")["claim"].str.contains("pass for faces").any()
