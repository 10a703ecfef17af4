"""Anybody's estimates in a CSV."""

import pytest

from age_audit.core.errors import UsageError
from age_audit.data.estimates import estimates_of_csv, write_estimates
from age_audit.data.results import open_results


def write(folder, *rows, header="fname,age,gender,tone,estimate,spread"):
    path = folder / "mine.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def test_what_a_csv_says(tmp_path):
    path = write(tmp_path, "a.jpg,16,Male,light,19.5,4", "b.jpg,20-29,,dark,31,", "c.jpg,40,Female,,,")
    found = estimates_of_csv(path)
    assert found["predictions"] == {"a.jpg": 19.5, "b.jpg": 31.0}
    assert found["age_spread"] == {"a.jpg": 4.0, "b.jpg": None}
    assert found["cropping"] == {"images_total": 3, "images_failed_detected": 1}
    assert found["labels"]["a.jpg"] == {"age_real": 16, "gender_real": "Male", "race_real": None, "tone": "light"}
    assert found["labels"]["b.jpg"]["age_real_low"] == 20 and found["labels"]["b.jpg"]["age_real"] is None
    assert "estimate" not in found["labels"]["c.jpg"]


def test_faces_without_an_estimate_are_counted_by_group(tmp_path):
    path = write(tmp_path, "a.jpg,16,Male,light,19,", "b.jpg,30,Male,dark,,", "c.jpg,31,Female,dark,,", "d.jpg,9,,,8,")
    failures = estimates_of_csv(path, ranges=[(0, 17), (18, 99)])["failures"]
    counts = lambda by: {name: (row["images_total"], row["images_failed"]) for name, row in failures[by].items()}  # noqa: E731
    assert counts("by_gender") == {"Male": (2, 1), "Female": (1, 1), "unlabelled": (1, 0)}
    assert counts("by_age_range") == {"0-17": (2, 0), "18-99": (2, 2)} and "by_race" not in failures
    assert estimates_of_csv(path, ["tone"])["failures"]["by_tone"]["dark"]["images_failed"] == 2


def test_it_is_read_as_any_other_results_and_the_same_bytes_come_out(tmp_path):
    path = write(tmp_path, "a.jpg,16,Male,light,19.5,4", "b.jpg,40,Female,dark,,")
    made = write_estimates(path, tmp_path / "out")
    before = {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()}
    (results,) = open_results([str(made)], ".", "published", "other", ["tone"]).values()
    images = results.images
    assert (results.dataset, results.estimator, results.label_origin) == ("mine", "mine", "")
    assert images["age_estimation"].notna().tolist() == [True, False] and images["age_real"].tolist() == [16, 40]
    assert images["age_spread"].tolist()[0] == 4 and images["tone"].tolist() == ["light", "dark"]
    write_estimates(path, tmp_path / "out")
    assert {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()} == before
    assert not any(str(tmp_path).encode() in content for content in before.values())


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("a.jpg,16,,,old,", "expected estimate in years, 0 to 130, or an empty cell, got 'old' for 'a.jpg'"),
        ("a.jpg,16,,,nan,", "got 'nan'"),
        ("a.jpg,16,,,-1,", "got '-1'"),
        ("a.jpg,16,,,20,1e9", "expected spread in years"),
    ],
)
def test_an_estimate_that_is_no_age_is_refused(row, told, tmp_path):
    with pytest.raises(UsageError) as error:
        estimates_of_csv(write(tmp_path, row))
    assert told in str(error.value)


def test_a_table_of_labels_alone_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"a column estimate in .*, in years, got file names, ages, race, tone; the"):
        estimates_of_csv(write(tmp_path, "a.jpg,16,Asian,light", header="fname,age,race,tone"))


def test_capitals_tell_no_columns_apart(tmp_path):
    found = estimates_of_csv(write(tmp_path, "a.jpg,16,19.5,4", header="File,Age,Estimate,SPREAD"))
    assert found["predictions"] == {"a.jpg": 19.5} and found["age_spread"] == {"a.jpg": 4.0}


def test_the_order_of_rows_does_not_matter(tmp_path):
    rows = ["b.jpg,16,,,19.5,", "a.jpg,30,,,31,", "c.jpg,40,,,,"]
    there, back = (estimates_of_csv(write(tmp_path, *part)) for part in (rows, rows[::-1]))
    assert [list(part) for part in there.values()] == [list(part) for part in back.values()]


@pytest.mark.parametrize(
    ("row", "told"), [("a.jpg,16,,,,", "0 have an estimate"), ("a.jpg,,,,20,", "1 have an estimate")]
)
def test_a_table_of_which_nothing_can_be_judged_is_refused(row, told, tmp_path):
    with pytest.raises(UsageError, match=f"both an age and an estimate in .*mine.csv, got 1 rows, of which {told}"):
        estimates_of_csv(write(tmp_path, row))


@pytest.mark.parametrize(("name", "told"), [("x" * 61, "at most 60 characters"), ("a\u202e", "marks of direction")])
def test_a_name_that_results_cannot_be_called_by_is_refused(name, told, tmp_path):
    path = write(tmp_path, "a.jpg,16,,,20,").rename(tmp_path / f"{name}.csv")
    with pytest.raises(UsageError, match=told):
        write_estimates(path, tmp_path / "out")


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(UsageError, match=r"a CSV of estimates at .*none.csv, there is no such file; name another$"):
        estimates_of_csv(tmp_path / "none.csv")


def test_one_name_in_two_folders_is_refused(tmp_path):
    with pytest.raises(UsageError, match="once, folders left aside"):
        estimates_of_csv(write(tmp_path, "x/a.jpg,16,20", "y/a.jpg,17,21", header="file,age,estimate"))


def test_an_estimate_below_0_says_what_to_write(tmp_path):
    path = tmp_path / "theirs.csv"
    path.write_text("fname,age,estimate\na.jpg,1,-2.6\n")
    with pytest.raises(UsageError, match=r"got '-2.6' for 'a.jpg'; write 0 in place of less"):
        estimates_of_csv(path)
