"""The data beside a population."""

import numpy as np
import pandas as pd
import pytest

from age_audit.audit.dataset.representation import beside_population
from age_audit.core.errors import UsageError
from age_audit.core.randomness import stream


def population(**columns):
    n = len(columns["share"])
    return pd.DataFrame({"age_from": [0.0] * n, "age_to": [np.inf] * n} | columns)


FRAME = pd.DataFrame(
    {
        "age_real": [5, 17.9, 18, 40, 116, np.nan, 30],
        "gender_real": pd.Categorical(["Male", "Female", "Male", "Female", "Female", "Male", None], ["Male", "Female"]),
        "tone": [1, 2, 1, 2, 2, 1, 1],
    }
)


def test_cells_of_age_and_label_by_hand():
    given = population(gender=["Male", "Female", "Female"], share=[0.5, 0.2, 0.3])
    given["age_from"], given["age_to"] = [0.0, 0, 18], [np.inf, 17, np.inf]
    table = beside_population(FRAME, given)
    assert table["gender_real"].tolist() == ["Male", "Female", "Female"]
    assert table["images"].tolist() == [2, 1, 2]  # one has no age, one no gender
    assert table["share"].tolist() == [0.4, 0.2, 0.4]
    assert table["ratio"].tolist() == pytest.approx([0.8, 1, 4 / 3])
    assert table["age_to"].isna().tolist() == [True, False, True] and table["few_faces"].all()
    assert not table["differs"].any()


def test_any_label_and_numbers_as_labels():
    table = beside_population(FRAME, population(tone=["1", "2"], share=[0.4, 0.6]))
    assert table[["tone", "images"]].to_numpy().tolist() == [
        ["1", 4],
        ["2", 3],
    ]  # without ages, one without an age counts too


def test_nobody_expected_and_nobody_there():
    table = beside_population(FRAME, population(gender=["Male", "Female"], share=[0.0, 1.0]))
    assert np.isnan(table.loc[0, "ratio"]) and table.loc[0, "share"] == 0.5
    empty = beside_population(FRAME[:0], population(gender=["Male", "Female"], share=[0.5, 0.5]))
    assert empty["share"].isna().all() and empty["images"].sum() == 0 and not empty["differs"].any()


def test_labels_that_no_image_has_are_refused_with_those_that_there_are():
    with pytest.raises(UsageError, match=r"expected gender to be one of Male, Female, .* got 'F'"):
        beside_population(FRAME, population(gender=["Male", "F"], share=[0.5, 0.5]))
    with pytest.raises(UsageError, match=r"missing column\(s\) race_real"):
        beside_population(FRAME, population(race=["Asian"], share=[1.0]))


def test_intervals_of_all_cells_hold_at_once():
    rng, truth = stream(1, "multinomial"), np.array([0.5, 0.3, 0.15, 0.05])
    given = population(tone=list("abcd"), share=truth)
    held = []
    for _ in range(100):
        frame = pd.DataFrame({"age_real": 30.0, "tone": rng.choice(list("abcd"), 300, p=truth)})
        held.append(not beside_population(frame, given)["differs"].any())
    assert 0.9 <= np.mean(held) <= 0.99


@pytest.mark.parametrize(("age_from", "images"), [(18, 4), (1, 6), (0, 7)])
def test_cells_that_only_begin_hold_those_of_that_age_and_older(age_from, images):
    given = population(share=[1.0]).assign(age_from=float(age_from))
    table = beside_population(FRAME.assign(age_real=[0.5, 17.9, 18, 40, 116, 1, 30]), given)
    assert table["images"].tolist() == [images] and table["share"].tolist() == [1]


def test_one_image_and_thirty():
    given = population(tone=["1", "2"], share=[0.5, 0.5])
    one = beside_population(pd.DataFrame({"age_real": [30], "tone": pd.Categorical(["1"], ["1", "2"])}), given)
    assert one["share"].tolist() == [1, 0] and list(one.columns[:4]) == ["age_from", "age_to", "tone", "images"]
    several = beside_population(pd.DataFrame({"age_real": 30, "tone": [1] * 30 + [2] * 29}), given)
    assert several["few_faces"].tolist() == [False, True]
    with np.errstate(all="raise"):
        beside_population(FRAME[:0], population(gender=["Male", "Female"], share=[0.5, 0.5]))


def test_a_ratios_ends_and_what_lies_on_an_end():
    given = population(tone=["1", "2"], share=[0.4, 0.6])
    table = beside_population(FRAME, given)
    for end in ("low", "high"):
        assert (table[f"ratio_{end}"] == table[end] / [0.4, 0.6]).all()
        on_it = beside_population(FRAME, given.assign(share=table[end]))
        assert not on_it["differs"].any()
        beyond = beside_population(FRAME, given.assign(share=table[end] + {"low": -1e-9, "high": 1e-9}[end]))
        assert beyond["differs"].all()
