"""The card says what the run found, and nothing else."""

import pandas as pd

from age_audit.report.classifier_card import classifier_card
from age_audit.training.evaluate import MEASURES

FACTS = {
    "name": "mine-groups",
    "model": "faceres",
    "learnt_from": "faceres: training data not stated",
    "sha256": "ab" * 32,
    "options": {"seed": 7, "person": None, "stages": ["0:0.001:20", "4:0.0001:5"]},
    "faces": {"train": 4000, "validation": 500, "test": 500},
    "left_out": {},
    "labels": "mine.csv",
    "groups": ["Child", "Adult"],
    "years": [6.0, 40.0],
    "split_sha256": {"test": "cd" * 32},
}


def card(**changed):
    everyone = {"feature": "all", "class": "all", "n": 1234, "clusters": 80, "few_faces": False}
    of_few = {"feature": "race", "class": "Other", "n": 2, "clusters": 2, "few_faces": True}
    rows = [
        *(everyone | {"measure": name, "value": 0.5, "low": 0.4, "high": 0.6} for name in MEASURES),
        *(of_few | {"measure": name, "value": 0.5, "low": float("nan"), "high": float("nan")} for name in MEASURES),
    ]
    distances = pd.DataFrame({"distance": [0, 1], "n": [900, 334], "share": [0.729, 0.271], "low": 0.2, "high": 0.8})
    return classifier_card(FACTS | changed, pd.DataFrame(rows), distances, 0.04)


def test_numbers_are_those_of_the_run():
    text = card()
    assert "1,234 faces" in text and "50.0 % (40.0 to 60.0)" in text and "| 1 | 334 | 27.1 % (20.0 to 80.0) |" in text
    assert "| race | Other | 2 (few) | 50.0 % | 50.0 % | 0.50 |" in text and "nan" not in text
    assert "seed 7" in text and "0:0.001:20; 4:0.0001:5" in text and "Left out: none" in text


def test_what_a_backbone_may_have_seen_is_said_of_those_that_have_one():
    assert "may have seen" in card() and "may have seen" not in card(learnt_from="")


def test_persons():
    assert "people may be in two" in card() and "clusters of copies drawn" in card()
    of_people = card(options={"person": "who"})
    assert "each who." in of_people and "clusters of copies and of people drawn" in of_people


def test_names_that_people_give_break_no_table_and_make_no_html():
    text = card(groups=["Yo|ng", "<b>Old"], labels="my|labels $x$.csv", options={"groups": ["Yo|ng 0-30"]})
    assert r"(Yo\|ng, \<b\>Old)" in text and r"my\|labels \$x\$.csv" in text and r"groups Yo\|ng 0-30" in text
