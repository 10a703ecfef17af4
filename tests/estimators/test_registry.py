"""Estimators by name, and their identity without loading them."""

import hashlib
import json
import subprocess
import sys

import numpy as np
import pytest

from age_audit.core.errors import UsageError
from age_audit.estimators import load_estimator
from age_audit.estimators.registry import check_estimator
from age_audit.estimators.sources import estimator_identity
from tests.estimators.onnx_files import model, node

FACES = np.full((3, 224, 224, 3), 51, dtype=np.uint8)


@pytest.mark.parametrize("name", ["dex", "", "DEX-WRN", "model.h5"])
def test_unknown_name(name):
    for ask in (load_estimator, estimator_identity):
        with pytest.raises(
            UsageError,
            match="dex-wrn, dex-efficientnet-b3, cydral-resnet10, faceres, face-api, ssr-net, or your own as module:",
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


def years_network(years):
    """An ONNX file that answers with the mean of the first channel, plus so many years."""
    nodes = [
        node("GlobalAveragePool", ["pictures"], ["pooled"]),
        node("ReduceMean", ["pooled"], ["mean"], axes=[1, 2, 3], keepdims=0),
        node("Add", ["mean", "years"], ["answer"]),
    ]
    return model(nodes, {"years": np.array([years])}, [("pictures", ["N", 3, 8, 8])], [("answer", ["N"])])


def test_a_file_that_changed_under_its_name_is_loaded_anew(tmp_path):
    name, path = str(tmp_path / "mine.json"), tmp_path / "net.onnx"
    (tmp_path / "mine.json").write_text('{"model": "net.onnx", "output": "ages", "value_range": [0, 0.001]}')
    for years in (30.0, 40.0):
        path.write_bytes(years_network(years))
        loaded = load_estimator(name)
        np.testing.assert_allclose(loaded.predict(FACES).age, years, atol=0.001)
        assert loaded.info.weights_hash == estimator_identity(name)["weights_hash"]
        assert load_estimator(name, weights_hash=loaded.info.weights_hash) is loaded is load_estimator(name)
    (tmp_path / "mine.json").write_text('{"model": "net.onnx", "output": "ages", "value_range": [5, 5.001]}')
    np.testing.assert_allclose(load_estimator(name).predict(FACES).age, 45, atol=0.001)


def test_a_keras_file_that_changed_under_its_name_is_loaded_anew(keras, tmp_path):
    for years in (30, 40):
        inputs = keras.Input((4, 4, 3))
        keras.Model(inputs, keras.layers.Flatten()(inputs)[:, :1] * 0.0 + years).save(tmp_path / "net.keras")
        (tmp_path / "mine.json").write_text('{"model": "net.keras", "output": "ages"}')
        np.testing.assert_allclose(load_estimator(str(tmp_path / "mine.json")).predict(FACES).age, years)


def test_a_function_that_changed_in_a_process_that_stays_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "staying.json").write_text('{"model": "staying_ages:years", "output": "ages"}')
    (tmp_path / "staying_ages.py").write_text("def years(faces): return [30.0] * len(faces)\n")
    assert load_estimator("staying.json").predict(FACES).age.tolist() == [30.0] * 3
    (tmp_path / "staying_ages.py").write_text("def years(faces): return [40.0] * len(faces)\n")
    with pytest.raises(UsageError, match="to be as this process loaded it, it changed since; restart the process"):
        load_estimator("staying.json")
    del sys.modules["staying_ages"]


def test_another_file_than_the_one_asked_for_is_refused(tmp_path):
    (tmp_path / "net.onnx").write_bytes(years_network(30.0))
    (tmp_path / "mine.json").write_text('{"model": "net.onnx", "output": "ages"}')
    with pytest.raises(UsageError, match=r"to be the one that the run began with, sha256:00; .* has sha256:"):
        load_estimator(str(tmp_path / "mine.json"), weights_hash="sha256:00")


@pytest.mark.parametrize("address", ["http://localhost/predict", "https://host/net.onnx", "s3://bucket/mine.json"])
def test_an_address_is_no_estimator(address):
    for ask in (load_estimator, estimator_identity, check_estimator):
        with pytest.raises(UsageError, match=r"got '.*'; no address is read: download the file and name its path"):
            ask(address)


@pytest.mark.parametrize("name", ["net.ONNX", "net.Keras", "mine.JSON"])
def test_capital_endings_are_endings(tmp_path, name):
    (tmp_path / name).write_bytes(b"nothing of the kind")
    with pytest.raises(UsageError, match=r"expected a description beside|to be a .keras model file|a JSON description"):
        load_estimator(str(tmp_path / name))


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
