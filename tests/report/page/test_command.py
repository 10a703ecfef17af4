"""``age-audit report``: results of one's own, a CSV, and what cannot be."""

import pytest

from age_audit import __main__
from age_audit.core.errors import UsageError
from age_audit.report.page.command import ReportConfig, report
from tests.report.page.made import document, gate_faces, write


def test_the_page_of_ones_own_results(tmp_path, capsys):
    ages, estimates = gate_faces()
    write(tmp_path / "meta", document(ages, estimates))
    output = tmp_path / "new" / "page.html"
    assert __main__.main(["report", "--metadatasets", str(tmp_path / "meta"), "--output", str(output)]) == 0
    told = capsys.readouterr().out
    assert "25 % (11 to 47 %) of faces labelled 13–17 would pass at 18" in told
    assert "Missing: No explanation to judge." in told and "Missing: Nothing is known of groups." in told
    text = output.read_text()
    assert text.startswith("<!doctype html>") and "25\u00a0%" in text


def test_the_page_of_a_csv(tmp_path, capsys):
    ages, estimates = gate_faces()
    rows = [f"{i}.jpg,{age},{years},{'ab'[i % 2]}" for i, (age, years) in enumerate(zip(ages, estimates, strict=True))]
    (tmp_path / "theirs.csv").write_text("\n".join(["fname,age,estimate,cam", *rows]) + "\n")
    options = ["--estimates", str(tmp_path / "theirs.csv"), "--sensitive", "cam", "--output", str(tmp_path / "p.html")]
    assert __main__.main(["report", *options]) == 0
    assert "theirs on 60 faces of theirs. 25 %" in capsys.readouterr().out


def test_a_file_in_the_way_is_told(tmp_path):
    write(tmp_path / "meta", document([20] * 3, [21.0] * 3))
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"cannot write .*; name another file by --output"):
        report(ReportConfig(tmp_path / "meta", output=tmp_path / "file" / "page.html"))
