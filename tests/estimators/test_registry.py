"""Estimators by name, and their identity without loading them."""

import hashlib
import json
import subprocess
import sys

import pytest

from age_audit.core.errors import UsageError
from age_audit.estimators import load_estimator
from age_audit.estimators.registry import check_estimator
from age_audit.estimators.sources import estimator_identity


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


@pytest.mark.parametrize("ask", [load_estimator, check_estimator])
def test_precision_that_it_does_not_have(ask):
    with pytest.raises(UsageError, match="cydral-resnet10 runs in float32 only, got precision 'bfloat16'"):
        ask("cydral-resnet10", "bfloat16")


def test_identity_is_what_the_loaded_estimator_says(dex_wrn, cydral):
    for estimator in (dex_wrn, cydral):
        expected = {"name": estimator.info.name, "weights_hash": estimator.info.weights_hash}
        assert estimator_identity(estimator.info.name) == expected


# As ledgers made until now have them: another name or hash would have every face estimated again.
IDENTITIES = {
    "dex-wrn": ("dex-wrn", "md5:fbe63257a054c1c5466cfd7bf14646d6"),
    "dex-efficientnet-b3": ("dex-efficientnet-b3", "md5:6d7f7b7ced093a8b3ef6399163da6ece"),
    "cydral-resnet10": (
        "cydral-resnet10",
        "sha256:4f9f0075200bd8ea6cd65ae6e6893cf820c513169382c08e82e533158358ed1c",
    ),
    "some_ages:years": (
        "some_ages:years",
        "sha256:9e26bf369911c45c243c684147b23fc9e1dcfcf257d299a1c632016a6fcd33f4",
    ),
    "no_such_module_at_all:f": ("no_such_module_at_all:f", "none"),
    "models/net.keras": ("net.keras", "sha256:6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"),
    "models/net.onnx": ("net.onnx", "sha256:6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"),
    "models/keras.json": ("keras.json", "sha256:9b20ebbd058b51881cb7914841a0336c3badee8d91d4b08e5d29068fccf1a2e8"),
    "models/function.json": (
        "function.json",
        "sha256:796b0cb3b27f5c4c2e6b377988b5dde5dd2c2f3b633fe3bd3762570225416f79",
    ),
}


@pytest.mark.parametrize("name", IDENTITIES)
def test_identities_stay(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    for suffix in ("keras", "onnx"):
        (tmp_path / f"models/net.{suffix}").write_bytes(b"1")
    (tmp_path / "some_ages.py").write_text("x = 1\n")
    (tmp_path / "models/keras.json").write_text('{"model": "net.keras"}')
    (tmp_path / "models/function.json").write_text('{"model": "some_ages:years"}')
    assert estimator_identity(name) == dict(zip(("name", "weights_hash"), IDENTITIES[name], strict=True))


@pytest.mark.parametrize("model", ["net.keras", "net.onnx"])
def test_identity_of_a_described_model_changes_with_either_file(tmp_path, model):
    (tmp_path / "mine.json").write_text(json.dumps({"model": model}))
    (tmp_path / model).write_bytes(b"1")
    first = estimator_identity(str(tmp_path / "mine.json"))
    assert first["name"] == "mine.json"
    (tmp_path / model).write_bytes(b"2")
    second = estimator_identity(str(tmp_path / "mine.json"))
    (tmp_path / "mine.json").write_text(json.dumps({"model": model, "channel_order": "BGR"}))
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


@pytest.mark.parametrize(
    ("model", "told", "loaded"),
    [
        ("m:f", "os.environ['TF_NUM_INTRAOP_THREADS']", "[]"),
        ("net.onnx", "sys.modules['age_audit.estimators.onnx_model']._threads", "['onnxruntime']"),
    ],
)
def test_threads_reach_the_library_of_a_described_model_and_no_other(tmp_path, model, told, loaded):
    (tmp_path / "mine.json").write_text(json.dumps({"model": model}))
    script = (
        "import os, sys; from age_audit.estimators.registry import configure_threads; "
        f"configure_threads({str(tmp_path / 'mine.json')!r}, 3); "
        f"print({told}, sorted({{'tensorflow', 'keras', 'onnxruntime'}} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"3 {loaded}"


def test_importing_loads_no_model_library():
    script = (
        "import sys, age_audit.estimators, age_audit.explain.design; "
        "print(sorted({'tensorflow', 'keras', 'onnxruntime', 'dlib', 'torch', 'jax'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
