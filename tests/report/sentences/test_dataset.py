"""Claims on a data set: each has its number, whatever is there, and says no more than it."""

import numpy as np
import pandas as pd
import pytest

WORDS = {"first": "ours", "quality": "brisque", "together": "all measures", "sex": "gender", "main": "gender"}


def ends(name, value):
    return {name: value, f"{name}_low": value - 0.5, f"{name}_high": value + 0.5}


def tables_of(pairs=40, verdict="shrinks", few=False, gap=1.0):
    """Women are judged worse than men, and half of it is the pictures."""
    index = {"ages": "63–92", "n": 50, "expected": 100, "by_chance": 1.5}
    heaping = [
        {"gender": gender, "measure": measure, **index, "value": value, "low": value - 20, "high": value + 20}
        for gender in ("Female", "all")
        for measure, value in (("whipple_old", 200.0), ("whipple", 104.0), ("whipple_children", 95.0), ("myers", 9.0))
    ]
    disagreement = [
        {"copies": kind, "label": label, "age_range": ages, "measure": measure, "clusters": pairs, "pairs": pairs}
        | {"value": np.nan if not pairs else value, "low": value / 2, "high": 1.5 * value}
        for kind in ("exact", "near", "all")
        for label, ages, measure, value in (
            *(("age", ages, "share_differing", 0.6) for ages in ("all", "0–12")),
            *(("age", "all", measure, 2.0) for measure in ("mean_difference", "label_sd", "label_sd_robust")),
            ("gender", "all", "share_differing", 0.1),
        )
    ]
    rows = [
        {"feature": "gender", "group": group, "quality": quality, "way": way, "n_group": 40, "few_faces": few}
        | ends("equal_age", sign * gap) | ends("equal_quality", sign * gap / 2) | {"verdict": verdict}
        for quality in ("brisque", "all measures")
        for way in ("strata", "model")
        for group, sign in (("Female", 1), ("Male", -1))
    ]  # fmt: skip
    tips = [
        {"feature": "gender", "group": group, "noisier": noisier, "few_faces": few, "copies_sd": 2.0}
        | ends("gap", sign * gap) | ends("noise_sd", 5.0)
        for group, noisier, sign in (("Female", "group", 1), ("Male", "others", -1))
    ]  # fmt: skip
    noise = [
        {"feature": "gender", "group": group, "noise_sd": sd, "n": 80, "mean_absolute_error": 7 + 0.1 * sd}
        for group in ("Female", "Male", "all")
        for sd in (0, 3, 5)
    ]
    duplicates = [
        ("all", "all", 0.05, 100, False),
        ("gender", "Female", 0.07, 60, False),
        ("gender", "Male", 0.9, 9, True),
    ]
    names = ["feature", "class", "proportion", "total", "few_faces"]
    duplicates = pd.DataFrame(duplicates, columns=names).assign(low=0.01, high=0.99, duplicates=5, exact=2)
    ends_of = [
        {"quality": quality, "n": 20, **ends("lowest_fifth", 6.0), **ends("highest_fifth", 9.0)}
        for quality in ("brisque", "luminance")
    ]
    apart = {"feature": "gender", "highest_group": "Male", "lowest_group": "Female", "n_highest": 9, "n_lowest": 8}
    apart |= {"measure": "brisque", "probability": 0.7}
    lighting = {"light": "1/3 stop darker", "faces": 20, "median": -8.0, "p10": -15.0, "p90": -3.0}
    associated = {"error": "absolute_error", "n": 80, "rank_correlation": 0.12, "low": 0.1, "high": 0.15}
    dark = {"measure": "luminance", "end": "lowest", "gender": ["Female", "Male", "Other"], "n": [50, 50, 5]}
    dark = pd.DataFrame(dark | {"share": [0.02, 0.0, 0.9], "low": 0.0, "high": 0.95})
    wider = {"feature": "gender", "group": "Female", "way": "strata", "wider_share": 0.02}
    return {
        "usable": pd.DataFrame({"reason": ["used", "face/no-face"], "images": [98, 2], "share": [0.98, 0.02]}),
        "heaping": pd.DataFrame(heaping),
        "cells_in_sum": pd.DataFrame([{"cells": 4, "thin": 3, "few_faces_cells": 1}]),
        "duplicates": duplicates,
        "label_disagreement": pd.DataFrame(disagreement),
        "differences": pd.DataFrame([apart | {"measure": "age_real", "probability": 0.9}, apart]),
        "extremes_by_group": dark,
        "lighting": pd.DataFrame([lighting | {"share_other_class": 0.45}]),
        "quality_ends": pd.DataFrame(ends_of),
        "associations": pd.DataFrame([associated | {"quality": "brisque", "p_holm": 0.01}]),
        "gaps": pd.DataFrame(rows),
        "intervals_and_copies": pd.DataFrame([wider]),
        "gaps_of_others": pd.DataFrame(rows).assign(estimator="other"),
        "errors_under_noise": pd.DataFrame(noise),
        "tipping_points": pd.DataFrame(tips),
        "tipping_points_of_others": pd.DataFrame(tips).assign(estimator="other"),
        "worst_faces_in_sum": pd.DataFrame([{"faces": 50, "in_doubt": 4}]),
    }  # fmt: skip


def said(claimed, tables):
    table = claimed("dataset", tables, **WORDS)
    assert table["value"].notna().all() and (table["side"] == "audit").all()
    return table.groupby("question", sort=False)["claim"].apply("\n".join)


def test_claims_speak_of_their_numbers(claimed):
    found = said(claimed, tables_of())
    assert found["How many pictures could be used?"].startswith("98 images were measured in full, 98.0 % of all.")
    round_ages = found["Do labels prefer round ages?"]
    assert "at 63–92 years Whipple's index is 200 (95 % interval 180 to 220), where 100 is no" in round_ages
    copies = found["Do labels of copies agree?"]
    assert copies.startswith("60 % of 40 pairs of pictures equal to the pixel carry different ages")
    assert "10 % of 40 pairs of copies carry another gender (95 % interval 5 % to 15 %)." in copies
    assert "Female: 7.0 % of 60 have one" in found["How many pictures are there twice?"]  # of few men nothing is said
    assert "most by gender in BRISQUE: in 70 % of pairs" in found["How do the pictures of groups differ?"]
    left_out = found["Whom would it leave out to drop the darkest pictures?"].split("\n")
    assert [line.split(" holds ")[1][:28] for line in left_out] == [
        "2.0 % of those labelled Fema",
        "0.0 % of those labelled Male",
    ]
    worse = found["Does it err more on worse pictures?"]
    assert (
        "ours errs by 9.0 years in the fifth of pictures that BRISQUE calls worst (95 % interval 8.5 to 9.5)" in worse
    )
    assert "by −8 degrees (median; middle 80 % −15 to −3), and 45 %" in found["How far can skin tone be trusted?"]
    noise = found["What would more noise in the labels do?"].split("\n")
    assert [line.split("SD of ")[1].split(" years, ")[0] for line in noise] == ["3", "5"]


@pytest.mark.parametrize(
    ("verdict", "words"), [("shrinks", "shrinks"), ("ages too different", "cannot be told: ages too")]
)
def test_of_a_gap_is_said_what_the_table_says(claimed, verdict, words):
    found = said(claimed, tables_of(verdict=verdict))["Does quality explain gaps between groups?"]
    assert f"At equal quality of pictures the largest gap {words}" in found
    assert (
        "faces labelled Female (n = 40) by +1.0 years against all others at equal ages, and by +0.5 at equal" in found
    )


def test_what_noise_would_have_to_be_stands_beside_what_copies_show(claimed):
    found = said(claimed, tables_of())["Could noise in the labels make the gaps?"]
    assert "noisier than all others by an SD of 5.0 years (95 % interval 4.5 to 5.5); labels of copies" in found
    assert "under noise of 2.0 years." in found and "Male" not in found
    others = said(claimed, tables_of())["And the gaps of other estimators?"]
    assert "largest gap of other at equal ages (faces labelled Female, +1.0 years)" in others


def test_without_copies_and_without_sure_gaps_nothing_is_claimed_of_them(claimed):
    found = said(claimed, tables_of(pairs=0, gap=0.2))
    assert "Do labels of copies agree?" not in found
    assert "Does quality explain gaps between groups?" not in found
    assert "Could noise in the labels make the gaps?" not in found


def test_what_may_be_lacking_is_left_out(claimed):
    tables = tables_of()
    for name in ("lighting", "cells_in_sum", "gaps_of_others", "differences"):
        del tables[name]
    found = said(claimed, tables)
    assert "And other estimators?" not in found and "How many pictures are there twice?" in found
