"""``age-audit report``: results of one's own, a CSV, and what cannot be."""

from pathlib import Path

import pytest

from age_audit import __main__
from age_audit.core.errors import UsageError
from age_audit.report.page.command import ReportConfig, report, write_page
from tests.report.page.made import document, gate_faces, write


def test_the_page_of_ones_own_results(tmp_path, capsys):
    ages, estimates = gate_faces()
    write(tmp_path / "meta", document(ages, estimates))
    output = tmp_path / "new" / "page.html"
    assert (
        __main__.main(
            ["report", "--metadatasets", str(tmp_path / "meta"), "--age-ranges", "0-17,18-99", "--output", str(output)]
        )
        == 0
    )
    told, meanwhile = capsys.readouterr()
    assert "2 of 7: who passes an age limit, of 60 faces" in meanwhile
    assert "25 % (11 to 47 %) of faces labelled 13–17 would pass at 18" in told
    assert "Missing: No explanation to judge." in told and "Missing: Nothing is known of groups." in told
    text = output.read_text()
    again = (
        "--metadatasets FOLDER --estimator own --preset published --dataset mine --age-ranges 0-17,18-99 --output PAGE."
    )
    assert again in text
    assert text.startswith("<!doctype html>") and "25\u00a0%" in text


def test_the_page_of_a_csv(tmp_path, capsys):
    ages, estimates = gate_faces()
    rows = [f"{i}.jpg,{age},{years},{'ab'[i % 2]}" for i, (age, years) in enumerate(zip(ages, estimates, strict=True))]
    (tmp_path / "theirs.csv").write_text("\n".join(["fname,age,estimate,cam", *rows]) + "\n")
    options = ["--estimates", str(tmp_path / "theirs.csv"), "--sensitive", "cam", "--output", str(tmp_path / "p.html")]
    assert __main__.main(["report", *options]) == 0
    assert "theirs on 60 faces of theirs. 25 %" in capsys.readouterr().out
    again = "age-audit report --estimates theirs.csv --sensitive cam --output PAGE."
    assert again in (tmp_path / "p.html").read_text()


def test_a_csv_is_of_one_estimator(tmp_path):
    with pytest.raises(UsageError, match="expected --estimates without --estimator and --dataset"):
        report(ReportConfig(estimates=tmp_path / "theirs.csv", estimator="other"))


@pytest.mark.parametrize("folder", [".", ""])
def test_a_folder_in_place_of_the_page_is_told(folder):
    with pytest.raises(UsageError, match=r"cannot write .: Is a directory; name another file by --output"):
        write_page(Path(folder), b"")


def test_a_file_in_the_way_is_told(tmp_path):
    write(tmp_path / "meta", document([20] * 3, [21.0] * 3))
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"cannot write .*; name another file by --output"):
        report(ReportConfig(tmp_path / "meta", output=tmp_path / "file" / "page.html"))


def test_a_tiny_page_says_once_what_is_missing_and_counts_one_face(tmp_path):
    (tmp_path / "one.csv").write_text("fname,age,estimate\na.jpg,20,24\n")
    told = report(ReportConfig(estimates=tmp_path / "one.csv", output=tmp_path / "one.html"))
    assert told.startswith("one on 1 face of one.\nMissing: Too few faces near 18 to say.")
    assert told.count("Too few faces near 18") == 1 and "1 faces" not in (tmp_path / "one.html").read_text()


def test_faces_without_an_age_are_counted_apart(tmp_path):
    (tmp_path / "few.csv").write_text("fname,age,estimate\na.jpg,20,24\nb.jpg,,24\nc.jpg,30,24\n")
    told = report(ReportConfig(estimates=tmp_path / "few.csv", output=tmp_path / "few.html"))
    assert told.startswith("few on 2 faces of few (1 more have an estimate, but no labelled age).")
