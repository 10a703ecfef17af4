"""Compiled quickshift gives scikit-image's labels, and says when it cannot be compiled."""

import math
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from skimage import data, segmentation
from skimage.color import rgb2lab
from skimage.util import img_as_float

from age_audit.data.portraits import PORTRAITS, portrait_path
from age_audit.explain import quickshift as module
from age_audit.explain.quickshift import error_bound, quickshift, tree
from age_audit.faces.decoding import decode_image, read_bytes


def assert_same(image, kernel_size=4, max_dist=200, ratio=0.2, rng=42):
    expected = segmentation.quickshift(image, kernel_size=kernel_size, max_dist=max_dist, ratio=ratio, rng=rng)
    labels = quickshift(image, kernel_size, max_dist, ratio, rng)
    assert labels.dtype == expected.dtype
    np.testing.assert_array_equal(labels, expected)


@pytest.fixture(scope="module")
def heads():
    whole = [decode_image(read_bytes(portrait_path(portrait)))[0] for portrait in PORTRAITS]
    return [whole[0][20:220, 120:320], whole[1][60:460:2, 70:470:2], data.chelsea()[40:240, 140:340]]


def version(head, number):
    """Another picture of a face each time: turned, mirrored, shifted, darkened, noisy, in few levels, of floats."""
    generator = np.random.default_rng(number)
    top, left = generator.integers(0, 80, 2)
    height, width = generator.integers(60, 121, 2)
    image = np.rot90(head[top : top + height, left : left + width], number)[:, :: 1 - 2 * (number // 4 % 2)]
    image = image * generator.uniform(0.4, 1) + generator.normal(0, 6 * (number % 3), image.shape)
    image = np.clip(image, 0, 255).astype(np.uint8) // (1 + 31 * (number % 5 == 0)) * (1 + 31 * (number % 5 == 0))
    return image / 255 if number % 2 else image


@pytest.mark.parametrize("number", range(40))
def test_same_labels_as_scikit_image(heads, number):
    assert_same(version(heads[number % 3], number))


def test_same_labels_of_a_face_as_large_as_the_pipeline_cuts_them():
    assert_same(data.astronaut()[:224, 100:324])


@pytest.mark.parametrize(
    "arguments",
    [
        *({"kernel_size": size} for size in (1, 1.5, 2, 7)),
        *({"max_dist": reach} for reach in (0, 1, 2.5, 10, math.inf)),
        *({"ratio": ratio} for ratio in (0, 0.05, 1, 3)),
        *({"rng": seed} for seed in (0, 7)),
    ],
)
def test_same_labels_for_other_arguments(heads, arguments):
    assert_same(heads[0][30:111, 50:120], **arguments)


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (1, 40), (40, 1), (2, 3), (5, 30), (13, 12), (61, 67)])
@pytest.mark.parametrize("kind", ["black", "white", "grey", "random", "two levels"])
def test_same_labels_of_small_and_of_flat_pictures(shape, kind):
    generator = np.random.default_rng(0)
    flat = {"black": 0, "white": 255, "grey": 127}
    levels = {"random": 256, "two levels": 2}
    image = np.full((*shape, 3), flat[kind]) if kind in flat else generator.integers(0, levels[kind], (*shape, 3))
    assert_same(image.astype(np.uint8))


@pytest.mark.parametrize("kind", [np.float32, np.float16, np.uint16, np.int16, bool])
def test_same_labels_of_other_types(heads, kind):
    scale = {np.uint16: 257, np.int16: 128}.get(kind, 1 / 255)
    assert_same((heads[1][:40, :50].astype(float) * scale).astype(kind))


def test_same_labels_where_colours_are_no_numbers_or_huge(heads):
    image = heads[0][:40, :50] / 255
    image[20, 20] = np.nan
    with np.errstate(all="ignore"):
        assert_same(image)
        assert_same(heads[0][:40, :50] * 1e6)


@pytest.mark.parametrize(
    ("image", "kernel_size"), [(np.zeros((9, 9, 4)), 4), (np.zeros((9, 9)), 4), (np.zeros((9, 9, 3)), 0.5)]
)
def test_refuses_what_scikit_image_refuses(image, kernel_size):
    with pytest.raises(ValueError) as theirs:
        segmentation.quickshift(image, kernel_size=kernel_size)
    with pytest.raises(ValueError) as ours:
        quickshift(image, kernel_size)
    assert str(ours.value) == str(theirs.value)


def literal_tree(lab, kernel_size, rng):
    """The definition: densities, and for each pixel the nearest denser one in its window with its squared distance."""
    height, width, _ = lab.shape
    radius = math.ceil(3 * kernel_size)
    places = [(r, c) for r in range(height) for c in range(width)]
    squares = {
        (p, q): ((lab[p] - lab[q]) ** 2).sum() + (p[0] - q[0]) ** 2 + (p[1] - q[1]) ** 2
        for p in places
        for q in places
        if max(abs(p[0] - q[0]), abs(p[1] - q[1])) <= radius
    }
    noise = np.random.default_rng(rng).normal(scale=0.00001, size=(height, width))
    density = {p: noise[p] for p in places}
    for (p, _), square in squares.items():
        density[p] += math.exp(-square / (2 * kernel_size**2))
    return {
        p: min(
            ((square, q) for (one, q), square in squares.items() if one == p and density[q] > density[p]),
            default=(0, p),
        )
        for p in places
    }


def literal(lab, kernel_size, max_dist, rng):
    """Which root each pixel's parents lead to."""
    found = literal_tree(lab, kernel_size, rng)
    places, (height, width) = list(found), lab.shape[:2]
    parent = {p: q if math.sqrt(square) <= max_dist else p for p, (square, q) in found.items()}
    roots = {}
    for p in places:
        root = p
        while parent[root] != root:
            root = parent[root]
        roots[p] = root
    order = sorted(set(roots.values()))
    return np.array([order.index(roots[p]) for p in places]).reshape(height, width)


@pytest.mark.parametrize(("kernel_size", "max_dist"), [(1, 200), (1, 1.5), (4, 200)])
def test_same_labels_as_the_definition(kernel_size, max_dist):
    image = data.astronaut()[60:180:14, 180:285:15]
    assert image.shape == (9, 7, 3)
    expected = literal(rgb2lab(img_as_float(image)) * 0.2, kernel_size, max_dist, 42)
    np.testing.assert_array_equal(quickshift(image, kernel_size, max_dist), expected)


@pytest.mark.parametrize("exact_alone", [False, True])
@pytest.mark.parametrize("kernel_size", [1, 1.7])
def test_same_parents_as_the_definition(monkeypatch, kernel_size, exact_alone):
    """Whole numbers for colours, so that many neighbours are equally far, or one colour, so that many are as dense."""
    if exact_alone:
        monkeypatch.setattr(module, "error_bound", lambda terms: 1e9)
    for seed in range(25):
        lab = np.random.default_rng(seed).integers(0, 3, (8, 9, 3)) * float(seed % 2)
        parents, distances, exact = tree(lab, kernel_size, seed)
        expected = literal_tree(lab, kernel_size, seed)
        assert (exact > 0) == exact_alone
        assert parents.ravel().tolist() == [9 * r + c for _, (r, c) in expected.values()]
        has_parent = parents.ravel() != np.arange(72)
        squares = np.array([square for square, _ in expected.values()])
        np.testing.assert_array_equal(distances.ravel()[has_parent], np.sqrt(squares[has_parent]))


class TestExactComparisons:
    # Away from the edge, densities of a flat picture differ by nothing but noise of 0.00001.
    flat = np.full((60, 60, 3), 200, np.uint8)

    def test_are_needed_where_densities_nearly_agree(self):
        flat = np.full((160, 160, 3), 200, np.uint8)
        *_, exact = tree(rgb2lab(img_as_float(flat)) * 0.2, 8, 42)
        assert 0 < exact < 100
        assert_same(flat, kernel_size=8)

    def test_are_not_needed_on_a_face(self):
        *_, exact = tree(rgb2lab(img_as_float(data.astronaut()[:224, 100:324])) * 0.2, 4, 42)
        assert exact == 0

    def test_alone_give_the_same_labels(self, monkeypatch, heads):
        monkeypatch.setattr(module, "error_bound", lambda terms: 1e9)
        image = heads[0][30:60, 50:80]
        *_, exact = tree(rgb2lab(img_as_float(image)) * 0.2, 4, 42)
        assert exact > 30 * 30
        assert_same(image)

    def test_decide_nothing_if_the_bound_is_too_small(self, monkeypatch):
        """Densities moved by more than the bound give other labels: the margin is what keeps them."""
        monkeypatch.setattr(module, "error_bound", lambda terms: 0)
        densities, parents = module.compiled()
        off = np.random.default_rng(0).normal(scale=0.001, size=(60, 60))
        monkeypatch.setattr(module, "compiled", lambda: (lambda *given: densities(*given) + off, parents))
        assert (quickshift(self.flat) != segmentation.quickshift(self.flat, 0.2, 4, 200)).any()
        monkeypatch.setattr(module, "error_bound", lambda terms: 0.01)
        assert_same(self.flat)

    @pytest.mark.parametrize("ratio", [0, 0.2, 1])
    def test_the_bound_holds(self, heads, ratio):
        """Sums of numpy's exponentials, which are good to a unit in the last place, differ by far less."""
        lab = rgb2lab(img_as_float(heads[0][30:70, 60:100])) * ratio
        rows, columns = np.indices(lab.shape[:2])
        points = np.concatenate([lab.reshape(-1, 3), rows.reshape(-1, 1), columns.reshape(-1, 1)], axis=1)
        squares = ((points[:, None] - points) ** 2).sum(axis=2)
        near = (np.abs(points[:, None, 3:] - points[:, 3:]) <= 12).all(axis=2)
        expected = (np.exp(-squares / 32) * near).sum(axis=1)
        fast = module.compiled()[0](np.ascontiguousarray(np.moveaxis(lab, 2, 0)), 12, 12, 4.0).ravel()
        assert 0 < np.abs(fast - expected).max() < error_bound(25 * 25)


CUT = """
import numpy as np
from skimage import segmentation
from age_audit.explain.quickshift import quickshift
image = np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype(np.uint8)
for _ in range(2):
    assert (quickshift(image) == segmentation.quickshift(image, ratio=0.2, kernel_size=4, max_dist=200)).all()
"""


def start(code, **environment):
    command = [sys.executable, "-c", code]
    return subprocess.Popen(command, env=os.environ | environment, stderr=subprocess.PIPE, text=True)


def told(process):
    """Lines on standard error of a process that ends well."""
    _, lines = process.communicate(timeout=300)
    assert process.returncode == 0, lines
    return lines.splitlines()


def test_without_numba_scikit_image_does_it_and_that_is_said_once():
    (line,) = told(start("import sys; sys.modules['numba'] = None\n" + CUT))
    assert "numba" in line.partition(";")[0] and "scikit-image does it" in line and "pip install numba" in line


def test_numba_is_not_loaded_before_quickshift_is_called():
    assert not told(
        start("import sys, age_audit.explain.superpixels, age_audit.pipeline.tasks; assert 'numba' not in sys.modules")
    )


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """What two workers tell that start together, and the folder in which they keep what they have compiled."""
    folder = tmp_path_factory.mktemp("numba")
    workers = [start(CUT, NUMBA_CACHE_DIR=str(folder)) for _ in range(2)]
    return [line for process in workers for line in told(process)], folder


def test_workers_that_start_together_compile_once(together):
    (line,), folder = together
    assert "quickshift: compiled for this processor, in" in line
    assert list(folder.rglob("*.nbc"))
    assert not told(start(CUT, NUMBA_CACHE_DIR=str(folder)))


def test_where_nothing_can_be_kept_it_compiles_all_the_same():
    (line,) = told(start(CUT, NUMBA_CACHE_LOCATOR_CLASSES="ZipCacheLocator"))
    assert "compiled for this processor" in line


def test_what_was_kept_and_is_damaged_is_told_and_left(tmp_path, together):
    shutil.copytree(together[1], tmp_path, dirs_exist_ok=True)
    indices = list(tmp_path.rglob("*.nbi"))
    assert indices
    for index in indices:
        index.write_bytes(index.read_bytes()[:30])
    lines = told(start(CUT, NUMBA_CACHE_DIR=str(tmp_path)))
    assert "cannot be used" in lines[0] and "NUMBA_CACHE_DIR" in lines[0] and "compiled for this processor" in lines[-1]


def test_numba_that_is_told_not_to_compile_is_left_to_scikit_image():
    (line,) = told(start(CUT, NUMBA_DISABLE_JIT="1"))
    assert "scikit-image does it" in line


@pytest.mark.parametrize("machine", [("Darwin", "arm64"), ("Linux", "aarch64"), ("Windows", "x86_64")])
def test_other_machines_use_scikit_image(monkeypatch, machine):
    monkeypatch.setattr(module.platform, "system", lambda: machine[0])
    monkeypatch.setattr(module.platform, "machine", lambda: machine[1])
    assert module.compiled.__wrapped__() is None
