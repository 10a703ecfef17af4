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
    with pytest.raises(UsageError, match=r"expected a column estimate in .*, got only tone"):
        estimates_of_csv(write(tmp_path, "a.jpg,16,light", header="fname,age,tone"))


def test_one_name_in_two_folders_is_refused(tmp_path):
    with pytest.raises(UsageError, match="once, folders left aside"):
        estimates_of_csv(write(tmp_path, "x/a.jpg,16,20", "y/a.jpg,17,21", header="file,age,estimate"))
