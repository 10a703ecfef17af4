"""Estimators by name, and their identity without loading them."""

import hashlib
import json
import subprocess
import sys

import pytest

from age_audit.core.errors import UsageError
from age_audit.estimators import load_estimator
from age_audit.estimators.registry import LOADERS
from age_audit.estimators.sources import KNOWN_HASHES, estimator_identity


@pytest.mark.parametrize("name", ["dex", "", "DEX-WRN", "model.h5"])
def test_unknown_name(name):
    for ask in (load_estimator, estimator_identity):
        with pytest.raises(
            UsageError, match="dex-wrn, dex-efficientnet-b3, cydral-resnet10, or your own as module:function"
        ):
            ask(name)


def test_unknown_precision():
    with pytest.raises(UsageError, match="expected precision to be one of float32, bfloat16, got 'float16'"):
        load_estimator("dex-wrn", "float16")


def test_every_loader_has_a_hash():
    assert set(LOADERS) == set(KNOWN_HASHES)


def test_identity_is_what_the_loaded_estimator_says(dex_wrn, cydral):
    for estimator in (dex_wrn, cydral):
        expected = {"name": estimator.info.name, "weights_hash": estimator.info.weights_hash}
        assert estimator_identity(estimator.info.name) == expected


def test_identity_of_a_described_model_changes_with_either_file(tmp_path):
    (tmp_path / "mine.json").write_text(json.dumps({"model": "net.keras"}))
    (tmp_path / "net.keras").write_bytes(b"1")
    first = estimator_identity(str(tmp_path / "mine.json"))
    assert first["name"] == "mine.json"
    (tmp_path / "net.keras").write_bytes(b"2")
    second = estimator_identity(str(tmp_path / "mine.json"))
    (tmp_path / "mine.json").write_text(json.dumps({"model": "net.keras", "channel_order": "BGR"}))
    third = estimator_identity(str(tmp_path / "mine.json"))
    assert len({identity["weights_hash"] for identity in (first, second, third)}) == 3


def test_identity_of_a_function_is_its_module(tmp_path, monkeypatch):
    (tmp_path / "some_ages.py").write_text("raise RuntimeError('imported')")
    monkeypatch.chdir(tmp_path)
    expected = hashlib.sha256((tmp_path / "some_ages.py").read_bytes()).hexdigest()
    assert estimator_identity("some_ages:years")["weights_hash"] == f"sha256:{expected}"


def test_identity_of_an_absent_file(tmp_path):
    with pytest.raises(UsageError, match=r"absent\.keras"):
        estimator_identity(str(tmp_path / "absent.keras"))


def test_threads_for_a_function_are_set_without_loading_a_model_library():
    script = (
        "import os, sys; from age_audit.estimators.registry import configure_threads; configure_threads('m:f', 3);"
        "print(os.environ['TF_NUM_INTRAOP_THREADS'], sorted({'tensorflow', 'keras'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "3 []"


def test_importing_loads_no_model_library():
    script = (
        "import sys, age_audit.estimators, age_audit.explain.design; "
        "print(sorted({'tensorflow', 'keras', 'onnxruntime', 'dlib', 'torch', 'jax'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
