"""The published file formats: old files load, new files are the same bytes wherever and whenever they are written."""

import gzip
import hashlib
import json
import os
import re
import shutil
import time
from pathlib import Path

import numpy as np
import pytest

from age_audit.core.errors import UsageError
from age_audit.data.metadatasets import (
    Maker,
    check_writable,
    explained_in,
    maker_of,
    metadataset_path,
    names_array,
    plain_number,
    provenance_path,
    read_metadataset,
    refuse_mixed,
    refuse_other_images,
    refuse_other_maker,
    some_of,
    write_metadataset,
)

CONTENTS = {
    "predictions": {
        "cropping": {"images_total": 2, "images_failed_detected": 1},
        "predictions": {"ä.jpg": 31.25},
        "explanations": {"images_total": 1, "images_failed_detected": 0},
    },
    "activations": [{"fname": "ä.jpg", "age_real": 30, "gender_real": None, "activation_nose_from_all": 0.1}],
    "attachment": [{"fname": "ä.jpg", "landmarks": [[1, 2], [3, 4]]}],
    "masks": {"fname": names_array(["a.jpg", "ä.jpg"]), "positive": np.array([[1, 255], [0, 7]], np.uint8)},
}
PROVENANCE = {"dataset": "faces", "preset": "audit", "seed": 42}


def write_all(folder):
    for kind, content in CONTENTS.items():
        write_metadataset(folder, "faces", kind, content, PROVENANCE)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    folder = tmp_path_factory.mktemp("original")
    write_all(folder)
    return folder


@pytest.fixture
def written(original, tmp_path):
    """A folder of each kind at ``tmp_path / "meta"``: its files' bytes by name."""
    shutil.copytree(original, tmp_path / "meta")
    return {path.name: path.read_bytes() for path in original.iterdir()}


class TestWriting:
    def test_names(self, written):
        assert sorted(written) == [
            "metadataset_faces_activations.json",
            "metadataset_faces_activations.provenance.json",
            "metadataset_faces_attachment.json",
            "metadataset_faces_attachment.provenance.json",
            "metadataset_faces_masks.npz",
            "metadataset_faces_masks.provenance.json",
            "metadataset_faces_predictions.json",
            "metadataset_faces_predictions.provenance.json",
        ]

    def test_the_path_is_returned(self, tmp_path):
        path = write_metadataset(tmp_path, "faces", "masks", CONTENTS["masks"], {})
        assert path == metadataset_path(tmp_path, "faces", "masks") == tmp_path / "metadataset_faces_masks.npz"

    @pytest.mark.parametrize("kind", ["predictions", "activations", "attachment"])
    def test_round_trip(self, written, tmp_path, kind):
        assert read_metadataset(tmp_path / "meta", "faces", kind) == CONTENTS[kind]

    def test_round_trip_of_masks(self, written, tmp_path):
        masks = read_metadataset(tmp_path / "meta", "faces", "masks")
        assert masks["fname"].tolist() == ["a.jpg", "ä.jpg"]
        np.testing.assert_array_equal(masks["positive"], CONTENTS["masks"]["positive"])

    def test_plain_json(self, written):
        text = written["metadataset_faces_attachment.json"].decode("utf-8")
        assert text == '[{"fname": "ä.jpg", "landmarks": [[1, 2], [3, 4]]}]\n'

    def test_same_bytes_in_another_folder_later(self, written, tmp_path, monkeypatch):
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now + 1e6)
        assert write_all(tmp_path / "elsewhere" / "deeper") == written

    def test_neither_place_nor_time_is_in_them(self, written, original):
        forbidden = (str(original), original.name, str(original.parent), f"{time.localtime().tm_year}-")
        for name, data in written.items():
            if name.endswith(".json"):
                assert not [text for text in forbidden if text in data.decode()], name
                assert not re.search(r"\d:[0-5]\d:[0-5]\d|\b1\d{9}\b", data.decode()), name
                assert '": "/' not in data.decode(), name

    def test_provenance_tells_what_made_the_file(self, written):
        provenance = json.loads(written["metadataset_faces_masks.provenance.json"])
        data = written["metadataset_faces_masks.npz"]
        assert provenance["file"] == "metadataset_faces_masks.npz"
        assert provenance["sha256"] == hashlib.sha256(data).hexdigest()
        assert provenance["libraries"]["numpy"] == np.__version__
        assert re.fullmatch("[0-9a-f]{64}", provenance["code"]["sources_sha256"])
        assert provenance.items() >= PROVENANCE.items()

    def test_an_unchanged_file_is_left_alone(self, written, tmp_path):
        folder = tmp_path / "meta"
        for path in folder.iterdir():
            os.utime(path, ns=(10**18, 10**18))
        changed = CONTENTS["predictions"] | {"predictions": {"ä.jpg": 32}}
        write_metadataset(folder, "faces", "predictions", changed, PROVENANCE)
        write_metadataset(folder, "faces", "activations", CONTENTS["activations"], PROVENANCE)
        write_metadataset(folder, "faces", "attachment", CONTENTS["attachment"], PROVENANCE | {"seed": 43})
        touched = {path.name for path in folder.iterdir() if path.stat().st_mtime_ns != 10**18}
        assert touched == {
            "metadataset_faces_predictions.json",
            "metadataset_faces_predictions.provenance.json",
            "metadataset_faces_attachment.provenance.json",
        }

    def test_what_a_killed_run_left_of_the_same_file_goes(self, written, tmp_path, monkeypatch):
        def killed(self, target):
            raise KeyboardInterrupt

        folder = tmp_path / "meta"
        with monkeypatch.context() as patched:
            patched.setattr(Path, "replace", killed)
            patched.setattr(Path, "unlink", lambda self, missing_ok: None)  # a killed process does not tidy up
            for dataset in ("faces", "others"):
                with pytest.raises(KeyboardInterrupt):
                    write_metadataset(folder, dataset, "attachment", [], PROVENANCE)
        assert len(list(folder.iterdir())) == len(written) + 2
        write_metadataset(folder, "faces", "attachment", CONTENTS["attachment"], PROVENANCE)
        assert len(list(folder.iterdir())) == len(written) + 1  # another run may be at work on the other one

    @pytest.mark.parametrize("number", [float("nan"), float("inf")])
    def test_numbers_that_json_does_not_have(self, written, tmp_path, number):
        with pytest.raises(ValueError, match="not JSON compliant"):
            write_metadataset(tmp_path / "meta", "faces", "activations", [{"age_real": number}], {})
        assert {path.name: path.read_bytes() for path in (tmp_path / "meta").iterdir()} == written

    def test_what_cannot_be_written_is_told_before_any_work(self, tmp_path):
        check_writable(tmp_path / "new", "faces")
        assert list((tmp_path / "new").iterdir()) == []
        with pytest.raises(UsageError, match=r"expected to write .*, but: File name too long"):
            check_writable(tmp_path, "x" * 240)
        (tmp_path / "meta").write_bytes(b"")
        with pytest.raises(UsageError, match=r"expected to write .*--metadatasets"):
            check_writable(tmp_path / "meta", "faces")

    def test_folder_that_cannot_be_written(self, tmp_path):
        (tmp_path / "meta").write_bytes(b"")
        with pytest.raises(UsageError, match=r"expected to write .*metadataset_faces_attachment\.json.*--metadatasets"):
            write_metadataset(tmp_path / "meta", "faces", "attachment", [], {})


class TestReading:
    def test_published_predictions_have_three_keys(self, tmp_path):
        path = metadataset_path(tmp_path, "utkface", "predictions")
        published = {
            "cropping": {"images_total": 23708, "images_failed_detected": 1},
            "predictions": {"1_0_0_2016.jpg": 18.5},
            "explanations": {"images_total": 23707, "images_failed_detected": 0},
        }
        path.write_text(json.dumps(published, indent=4))
        assert read_metadataset(tmp_path, "utkface", "predictions") == published
        assert not provenance_path(tmp_path, "utkface", "predictions").exists()

    def test_byte_order_mark_and_nan_of_other_writers(self, tmp_path):
        path = metadataset_path(tmp_path, "utkface", "activations")
        path.write_bytes(b'\xef\xbb\xbf[{"fname": "a.jpg", "age_real": NaN}]')
        (row,) = read_metadataset(tmp_path, "utkface", "activations")
        assert row["fname"] == "a.jpg"
        assert np.isnan(row["age_real"])

    @pytest.mark.parametrize("name", ["NaN", "Infinity", "-Infinity"])
    def test_an_age_that_is_no_number_is_refused(self, tmp_path, name):
        path = metadataset_path(tmp_path, "utkface", "predictions")
        path.write_text(f'{{"predictions": {{"a.jpg": null, "b.jpg": {name}}}}}')
        with pytest.raises(
            UsageError, match=rf"_predictions.json to be a metadataset, .* \({name} is no number of JSON; null"
        ):
            read_metadataset(tmp_path, "utkface", "predictions")

    @pytest.mark.parametrize("kind", CONTENTS)
    def test_a_file_beside_the_provenance_of_another(self, written, tmp_path, kind):
        path = metadataset_path(tmp_path / "meta", "faces", kind)
        other = {"predictions": {"predictions": {}}, "masks": {"fname": names_array(["b.jpg"])}}.get(kind, [])
        write_metadataset(tmp_path / "other", "faces", kind, other, PROVENANCE)
        shutil.copy(metadataset_path(tmp_path / "other", "faces", kind), path)
        with pytest.raises(UsageError, match=r"to be the file that .*provenance.json describes, but it was changed or"):
            read_metadataset(tmp_path / "meta", "faces", kind)
        provenance_path(tmp_path / "meta", "faces", kind).unlink()
        assert len(read_metadataset(tmp_path / "meta", "faces", kind)) == len(other)

    def test_missing_names_those_that_are_there(self, written, tmp_path):
        with pytest.raises(UsageError) as error:
            read_metadataset(tmp_path / "meta", "utkface", "activations")
        assert "_utkface_activations.json, found metadataset_faces_activations.json there; run" in str(error.value)
        assert "\n" not in str(error.value)

    @pytest.mark.parametrize("folder", ["", "gone"])
    def test_missing_where_there_is_none(self, tmp_path, folder):
        with pytest.raises(UsageError, match="found no masks file there; run the stage that writes it"):
            read_metadataset(tmp_path / folder, "faces", "masks")

    @pytest.mark.parametrize("kind", ["activations", "masks"])
    @pytest.mark.parametrize("data", [b"", b"PK\x03\x04 half an archive", b"[1, 2", b"\xff\xfe", b"[" * 100_000])
    def test_corrupt_gives_one_sentence(self, tmp_path, kind, data):
        metadataset_path(tmp_path, "faces", kind).write_bytes(data)
        with pytest.raises(UsageError, match="to be a metadataset, but reading it failed") as error:
            read_metadataset(tmp_path, "faces", kind)
        assert "\n" not in str(error.value)

    def test_truncated_masks(self, written, tmp_path):
        path = metadataset_path(tmp_path / "meta", "faces", "masks")
        path.write_bytes(path.read_bytes()[:-30])
        with pytest.raises(UsageError, match="write it again"):
            read_metadataset(tmp_path / "meta", "faces", "masks")

    def test_masks_that_would_be_unpickled(self, tmp_path):
        with metadataset_path(tmp_path, "faces", "masks").open("wb") as stream:
            np.savez(stream, fname=np.array(["a.jpg"], dtype=object))
        with pytest.raises(UsageError, match="not a whole NPZ file of plain arrays"):
            read_metadataset(tmp_path, "faces", "masks")

    def test_folder_in_its_place(self, tmp_path):
        metadataset_path(tmp_path, "faces", "masks").mkdir()
        with pytest.raises(UsageError, match=r"expected a readable file at .*directory"):
            read_metadataset(tmp_path, "faces", "masks")


@pytest.mark.parametrize(("value", "written"), [(31.0, "31"), (31.25, "31.25"), (0, "0"), (None, "null")])
def test_plain_number(value, written):
    assert json.dumps(plain_number(value)) == written


def test_a_file_packed_with_gzip_is_read_too(tmp_path):
    rows = [{"fname": "a.jpg", "landmarks": [[1, 2]]}]
    path = write_metadataset(tmp_path, "utkface", "attachment", rows, {})
    packed = path.with_name(f"{path.name}.gz")
    packed.write_bytes(gzip.compress(path.read_bytes(), mtime=0))
    path.unlink()
    assert read_metadataset(tmp_path, "utkface", "attachment") == rows
    packed.write_bytes(packed.read_bytes()[:-9])
    with pytest.raises(UsageError, match="write it again"):
        read_metadataset(tmp_path, "utkface", "attachment")


class TestOtherImages:
    def test_some_stand_for_all(self):
        assert some_of(["c" * 64, "a" * 64]) == ["a" * 12, "c" * 12]
        assert len(some_of(f"{number:064x}"[::-1] for number in range(40))) == 16

    @pytest.fixture
    def hashes(self):
        return [hashlib.sha256(bytes([number])).hexdigest() for number in range(60)]

    @pytest.fixture
    def of_twenty(self, tmp_path, hashes):
        """Results of the first twenty images, aligned."""
        stated = PROVENANCE | {"images": some_of(hashes[:20]), "aligned": {"reference_shape_sha256": "0"}}
        write_metadataset(tmp_path, "faces", "predictions", CONTENTS["predictions"], stated)
        return tmp_path

    @pytest.mark.parametrize("now", [slice(20), slice(60), slice(5, 25)], ids=["the same", "more", "some others"])
    def test_a_set_that_grows_or_changes_a_little_is_the_same(self, of_twenty, hashes, now):
        assert refuse_other_images(of_twenty, "faces", hashes[now], aligned=True) is None

    def test_other_ones(self, of_twenty, hashes):
        with pytest.raises(
            UsageError, match=r"its predictions are of others, none of which is among these 40; .*--over"
        ):
            refuse_other_images(of_twenty, "faces", hashes[20:], aligned=True)
        assert refuse_other_images(of_twenty, "another", hashes[20:], aligned=True) is None

    def test_aligned_otherwise(self, of_twenty, hashes):
        with pytest.raises(UsageError, match="are of faces aligned, and these are not aligned"):
            refuse_other_images(of_twenty, "faces", hashes[:20], aligned=False)

    def test_what_lies_beside_predictions_of_these_may_be_older(self, of_twenty, hashes):
        stated = PROVENANCE | {"images": some_of(hashes[20:])}
        write_metadataset(of_twenty, "faces", "activations", CONTENTS["activations"], stated)
        assert refuse_other_images(of_twenty, "faces", hashes[:20], aligned=True) is None
        with pytest.raises(UsageError, match="are of others"):
            refuse_other_images(of_twenty, "faces", hashes[20:], aligned=True)

    def test_results_that_do_not_say_so_are_taken_for_these(self, written, tmp_path):
        assert refuse_other_images(tmp_path / "meta", "faces", ["0" * 64], aligned=True) is None


@pytest.mark.parametrize(
    ("what", "before", "after"),
    [
        ("model", {"estimator": {"weights_hash": "sha256:1"}}, {"estimator": {"weights_hash": "sha256:2"}}),
        ("alignment", {"aligned": {"landmark_model_sha256": "1"}}, {"aligned": False}),
        ("set of images", {"images": ["a" * 12]}, {"images": ["b" * 12, "c" * 12]}),
    ],
)
def test_activations_of_what_the_predictions_no_longer_are_of(tmp_path, what, before, after):
    write_metadataset(tmp_path, "faces", "activations", CONTENTS["activations"], PROVENANCE | before)
    for stated in (PROVENANCE, PROVENANCE | before):
        write_metadataset(tmp_path, "faces", "predictions", CONTENTS["predictions"], stated)
        assert refuse_mixed(tmp_path, "faces") is None
    write_metadataset(tmp_path, "faces", "predictions", CONTENTS["predictions"], PROVENANCE | after)
    with pytest.raises(UsageError, match=rf"expected one {what} in .*; run analysis_2_evaluate.py again"):
        refuse_mixed(tmp_path, "faces")


class TestMakers:
    @staticmethod
    def stated(estimator="face-api", preset="audit", **explanation):
        return PROVENANCE | {"estimator": {"name": estimator}, "preset": preset, "explanation": explanation}

    @staticmethod
    def write(folder, kind, provenance, explained=1):
        counts = {"explanations": {"images_total": explained, "images_failed_detected": 0}}
        content = CONTENTS["predictions"] | counts if kind == "predictions" else CONTENTS.get(kind, [])
        write_metadataset(folder, "faces", kind, content, provenance)

    def test_who(self):
        ours = maker_of(self.stated(target="female", method="grad-cam"))
        assert ours == ("face-api", "audit", "grad-cam", "female")
        assert maker_of(self.stated(target="over:18", num_samples=9)) == ("face-api", "audit", "lime", "over:18")
        assert maker_of(self.stated(target="female"), explained=False) == ("face-api", "audit", None, None)
        for nothing in ({}, {"explanation": {}}, {"explanation": "lime"}, {"estimator": "face-api"}):
            assert maker_of(nothing) == (None, None, None, None)

    @pytest.mark.parametrize("kind", ["predictions", "masks", "activations", "boxes", "region_years"])
    @pytest.mark.parametrize(
        "other",
        [
            Maker("faceres", "audit", "grad-cam", "female"),
            Maker("face-api", "published", "grad-cam", "female"),
            Maker("face-api", "audit", "lime", "female"),
            Maker("face-api", "audit", "grad-cam", "expected-age"),
        ],
        ids=str,
    )
    def test_another_one_is_refused(self, tmp_path, kind, other):
        self.write(tmp_path, kind, self.stated(target="female", method="grad-cam"))
        assert refuse_other_maker(tmp_path, "faces", Maker("face-api", "audit", "grad-cam", "female")) is None
        told = f"by {other}, but its {kind} are by face-api, preset audit, grad-cam of female; each estimator"
        with pytest.raises(UsageError, match=re.escape(told)):
            refuse_other_maker(tmp_path, "faces", other)
        assert refuse_other_maker(tmp_path, "others", other) is None

    @pytest.mark.parametrize(("kind", "explained"), [("predictions", 0), ("attachment", 1)])
    def test_estimates_and_landmarks_are_of_no_method(self, tmp_path, kind, explained):
        self.write(tmp_path, kind, self.stated(target="expected-age"), explained)
        assert refuse_other_maker(tmp_path, "faces", Maker("face-api", "audit", "grad-cam", "female")) is None
        with pytest.raises(UsageError, match=rf"its {kind} are by face-api, preset audit; each"):
            refuse_other_maker(tmp_path, "faces", Maker("faceres", "audit", "grad-cam", "female"))

    @pytest.mark.parametrize("stated", [PROVENANCE, PROVENANCE | {"estimator": {"name": "face-api"}, "preset": None}])
    def test_what_nobody_said_is_no_clash(self, tmp_path, stated):
        self.write(tmp_path, "activations", stated)
        assert refuse_other_maker(tmp_path, "faces", Maker("faceres", "published", "lime", "female")) is None

    def test_whose_explanations_a_folder_holds(self, tmp_path):
        """Each of these has more to say than what is there before."""
        assert explained_in(tmp_path, "faces") == {}
        lime, occlusion = self.stated(target="expected-age"), self.stated(target="female", method="occlusion")
        self.write(tmp_path, "predictions", lime, explained=0)
        estimates = explained_in(tmp_path, "faces")
        assert maker_of(estimates) == ("face-api", "audit", None, None)
        self.write(tmp_path, "boxes", occlusion)
        assert explained_in(tmp_path, "faces")["explanation"] == occlusion["explanation"]
        self.write(tmp_path, "predictions", lime)
        assert explained_in(tmp_path, "faces")["explanation"] == lime["explanation"]
        self.write(tmp_path, "masks", occlusion)
        assert explained_in(tmp_path, "faces")["explanation"] == occlusion["explanation"]

    @pytest.mark.parametrize("kind", ["activations", "boxes", "region_years"])
    def test_explanations_that_are_mixed(self, tmp_path, kind):
        lime, rise = self.stated(target="expected-age", num_samples=256), self.stated(target="female", method="rise")
        self.write(tmp_path, "predictions", rise, explained=0)
        self.write(tmp_path, kind, lime)
        assert refuse_mixed(tmp_path, "faces", kind) is None  # beside estimates alone
        self.write(tmp_path, "predictions", rise)
        told = (
            rf"the {kind} are of method lime, target expected-age, and the predictions of method rise, target female; "
        )
        with pytest.raises(UsageError, match=told + r"run analysis_2_evaluate\.py again"):
            refuse_mixed(tmp_path, "faces", kind)
        self.write(tmp_path, "masks", lime)
        assert refuse_mixed(tmp_path, "faces", kind) is None
        self.write(tmp_path, "masks", self.stated(target="expected-age", num_samples=64))
        with pytest.raises(UsageError, match=rf"the {kind} are of num_samples 256, and the masks of num_samples 64;"):
            refuse_mixed(tmp_path, "faces", kind)
