"""Figures of training: nothing overlaps, and titles say what is in the tables."""

import numpy as np
import pandas as pd

from age_audit.figures import style
from age_audit.figures.training import balance_figure, classifiers_figure, confusion_figure, curves_figure
from age_audit.training.balance import balance_table, balanced
from age_audit.training.groups import TEN_GROUPS, parse_groups

NAMES = list(parse_groups(TEN_GROUPS).names)


def test_curves():
    rows = np.arange(1.0, 13)
    curves = pd.DataFrame({"stage": [1] * 8 + [2] * 4, "epoch": [*range(1, 9), *range(1, 5)]})
    for name in ("loss", "validation_loss"):
        curves[name] = 2 / rows
    for name in ("exact", "within_one", "validation_exact", "validation_within_one"):
        curves[name] = rows / 12
    curves.loc[9, "validation_loss"] = 0.01
    figure = curves_figure(curves)
    assert style.title_of(figure) == "Validation loss is lowest, 0.010, in epoch 2 of stage 2"
    assert style.overlapping_texts(figure) == []


def test_balance():
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "group": pd.Categorical.from_codes(np.arange(400) % 10, NAMES),
            "race_real": rng.choice(["Asian", "Other"], 400),
        }
    )
    frame = frame[(frame["group"] != "Baby") | (np.arange(400) < 100)]
    chosen = balanced(frame["group"].cat.codes.to_numpy(), "weights", seed=1)
    figure = balance_figure(balance_table(frame, chosen, ["group", "race_real"]))
    assert "4.0 times the smallest before and 1.0 times after balancing" in style.title_of(figure)
    assert style.overlapping_texts(figure) == []


def test_confusion():
    counts = np.diag(np.full(10, 70)) + np.diag(np.full(9, 30), 1)
    counts[3, 3] = 20
    table = pd.DataFrame(counts, index=NAMES, columns=NAMES)
    found = pd.DataFrame({"n": 100, "stated": np.linspace(0.3, 0.9, 10), "share": np.linspace(0.35, 0.9, 10)})
    figure = confusion_figure(table, found.assign(low=found["share"] - 0.1, high=found["share"] + 0.05))
    assert "least of Adolescent, 40 %" in style.title_of(figure)
    assert style.overlapping_texts(figure) == []


def test_classifiers():
    given = (("cnn", 0.45, "trained"), ("faceres, soft", 0.61, "trained"), ("ages of dex", 0.3, "untrained"))
    given = (*given, ("ages of face-api (trained on UTKFace)", 0.54, "seen"))
    rows = [
        {
            "classifier": name,
            "measure": measure,
            "value": value,
            "low": value - 0.03,
            "high": value + 0.03,
            "kind": kind,
        }
        for name, value, kind in given
        for measure in ("exact", "within_one")
    ]
    figure = classifiers_figure(pd.DataFrame(rows))
    title = style.title_of(figure)
    assert title.startswith("faceres, soft puts 61 %") and "dex puts 30 %" in title
    assert style.overlapping_texts(figure) == []
