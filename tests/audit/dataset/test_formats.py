"""Kinds of files add up, whatever is known of them."""

import pandas as pd
import pytest

from age_audit.audit.dataset.formats import kinds_of_files, unusable
from age_audit.core.errors import UsageError


def counted(frame, what):
    table = kinds_of_files(frame)
    return dict(table.loc[table["what"] == what, ["value", "images"]].itertuples(index=False))


FRAME = pd.DataFrame(
    {
        "fname": ["a.jpg", "A.jpg", "b.JPG", "c"],
        "mode": ["RGB", "L", "RGB", None],
        "grey": [True, True, False, None],
        "orientation": [6, None, 1, None],
        "width": [200, 200, 100, None],
        "height": [200, 200, 50, None],
    }
)


def test_each_kind_adds_up_to_all_images():
    table = kinds_of_files(FRAME)
    assert set(table.groupby("what")["images"].sum()) == {4}
    assert list(table["what"].unique()) == ["ending", "names", "mode", "colours", "orientation", "size"]
    assert (table["low"] <= table["share"]).all() and (table["share"] <= table["high"]).all()


def test_values_are_told_as_people_say_them():
    assert counted(FRAME, "ending") == {".jpg": 2, ".JPG": 1, "none": 1}
    assert counted(FRAME, "names") == {"same but for capitals": 2, "own": 2}
    assert counted(FRAME, "mode") == {"RGB": 2, "L": 1, "unknown": 1}
    stored = {"grey, stored as RGB": 1, "grey, stored as L": 1, "colour, stored as RGB": 1, "unknown": 1}
    assert counted(FRAME, "colours") == stored
    assert counted(FRAME.astype({"grey": "boolean"}), "colours") == stored
    assert counted(FRAME.drop(columns="mode"), "colours") == {"grey": 2, "colour": 1, "unknown": 1}
    assert counted(FRAME, "orientation") == {"not said": 2, "1": 1, "6": 1}
    assert counted(FRAME, "size") == {"200 × 200": 2, "100 × 50": 1, "unknown": 1}


def test_of_many_sizes_the_ten_most_frequent():
    sizes = [100] * 5 + list(range(200, 215))
    frame = pd.DataFrame({"fname": [f"{i}.png" for i in range(20)], "width": sizes, "height": 7})
    found = counted(frame, "size")
    assert found["100 × 7"] == 5 and found["other sizes"] == 6 and len(found) == 11
    with pytest.raises(UsageError, match="fname"):
        kinds_of_files(frame[["width"]])


def test_failures_by_reason_balance():
    table = unusable(pd.DataFrame({"reason": ["no-face", "unreadable", "no-face"]}))
    assert table[["reason", "images"]].to_numpy().tolist() == [["used", 0], ["no-face", 2], ["unreadable", 1]]
    assert unusable(pd.DataFrame({"reason": []}))["images"].tolist() == [0]


def test_ten_sizes_are_all_listed():
    frame = pd.DataFrame({"fname": [f"{i}.png" for i in range(10)], "width": range(100, 110), "height": 7})
    assert "other sizes" not in counted(frame, "size") and len(counted(frame, "size")) == 10
    assert kinds_of_files(frame).index.tolist() == list(range(len(kinds_of_files(frame))))
