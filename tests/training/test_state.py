"""What is kept of a training comes back."""

import keras
import numpy as np
import pytest

from age_audit.core.errors import UsageError
from age_audit.training.state import State, save_model

ROW = {"loss": 1.0, "exact": 0.5, "within_one": 0.5, "validation_exact": 0.5, "validation_within_one": 0.5}


def model():
    keras.utils.set_random_seed(1)
    keras.utils.clear_session()
    return keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, name="one")], name="tiny")


def begun(path, key="a"):
    learnt = model()
    state, optimizer = State(path, learnt, key), keras.optimizers.Adam()
    optimizer.build(learnt.trainable_variables)
    state.begin(1, optimizer)
    return learnt, state


def test_the_best_weights_come_back_and_waiting_is_counted(tmp_path):
    learnt, state = begun(tmp_path / "state.npz")
    for value, loss in ((1.0, 0.5), (2.0, 0.7), (3.0, 0.6)):
        learnt.get_layer("one").kernel.assign(np.full((2, 1), value))
        state.keep(ROW | {"validation_loss": loss})
    again, restored = begun(tmp_path / "state.npz")
    assert (restored.epoch, restored.waited, restored.lowest) == (3, 2, 0.5)
    assert np.asarray(again.get_layer("one").kernel).ravel().tolist() == [3, 3]
    restored.take_best()
    assert np.asarray(again.get_layer("one").kernel).ravel().tolist() == [1, 1]
    assert restored.curves["validation_loss"].tolist() == [0.5, 0.7, 0.6]


def test_another_key_is_refused(tmp_path):
    begun(tmp_path / "state.npz")[1].keep(ROW | {"validation_loss": 1.0})
    with pytest.raises(UsageError, match="another --output"):
        begun(tmp_path / "state.npz", key="b")


@pytest.mark.parametrize("kept", [0, 0.5])
def test_a_damaged_file_is_told_of(tmp_path, kept):
    path = tmp_path / "state.npz"
    begun(path)[1].keep(ROW | {"validation_loss": 1.0})
    path.write_bytes(path.read_bytes()[: int(kept * path.stat().st_size)])
    with pytest.raises(UsageError, match=r"damaged.*delete it"):
        begun(path)


def test_a_saved_model_is_the_same_bytes_and_loads(tmp_path):
    assert save_model(model(), tmp_path / "a.keras") == save_model(model(), tmp_path / "b.keras")
    loaded = keras.saving.load_model(tmp_path / "a.keras", safe_mode=True)
    assert all(map(np.array_equal, loaded.get_weights(), model().get_weights()))
