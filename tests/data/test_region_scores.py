"""Activations in both formats: one frame, whichever it is read from, and the frame that all rows at once give."""

import gzip
import hashlib
import json
import os
import shutil

import numpy as np
import pandas as pd
import pytest

from age_audit.core.config import JSON_AT_ONCE, PARQUET_ABOVE
from age_audit.core.errors import UsageError
from age_audit.core.vocabulary import REQUIRED_COLUMNS
from age_audit.data import columns, parquet, region_scores
from age_audit.data.frames import completed_frame
from age_audit.data.metadatasets import metadataset_path, provenance_path, read_metadataset
from age_audit.data.region_scores import files_there, format_for, partitions_folder, read_activations, write_activations
from benchmarks import stage3_million

PROVENANCE = {"dataset": "faces", "seed": 42}


def some_rows(count=40):
    rows = list(stage3_million.made_rows(count))
    for column, i in (("age_real", 1), ("gender_real", 2), ("race_real", 3), ("age_estimation", 4), ("fname", 5)):
        rows[i % count][column] = None
    return rows


def json_path(folder):
    return metadataset_path(folder, "faces", "activations")


def all_at_once(folder):
    """The literal way: the whole file, then all rows."""
    rows = json.loads(json_path(folder).read_text(encoding="utf-8-sig"))
    return completed_frame(pd.DataFrame([dict(row) for row in rows]))


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def streamed(monkeypatch):
    """As if the file were huge."""
    monkeypatch.setattr(region_scores, "JSON_AT_ONCE", 1)


class TestTheSameFrame:
    @pytest.fixture(params=["at once", "streamed", "streamed in batches"], autouse=True)
    def way(self, request, monkeypatch):
        """How JSON is read."""
        if request.param != "at once":
            monkeypatch.setattr(region_scores, "JSON_AT_ONCE", 1)
        if request.param == "streamed in batches":
            monkeypatch.setattr(columns, "BATCH", 7)
        return request.param

    @pytest.mark.parametrize("wanted", [None, (*REQUIRED_COLUMNS, "age_estimation_accuracy")])
    @pytest.mark.parametrize("style", [{}, {"indent": 4}, {"separators": (",", ":")}, {"ensure_ascii": False}])
    def test_from_json(self, tmp_path, style, wanted):
        json_path(tmp_path).write_text(json.dumps(some_rows(), **style), encoding="utf-8")
        expected = all_at_once(tmp_path)
        if wanted:
            expected = expected[[*wanted, "age_range", "signed_error", "absolute_error"]]
        pd.testing.assert_frame_equal(read_activations(tmp_path, "faces", wanted), expected)

    def test_from_rows_of_every_kind(self, tmp_path, way):
        rows = some_rows(60)
        rows[7] |= {"age_estimation": "31.5", "note": "}, {", "fname": "ü\\\n"}
        if way == "at once":  # which only Python takes for JSON
            rows[20]["age_real"] = float("nan")
            rows[21]["age_estimation"] = float("inf")
        rows[30] |= {"race_real": "", "gender_real": 3, "more": [1, {"a": 2}]}
        rows[40] = {name: rows[40][name] for name in REQUIRED_COLUMNS}
        rows[50] = {}
        json_path(tmp_path).write_text(json.dumps(rows), encoding="utf-8-sig")
        pd.testing.assert_frame_equal(read_activations(tmp_path, "faces"), all_at_once(tmp_path))

    def test_from_rows_without_an_accuracy(self, tmp_path):
        rows = [{name: row[name] for name in REQUIRED_COLUMNS} for row in some_rows()]
        json_path(tmp_path).write_text(json.dumps(rows))
        found = read_activations(tmp_path, "faces", (*REQUIRED_COLUMNS, "age_estimation_accuracy"))
        pd.testing.assert_frame_equal(found, all_at_once(tmp_path))

    def test_from_json_packed_with_gzip(self, tmp_path):
        json_path(tmp_path).write_text(json.dumps(some_rows()))
        expected = all_at_once(tmp_path)
        packed = json_path(tmp_path).with_suffix(".json.gz")
        packed.write_bytes(gzip.compress(json_path(tmp_path).read_bytes()))
        json_path(tmp_path).unlink()
        pd.testing.assert_frame_equal(read_activations(tmp_path, "faces"), expected)

    def test_from_parquet(self, tmp_path, monkeypatch):
        monkeypatch.setattr(parquet, "ROWS_PER_GROUP", 7)
        monkeypatch.setattr(parquet, "GROUPS_PER_PARTITION", 2)
        rows = some_rows()
        rows[5]["fname"] = rows[4]["fname"]
        write_activations(tmp_path / "json", "faces", rows, "json", {})
        write_activations(tmp_path / "parquet", "faces", iter(rows), "parquet", {})
        assert len(list(partitions_folder(tmp_path / "parquet", "faces").iterdir())) == 3
        for wanted in (None, REQUIRED_COLUMNS):
            frames = [read_activations(tmp_path / form, "faces", wanted) for form in ("json", "parquet")]
            pd.testing.assert_frame_equal(*frames)
        pd.testing.assert_frame_equal(read_activations(tmp_path / "parquet", "faces"), all_at_once(tmp_path / "json"))


def test_huge_files_are_read_row_by_row(tmp_path, streamed, monkeypatch):
    """Otherwise everything would still be right, and take gigabytes."""
    write_activations(tmp_path, "faces", some_rows(), "json", {})
    whole, loads = json_path(tmp_path).stat().st_size, json.loads

    def loads_what_is_small(text):
        assert len(text) < whole / 4
        return loads(text)

    monkeypatch.setattr(json, "loads", loads_what_is_small)
    assert len(read_activations(tmp_path, "faces")) == 40


def test_what_stage_2_writes_by_itself_is_read_at_once():
    row = len(json.dumps(next(stage3_million.made_rows(1)))) + 2
    assert PARQUET_ABOVE * row < JSON_AT_ONCE


class TestWriting:
    def test_json_is_the_published_format(self, tmp_path):
        rows = some_rows()
        path = write_activations(tmp_path, "faces", iter(rows), "json", PROVENANCE)
        assert path == json_path(tmp_path)
        assert path.read_text(encoding="utf-8") == json.dumps(rows) + "\n"
        assert read_metadataset(tmp_path, "faces", "activations") == rows

    def test_parquet_has_its_provenance(self, tmp_path):
        rows = some_rows(5)[:5]
        rows[0]["fname"] = "00000.jpg"
        path = write_activations(tmp_path, "faces", rows, "parquet", PROVENANCE)
        assert path == partitions_folder(tmp_path, "faces") == tmp_path / "metadataset_faces_activations.parquet"
        assert [p.name for p in path.iterdir()] == ["part-00000.parquet"]
        provenance = json.loads(provenance_path(tmp_path, "faces", "activations").read_text())
        digest = hashlib.sha256((path / "part-00000.parquet").read_bytes()).hexdigest()
        assert provenance.items() >= PROVENANCE.items()
        assert (provenance["file"], provenance["rows"]) == ("metadataset_faces_activations.parquet", 5)
        assert provenance["sha256"] == {"part-00000.parquet": digest}
        assert len(contents(tmp_path)) == 2

    def test_one_format_takes_the_other_away(self, tmp_path):
        rows = some_rows()
        rows[5]["fname"] = rows[4]["fname"]
        write_activations(tmp_path, "faces", rows, "json", {})
        shutil.copy(json_path(tmp_path), tmp_path / "metadataset_others_activations.json")
        json_path(tmp_path).with_suffix(".json.gz").write_bytes(b"older")
        write_activations(tmp_path, "faces", rows, "parquet", {})
        assert files_there(tmp_path, "faces") == [partitions_folder(tmp_path, "faces")]
        write_activations(tmp_path, "faces", rows, "json", {})
        assert files_there(tmp_path, "faces") == [json_path(tmp_path)]
        assert files_there(tmp_path, "others") != []

    def test_what_is_the_same_is_left_alone(self, tmp_path):
        rows = some_rows(5)
        rows[0]["fname"] = "00000.jpg"
        folder = write_activations(tmp_path, "faces", rows, "parquet", PROVENANCE)
        for path in (*folder.iterdir(), provenance_path(tmp_path, "faces", "activations")):
            os.utime(path, ns=(10**18, 10**18))
        write_activations(tmp_path, "faces", rows, "parquet", PROVENANCE)
        assert {path.stat().st_mtime_ns for path in folder.iterdir()} == {10**18}
        assert provenance_path(tmp_path, "faces", "activations").stat().st_mtime_ns == 10**18
        write_activations(tmp_path, "faces", rows[:3], "parquet", PROVENANCE)
        assert len(read_activations(tmp_path, "faces")) == 3

    def test_fewer_partitions_and_files_of_others(self, tmp_path, monkeypatch):
        monkeypatch.setattr(parquet, "ROWS_PER_GROUP", 2)
        monkeypatch.setattr(parquet, "GROUPS_PER_PARTITION", 1)
        rows = [row for row in some_rows(20) if row["fname"]]
        folder = write_activations(tmp_path, "faces", rows, "parquet", {})
        (folder / "README").write_text("mine")
        write_activations(tmp_path, "faces", rows[:3], "parquet", {})
        assert sorted(path.name for path in folder.iterdir()) == ["README", "part-00000.parquet", "part-00001.parquet"]
        write_activations(tmp_path, "faces", rows[:3], "json", {})
        assert [path.name for path in folder.iterdir()] == ["README"]
        assert len(read_activations(tmp_path, "faces")) == 3

    def test_rows_that_fail_leave_the_old_partitions(self, tmp_path):
        rows = [row for row in some_rows(20) if row["fname"]]
        write_activations(tmp_path, "faces", rows, "parquet", {})
        before = contents(tmp_path)

        def interrupted():
            yield rows[0]
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            write_activations(tmp_path, "faces", interrupted(), "parquet", {})
        assert contents(tmp_path) == before

    def test_what_a_killed_run_left_behind_is_cleared(self, tmp_path):
        left = tmp_path / ".metadataset_faces_activations.parquet.partial"
        left.mkdir()
        (left / "part-00000.parquet").write_bytes(b"half")
        write_activations(tmp_path, "faces", [], "parquet", {})
        assert not left.exists()

    @pytest.mark.parametrize("form", ["json", "parquet"])
    def test_folder_that_cannot_be_written(self, tmp_path, form):
        (tmp_path / "meta").write_bytes(b"")
        with pytest.raises(UsageError, match=r"expected to write .*activations\..*choose --metadatasets elsewhere"):
            write_activations(tmp_path / "meta", "faces", [], form, {})

    def test_a_file_in_the_place_of_the_folder(self, tmp_path):
        partitions_folder(tmp_path, "faces").write_bytes(b"")
        with pytest.raises(UsageError, match="expected to write"):
            write_activations(tmp_path, "faces", [], "parquet", {})


class TestReading:
    def test_the_json_wins(self, tmp_path):
        rows = [row for row in some_rows(20) if row["fname"]]
        write_activations(tmp_path, "faces", rows[:3], "parquet", {})
        json_path(tmp_path).write_text(json.dumps(rows[:2]))
        assert files_there(tmp_path, "faces") == [json_path(tmp_path), partitions_folder(tmp_path, "faces")]
        assert len(read_activations(tmp_path, "faces")) == 2

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (b"[{", "to be a metadataset, but reading it failed (Expecting property name"),
            (b"", "reading it failed (Expecting value: line 1 column 1 (char 0)); write it again"),
            (b"\xff\xfe\x00", "reading it failed ('utf-8' codec can't decode byte 0xff"),
            (b"[" * 100_000, "reading it failed (maximum recursion depth"),
            (b'{"predictions": {}}', "expected a list of objects, one an image, in"),
            (b"[]", "expected at least one image in"),
            (b"[1, 2]", "expected every row to be an object with the labels of one image, got 1"),
            (b"[null]", "expected every row to be an object with the labels of one image, got None"),
            (
                b'[{"fname": "a.jpg"}]',
                "missing column(s) age_real, gender_real, race_real, age_estimation; the columns",
            ),
        ],
    )
    def test_json_that_cannot_be_used(self, tmp_path, content, words):
        for wanted in (None, REQUIRED_COLUMNS):
            json_path(tmp_path).write_bytes(content)
            with pytest.raises(UsageError) as error:
                read_activations(tmp_path, "faces", wanted)
            assert words in str(error.value)
            assert "\n" not in str(error.value)

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (b"[{", "reading it failed (parse error: premature EOF, after at least 0 row(s)); write it again"),
            (b'[{"a": 1}, {"b" 2}]', "value must be separated by a colon (':'), near '[{\"a\": 1}, {\"b\" 2}]', after"),
            (b'[{"a": "\xff"}]', "invalid bytes in UTF8 string, near"),
            (b'[{"a": NaN}]', "invalid char in json text, near '[{\"a\": NaN}]', after at least 0 row(s)"),
            (b'[{"a": 123456789012345678901234567890}]', "integer overflow"),
            (b'[{"a": 1e400}]', "numeric (floating point) overflow"),
            (b"[{}] x", "trailing garbage, near '[{}] x'"),
            (b'{"predictions": {}}', "expected a list of objects, one an image, in"),
            (b'"text"', "activations.json, got str"),
            (b" [ ]", "expected at least one image in"),
            (b"[1, 2]", "expected every row to be an object with the labels of one image, got 1"),
            (b"[null]", "expected every row to be an object with the labels of one image, got None"),
            (b'[{"fname": "a.jpg"}]', "age_estimation; the columns present begin with: fname"),
        ],
    )
    def test_huge_json_that_cannot_be_used(self, tmp_path, streamed, content, words):
        for wanted in (None, REQUIRED_COLUMNS):
            json_path(tmp_path).write_bytes(content)
            with pytest.raises(UsageError) as error:
                read_activations(tmp_path, "faces", wanted)
            assert words in str(error.value)
            assert "\n" not in str(error.value)

    def test_every_truncation_of_huge_json_is_told(self, tmp_path, streamed):
        text = json.dumps(some_rows(3))
        for end in range(2, len(text), 37):
            json_path(tmp_path).write_text(text[:end])
            with pytest.raises(UsageError, match=r"reading it failed \((parse|lexical) error: .*, after at least \d"):
                read_activations(tmp_path, "faces")

    def test_damage_far_into_huge_json(self, tmp_path, streamed, monkeypatch):
        monkeypatch.setattr(columns, "BATCH", 7)
        text = json.dumps(some_rows(200))
        json_path(tmp_path).write_text(f"{text[:-2]}#{text[-2:]}")
        with pytest.raises(UsageError, match=r"near '.+', after at least 1\d\d row\(s\)"):
            read_activations(tmp_path, "faces")

    def test_a_byte_order_mark_is_no_part_of_huge_json(self, tmp_path, streamed):
        json_path(tmp_path).write_text(json.dumps(some_rows()), encoding="utf-8-sig")
        assert len(read_activations(tmp_path, "faces")) == 40

    def test_the_complaint_about_a_number_counts_all_rows(self, tmp_path):
        rows = some_rows()
        for i in (10, 30):
            rows[i]["age_real"] = "old"
        json_path(tmp_path).write_text(json.dumps(rows))
        complaints = []
        for read in (lambda: read_activations(tmp_path, "faces"), lambda: all_at_once(tmp_path)):
            with pytest.raises(UsageError) as error:
                read()
            complaints.append(str(error.value))
        assert complaints[0] == complaints[1]
        assert "'old' for image '00000010_" in complaints[0]
        assert "2 row(s)" in complaints[0]

    def test_every_truncation_is_told(self, tmp_path):
        text = json.dumps(some_rows(3))
        for end in range(0, len(text), 37):
            json_path(tmp_path).write_text(text[:end])
            with pytest.raises(UsageError) as error:
                read_activations(tmp_path, "faces")
            with pytest.raises(UsageError) as expected:
                read_metadataset(tmp_path, "faces", "activations")
            assert str(error.value) == str(expected.value)

    def test_truncated_gzip(self, tmp_path):
        packed = json_path(tmp_path).with_suffix(".json.gz")
        packed.write_bytes(gzip.compress(json.dumps(some_rows()).encode())[:-9])
        with pytest.raises(UsageError, match=r"reading it failed \(.*json\.gz: .*\); write it again"):
            read_activations(tmp_path, "faces")

    def test_missing_names_those_that_are_there(self, tmp_path):
        write_activations(tmp_path, "faces", [], "parquet", {})
        with pytest.raises(
            UsageError, match=r"utkface_activations\.json, found metadataset_faces_activations\.parquet"
        ):
            read_activations(tmp_path, "utkface")

    def test_parquet_that_cannot_be_used(self, tmp_path):
        folder = write_activations(tmp_path, "faces", [], "parquet", {})
        with pytest.raises(UsageError, match=r"expected at least one image in .*activations\.parquet"):
            read_activations(tmp_path, "faces")
        (folder / "part-00000.parquet").write_bytes(b"no parquet")
        with pytest.raises(
            UsageError, match=r"activations\.parquet to be a metadataset, but .*part-00000.*write it again"
        ):
            read_activations(tmp_path, "faces")
        (folder / "part-00000.parquet").unlink()
        with pytest.raises(UsageError, match=r"part-00000\.parquet is missing"):
            read_activations(tmp_path, "faces")


def test_the_format_follows_from_the_number_of_images():
    assert [format_for("auto", n) for n in (0, PARQUET_ABOVE, PARQUET_ABOVE + 1)] == ["json", "json", "parquet"]
    assert format_for("json", 10**9) == "json"
    assert format_for("parquet", 1) == "parquet"


def test_the_benchmark_compares_like_with_like(tmp_path):
    """All its ways see the same tables, and its JSON is what stage 2 writes."""
    stage3_million.make(tmp_path, "300")
    rows = list(stage3_million.made_rows(300))
    written = write_activations(tmp_path / "again", stage3_million.DATASET, rows, "json", {})
    assert (tmp_path / "json" / written.name).read_bytes() == written.read_bytes()
    hashes = {stage3_million.tables(tmp_path / form) for form in ("json", "parquet")}
    assert hashes == {stage3_million.plain_tables(tmp_path / "json")}
    assert np.isfinite([row["age_estimation"] for row in rows]).all()
    assert region_scores.KIND == "activations"
