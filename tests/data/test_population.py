"""A population table is read, or refused with what was expected."""

import io
import math

import pandas as pd
import pytest

from age_audit.core.errors import UsageError
from age_audit.data.population import read_population


def read(text):
    return read_population(io.StringIO(text))


def test_counts_become_shares_and_open_ends_infinite(tmp_path):
    path = tmp_path / "census.csv"
    path.write_text("\ufeffage_from, age_to, race, count\n0,17,Asian,30\n18,,Asian,60\n0,,Other,10\n", encoding="utf-8")
    table = read_population(path)
    assert list(table) == ["age_from", "age_to", "race", "share"]
    assert table["age_to"].tolist() == [17, math.inf, math.inf]
    assert table["share"].tolist() == pytest.approx([0.3, 0.6, 0.1])


def test_labels_alone_ages_alone_and_percent():
    table = read("gender,share\nMale,49.9\nFemale,50.2\n")
    assert table["share"].tolist() == pytest.approx([49.9 / 100.1, 50.2 / 100.1])
    assert table["age_from"].tolist() == [0, 0] and table["age_to"].tolist() == [math.inf] * 2
    assert read("age_from,age_to,share\n0,17,0.2\n18,120,0.8\n")["share"].sum() == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "reading it failed"),
        ("gender\nMale\n", "expected rows under the columns age_from"),
        ("gender,share,count\nMale,1,5\n", "expected rows under the columns"),
        ("age_from,share\n0,1\n", "expected rows under the columns"),
        ("gender,share\n", "got 0 rows"),
        ("gender,share\nMale,half\n", "a number from 0 on in share; got 'half' in row 2"),
        ("gender,share\nMale,0.5\nFemale,\n", "row 3"),
        ("gender,share\nMale,1.5\nFemale,-0.5\n", "got '-0.5' in row 3"),
        ("gender,share\nMale,0.5\nFemale,0.4\n", "share to sum to 1 or 100; got 0.9"),
        ("gender,count\nMale,0\n", "count to sum to more than 0"),
        ("gender,share\nMale,0.5\n,0.5\n", "a gender in every row; got none in row 3"),
        ("age_from,age_to,share\n18,5,1\n", "age_to not below age_from; got 18 to 5"),
        ("age_from,age_to,share\n0,18,0.5\n18,99,0.5\n", "rows 2 and 3, which overlap"),
        ("gender,share\nMale,0.5\nMale,0.5\n", "rows 2 and 3, which overlap"),
    ],
)
def test_what_does_not_fit_is_refused(text, words):
    with pytest.raises(UsageError, match=words):
        read(text)


def test_semicolons_part_cells_too(tmp_path):
    found = []
    for separator in ",;":
        rows = [["age_from", "age_to", "gender", "count"], ["0", "9", "Male", "20"], ["0", "9", "Female", "30"]]
        (tmp_path / "people.csv").write_text("".join(separator.join(row) + "\n" for row in rows))
        found.append(read_population(tmp_path / "people.csv"))
    pd.testing.assert_frame_equal(*found)
    assert found[0]["share"].tolist() == [0.4, 0.6]


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(UsageError, match="expected a CSV of a population"):
        read_population(tmp_path / "none.csv")
