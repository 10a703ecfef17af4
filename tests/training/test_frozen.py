"""Frozen layers are asked once, whatever network they are part of; again when anything they depend on is another."""

import time
from threading import Thread

import keras
import numpy as np
import pytest

from age_audit.store.files import png_bytes
from age_audit.training import frozen
from age_audit.training.frozen import apart, cached
from age_audit.training.inputs import draw_changes


@pytest.fixture
def paths(tmp_path):
    rng = np.random.default_rng(1)
    paths = [tmp_path / f"{i}.png" for i in range(5)]
    for path in paths:
        path.write_bytes(png_bytes(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)))
    return paths


def network(seed):
    """Two backbones that share no layer, of which the first has two outputs."""
    keras.utils.set_random_seed(seed)
    faces = keras.Input((8, 8, 3))
    maps = keras.layers.Conv2D(4, 3, name="one")(faces)
    pooled = keras.layers.GlobalAveragePooling2D()(maps)
    other = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(2, 3, name="other")(faces))
    return keras.Model(faces, [maps, other, pooled])


def asked(trunk, paths, folder, mirrored=False):
    """What is kept, and whether anything had to be asked."""
    folder.mkdir(exist_ok=True)
    changes = draw_changes(5, None, seed=0, epoch=0)
    changes[:, 0] = mirrored
    before = set(folder.iterdir())
    return cached(trunk, paths, [changes], folder, print), len(set(folder.iterdir()) - before)


def test_what_is_kept_is_what_the_trunk_says(paths, tmp_path):
    trunk = network(1)
    found, made = asked(trunk, paths, tmp_path / "cache")
    faces = np.stack([np.array(keras.utils.load_img(path)) for path in paths]).astype(np.float32)
    for kept, said in zip(found, trunk.predict(faces, verbose=0), strict=True):
        assert kept[0] == pytest.approx(said, rel=2e-3, abs=0.1)  # maps are kept in half precision
    assert made == 3 and apart(trunk) == [[0, 2], [1]]


def test_what_was_asked_is_not_asked_again_and_anything_else_is(paths, tmp_path):
    folder = tmp_path / "cache"
    asked(network(1), paths, folder)
    assert asked(network(1), paths, folder)[1] == 0
    assert asked(network(2), paths, folder)[1] == 3  # other weights
    assert asked(network(1), paths, folder, mirrored=True)[1] == 3
    paths[0].write_bytes(paths[1].read_bytes())
    assert asked(network(1), paths, folder)[1] == 3


@pytest.mark.parametrize("length", [0, 100, 300])
def test_what_is_damaged_is_made_anew(paths, tmp_path, length):
    whole = [array.copy() for array in asked(network(1), paths, tmp_path / "cache")[0]]
    for path in (tmp_path / "cache").iterdir():
        path.write_bytes(path.read_bytes()[:length])
    again, _ = asked(network(1), paths, tmp_path / "cache")
    assert all(map(np.array_equal, whole, again))


def test_runs_that_share_a_folder_at_once_get_the_same(paths, tmp_path, monkeypatch):
    """One is begun while the other is at its first picture; none may see what the other has not finished."""
    folder, others = tmp_path / "cache", []
    ask = frozen._ask

    def met(*args):
        if not others:
            others.append(Thread(target=lambda: results.append(asked(network(1), paths, folder)[0])))
            others[0].start()
            time.sleep(0.3)  # in which the other would open the same files
        ask(*args)

    results = []
    monkeypatch.setattr(frozen, "_ask", met)
    own, _ = asked(network(1), paths, folder)
    others[0].join(60)
    assert len(results) == 1 and all(array.any() for array in own)
    assert all(map(np.array_equal, own, results[0]))


def test_a_network_of_two_finds_what_one_has_left(paths, tmp_path):
    whole = network(1)
    alone = keras.Model(whole.input, whole.outputs[1])
    assert asked(alone, paths, tmp_path / "cache")[1] == 1
    found, made = asked(whole, paths, tmp_path / "cache")
    assert made == 2 and [part.shape[2:] for part in found] == [(6, 6, 4), (2,), (4,)]
