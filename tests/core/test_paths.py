"""Model files inside packages, their hashes, and the folder of weights."""

import hashlib

import pytest

from age_audit.core import paths
from age_audit.core.errors import UsageError


@pytest.fixture
def package(tmp_path, monkeypatch):
    folder = tmp_path / "carrier_of_models"
    (folder / "data").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('the carrier was imported')")
    (folder / "data" / "model.dat").write_bytes(b"weights")
    monkeypatch.syspath_prepend(tmp_path)
    return folder


class TestPackageFile:
    def test_found_without_importing_the_package(self, package):
        assert paths.package_file("carrier_of_models", "data/model.dat") == package / "data" / "model.dat"

    def test_absent_package_is_named_with_what_to_do(self):
        with pytest.raises(UsageError, match=r"model\.dat \(no_such_carrier\).*make setup"):
            paths.package_file("no_such_carrier", "data/model.dat")

    def test_plain_module_carries_nothing(self):
        with pytest.raises(UsageError, match="argparse"):
            paths.package_file("argparse", "data/model.dat")

    @pytest.mark.parametrize("relative", ["data/other.dat", "data"])
    def test_absent_file_is_named(self, package, relative):
        with pytest.raises(UsageError, match=f"{relative} inside the package carrier_of_models"):
            paths.package_file("carrier_of_models", relative)


class TestVerifyHash:
    @pytest.mark.parametrize("algorithm", ["md5", "sha256"])
    def test_right_hash(self, package, algorithm):
        digest = hashlib.new(algorithm, b"weights").hexdigest()
        paths.verify_hash(package / "data" / "model.dat", algorithm, digest)  # that it does not raise is the point

    def test_wrong_hash_names_both_and_the_file(self, package):
        found = hashlib.sha256(b"weights").hexdigest()
        with pytest.raises(UsageError, match=rf"model\.dat: expected sha256 0000, found {found}"):
            paths.verify_hash(package / "data" / "model.dat", "sha256", "0000")


class TestLandmarkModel:
    def test_the_shipped_one_is_the_measured_one(self):
        assert paths.landmark_model_path().name == "shape_predictor_68_face_landmarks.dat"

    def test_another_one_is_refused(self, package, monkeypatch):
        monkeypatch.setattr(paths, "LANDMARK_MODEL", ("carrier_of_models", "data/model.dat"))
        with pytest.raises(UsageError, match="refused to open"):
            paths.landmark_model_path.__wrapped__()


class TestWeightsFolder:
    def test_chosen_by_the_environment(self, tmp_path, monkeypatch):
        monkeypatch.setenv(paths.WEIGHTS_FOLDER_VARIABLE, str(tmp_path))
        assert paths.weights_folder() == tmp_path
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv(paths.WEIGHTS_FOLDER_VARIABLE, "~/weights")  # as it comes out of a file of settings
        assert paths.weights_folder() == tmp_path / "weights"

    @pytest.mark.parametrize("value", [None, ""])
    def test_else_in_the_home_folder(self, tmp_path, monkeypatch, value):
        monkeypatch.setenv("HOME", str(tmp_path))
        if value is None:
            monkeypatch.delenv(paths.WEIGHTS_FOLDER_VARIABLE, raising=False)
        else:
            monkeypatch.setenv(paths.WEIGHTS_FOLDER_VARIABLE, value)
        assert paths.weights_folder() == tmp_path / ".cache" / "age-audit"
