"""Descriptions for machines: the formats' own libraries read them, and load what they describe."""

import gzip
import hashlib
import json
import shutil

import mlcroissant
import pytest
from rocrate.rocrate import ROCrate

from age_audit.core.errors import UsageError
from age_audit.core.paths import ROOT
from age_audit.data.image_measures import is_number
from age_audit.data.region_scores import write_rows
from age_audit.report.describe import CRATE, CROISSANT, describe
from tools.ship_metadatasets import PUBLISHED

SHIPPED = ROOT / "metadatasets"
DAY = "2026-05-04"


def hashed(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def folder(tmp_path):
    """Two faces, as stage 2 writes them, in a folder and a data set with odd names."""
    place = tmp_path / "my results"
    place.mkdir()
    rows = [{"fname": "ä 1.jpg", "age_real": 4, "score": 0.5, "sure": True, "why": None, "boxes": [], 'a "b" c': 1}]
    rows.append({"fname": "b.jpg", "age_real": None, "score": 1, "sure": False, "why": None, "boxes": [], 'a "b" c': 2})
    (place / "metadataset_my set_boxes.json").write_text(json.dumps(rows))
    (place / "metadataset_my set_boxes.provenance.json").write_text(json.dumps({"dataset": "my set", "counts": {}}))
    (place / "metadataset_other_activations.json.gz").write_bytes(gzip.compress(json.dumps(rows[:1]).encode(), mtime=0))
    (place / "notes.txt").write_text("not ours")
    return place


def test_rows_come_back_with_their_types(folder):
    describe(folder, DAY)
    dataset = mlcroissant.Dataset(str(folder / CROISSANT))
    name = "metadataset_my_set_boxes.json"
    first, second = dataset.records(f"{name}/rows")
    assert first == {
        f"{name}/fname": "ä 1.jpg".encode(), f"{name}/age_real": 4.0, f"{name}/score": 0.5, f"{name}/sure": True,
        f"{name}/why": None,
    }  # fmt: skip
    assert second[f"{name}/age_real"] is None or second[f"{name}/age_real"] != second[f"{name}/age_real"]
    (other,) = dataset.records("metadataset_other_activations.json.gz/rows")
    assert other["metadataset_other_activations.json.gz/age_real"] == 4


def test_the_crate_names_every_file_and_what_was_done(folder):
    describe(folder, DAY)
    crate = ROCrate(folder)
    assert crate.root_dataset["datePublished"] == DAY or str(crate.datePublished).startswith(DAY)
    files = {entity["name"]: entity for entity in crate.data_entities}
    assert sorted(files) == sorted(path.name for path in folder.glob("metadataset_*"))
    for path in folder.glob("metadataset_*"):
        assert files[path.name]["sha256"] == hashed(path)
    (run,) = crate.get_by_type("CreateAction")
    assert "the data set my set" in run["description"]
    assert sorted(entity["name"] for entity in run["result"]) == [
        "metadataset_my set_boxes.json",
        "metadataset_my set_boxes.provenance.json",
    ]


def test_same_files_same_bytes_and_no_place(folder, tmp_path):
    describe(folder, DAY)
    other = tmp_path / "elsewhere"
    shutil.copytree(folder, other)
    before = [hashed(other / name) for name in (CROISSANT, CRATE)]
    describe(other, DAY)
    assert [hashed(other / name) for name in (CROISSANT, CRATE)] == before
    assert str(tmp_path) not in (other / CRATE).read_text() + (other / CROISSANT).read_text()


@pytest.mark.parametrize("day", ["yesterday", "2026-13-01", "", "2026-05-04T10:00"])
def test_days_that_are_none(folder, day):
    with pytest.raises(UsageError, match="expected the day of publication as YYYY-MM-DD"):
        describe(folder, day)


def test_a_folder_without_results(tmp_path):
    with pytest.raises(UsageError, match="found none; name another folder"):
        describe(tmp_path, DAY)


@pytest.mark.long
def test_what_ships_is_described(tmp_path):
    copy = tmp_path / "metadatasets"
    shutil.copytree(SHIPPED, copy)
    describe(copy, PUBLISHED)
    for name in (CROISSANT, CRATE):
        assert (copy / name).read_text() == (SHIPPED / name).read_text(), "run python -m tools.ship_metadatasets"
    dataset = mlcroissant.Dataset(str(SHIPPED / CROISSANT))
    name = "utkface-images/metadataset_utkface_images.json.gz"
    names = [row["fname"] for row in json.loads(gzip.decompress((SHIPPED / name).read_bytes()))]
    assert [row[f"{name}/fname"].decode() for row in dataset.records(f"{name}/rows")] == names and len(names) == 8749
    assert len(ROCrate(SHIPPED).data_entities) == len(list(SHIPPED.rglob("metadataset_*")))


def test_partitions_and_names_with_dots_are_described_with_their_run(tmp_path):
    stated = {"dataset": "v1.0", "counts": {}, "estimator": {"name": "own"}, "preset": "audit"}
    rows = [{"fname": "a.jpg", "age_real": 4.0}, {"fname": "b.jpg", "age_real": None}]
    write_rows(tmp_path, "v1.0", "images", rows, "parquet", stated, is_number)
    describe(tmp_path, DAY)
    files = {entity["name"] for entity in ROCrate(tmp_path).data_entities}
    part = "metadataset_v1.0_images.parquet/part-00000.parquet"
    assert files == {part, "metadataset_v1.0_images.provenance.json"}
    (run,) = ROCrate(tmp_path).get_by_type("CreateAction")
    assert {entity["name"] for entity in run["result"]} == files and run["name"] == "v1.0 in ."
    assert "age-audit-v1.0" in (tmp_path / CROISSANT).read_text()
