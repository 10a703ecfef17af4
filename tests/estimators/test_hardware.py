"""Where models run: what ``auto`` means, what is refused, and that another backend gives the same answers."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from age_audit.core.errors import UsageError
from age_audit.estimators import hardware, load_estimator

ROOT = Path(__file__).parents[2]

INTEL = "processor\t: 0\nflags\t\t: fpu vme avx512f avx512_bf16 amx_tile\n"
OLD = "processor\t: 0\nflags\t\t: fpu vme avx2\nmodel name\t: avx512_bf16 it is not\n"
ARM = "Features\t: fp asimd bf16\n"


@pytest.mark.parametrize(("described", "has"), [(INTEL, True), (ARM, True), (OLD, False), ("", False)])
def test_what_a_processor_says_of_itself(tmp_path, monkeypatch, described, has):
    (tmp_path / "cpuinfo").write_text(described)
    monkeypatch.setattr(hardware, "CPU_INFO", tmp_path / "cpuinfo")
    assert hardware.cpu_has_bfloat16() is has
    expected = "bfloat16" if has else "float32"
    assert hardware.choose_precision("auto", "dex-wrn", "audit", "cpu") == expected


def test_auto_is_float32_wherever_bfloat16_would_cost_results(tmp_path, monkeypatch):
    (tmp_path / "cpuinfo").write_text(INTEL)
    monkeypatch.setattr(hardware, "CPU_INFO", tmp_path / "cpuinfo")
    assert hardware.choose_precision("auto", "dex-wrn", "published", "cpu") == "float32"
    assert hardware.choose_precision("auto", "cydral-resnet10", "audit", "cpu") == "float32"
    assert hardware.choose_precision("bfloat16", "dex-wrn", "published", "cpu") == "bfloat16"


def test_a_machine_that_says_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(hardware, "CPU_INFO", tmp_path / "none")
    assert not hardware.cpu_has_bfloat16()


@pytest.mark.parametrize("name", ["dex-wrn", "cydral-resnet10"])
def test_a_graphics_card_that_is_not_there(name, keras):
    if keras.backend.backend() != "tensorflow" or hardware.runs_on_gpu("auto"):
        pytest.skip("there is one")
    from age_audit.estimators.registry import check_estimator

    with pytest.raises(UsageError, match="for --device gpu:3"):
        check_estimator(name, "float32", "gpu:3") if name == "dex-wrn" else load_estimator(name, device="gpu:3")


def test_the_processor_by_name_gives_the_same_bits(dex_wrn, crops):
    named = load_estimator("dex-wrn", device="cpu")
    assert named is not dex_wrn
    np.testing.assert_array_equal(named.predict(crops).probabilities, dex_wrn.predict(crops).probabilities)


def test_batches_are_for_the_asking(cydral):
    before = cydral.batch
    try:
        assert load_estimator("cydral-resnet10", batch=5) is cydral and cydral.batch == 5
    finally:
        cydral.batch = before


@pytest.mark.long
def test_jax_gives_the_ages_of_tensorflow(dex_wrn, crops, on_jax):
    from age_audit.estimators.masked import MaskedFaces

    segments = np.arange(224 * 224).reshape(224, 224) * 4 // 224**2
    masked = MaskedFaces(crops[0], crops[1], segments, np.array([[1, 1, 0, 0], [0, 1, 1, 0]]))
    expected = np.concatenate([dex_wrn.predict(crops).age, dex_wrn.predict_masked(masked).age])
    assert np.ptp(expected) > 5
    np.testing.assert_allclose(on_jax["ages"], expected, atol=1e-3)


def test_a_users_own_settings_of_keras_move_no_age(dex_wrn, crops, tmp_path):
    own = {"floatx": "float16", "epsilon": 0.1, "image_data_format": "channels_first"}
    (tmp_path / "keras.json").write_text(json.dumps(own))
    script = (
        "import sys, numpy; from age_audit.estimators import load_estimator;"
        "print(load_estimator('dex-wrn').predict(numpy.load(sys.argv[1])).age.tolist())"
    )
    np.save(tmp_path / "crops.npy", crops)
    environment = os.environ | {"KERAS_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", script, str(tmp_path / "crops.npy")]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True, timeout=300)
    np.testing.assert_allclose(json.loads(done.stdout), dex_wrn.predict(crops).age, atol=1e-4)
