"""Real faces and loaded estimators, made once a session.

The only faces that tests may count on are the two public-domain portraits that come inside packages: Eileen Collins
(scikit-image) and Grace Hopper (matplotlib). ``AGE_AUDIT_UTKFACE`` may name a folder of UTKFace images for more.
"""

import os
import re
import signal
import subprocess
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import pytest
from PIL import Image
from threadpoolctl import threadpool_limits

UTKFACE_VARIABLE = "AGE_AUDIT_UTKFACE"


# Started first, or one process is still at them when the other has nothing left; in half-minutes: 5 and 1, 9, 5, 4, 3,
# 3, 3, 3, 2, then 1 each.
LONGEST = (
    *("test_interrupted.py", "test_full_disk.py", "test_paper.py", "pipeline/test_sensitivity.py", "/estimators/"),
    *("test_fit.py", "test_own_groups.py", "test_benchmarks.py", "test_stages.py", "test_gate.py"),
    *("test_cluster.py", "test_equal_ages.py", "page/test_browser.py"),
)


def pytest_collection_modifyitems(items):
    """The longest files first, all else as collected."""
    items.sort(key=lambda item: next((i for i, part in enumerate(LONGEST) if part in item.nodeid), len(LONGEST)))


def pytest_configure(config):
    """Test processes that share a machine's cores must not each start a thread for every core."""
    config.option.loadscopereorder = False  # which would put files of few tests last
    # A shell starts what runs in the background deaf to Ctrl-C, and so would be every process that tests interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if processes > 1:
        from age_audit.estimators.registry import configure_threads
        from age_audit.execution import available_cores

        threads = max(1, available_cores() // processes)
        configure_threads("cydral-resnet10", threads)
        os.environ |= {"TF_NUM_INTRAOP_THREADS": str(threads), "TF_NUM_INTEROP_THREADS": "1"}
        threadpool_limits(threads, "blas")


def pytest_xdist_make_scheduler(config, log):
    """Tests of one file stay together, and so do all that need TensorFlow: loading it takes seconds a process.

    So go the examples in docstrings: those of ``age_audit/estimators/`` with the tests of ``tests/estimators/``. Two
    files are held against one run that nobody interrupted.
    """
    from xdist.scheduler import LoadScopeScheduling

    class ByModelLibrary(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            path = nodeid.split("::", 1)[0]
            heavy = "/estimators/" in path or path.endswith(("test_lime_equality.py", "test_landmarks_478.py"))
            if path.endswith(("test_interrupted.py", "test_full_disk.py")):
                return "interrupted"
            return "tensorflow" if heavy else path

    return ByModelLibrary(config, log)


@pytest.fixture(scope="session")
def astronaut():
    """Eileen Collins, RGB uint8 (512, 512, 3), read-only."""
    from skimage import data

    return _read_only(data.astronaut())


@pytest.fixture(scope="session")
def hopper():
    """Grace Hopper, RGB uint8 (600, 512, 3), read-only."""
    import matplotlib

    path = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    with Image.open(path) as opened:
        return _read_only(np.array(opened.convert("RGB")))


@pytest.fixture(scope="session")
def astronaut_head(astronaut):
    """The head alone, (200, 200, 3); the whole picture also holds a fold of cloth that is taken for a face."""
    return astronaut[20:220, 120:320]


@pytest.fixture(scope="session")
def hopper_head(hopper):
    """The head alone, (400, 400, 3)."""
    return hopper[60:460, 70:470]


@pytest.fixture(scope="session")
def crops(astronaut, hopper):
    """Both portraits as the estimators get them, uint8 (2, 224, 224, 3), read-only."""
    from age_audit.faces.detection import crop_face

    return _read_only(np.stack([crop_face(astronaut).image, crop_face(hopper).image]))


@pytest.fixture(scope="session")
def many_faces(crops):
    """33 different images to estimate: portraits turned, shifted, darkened, and noise; one more than a forward pass."""
    rng = np.random.default_rng(33)
    faces = [*crops, *crops[:, :, ::-1]]
    while len(faces) < 31:
        face = np.roll(faces[rng.integers(4)], rng.integers(-12, 13, 2), axis=(0, 1))
        faces.append((face * rng.uniform(0.5, 1.0)).astype(np.uint8))
    faces += [rng.integers(0, 256, (224, 224, 3), dtype=np.uint8) for _ in range(2)]
    return _read_only(np.stack(faces))


@pytest.fixture(scope="session")
def dex_wrn():
    from age_audit.estimators import load_estimator

    return load_estimator("dex-wrn")


@pytest.fixture(scope="session")
def cydral():
    from age_audit.estimators import load_estimator

    return load_estimator("cydral-resnet10")


@pytest.fixture(scope="session")
def utkface():
    """Paths of 60 UTKFace images with complete names, drawn evenly from the folder that the environment names."""
    folder = os.environ.get(UTKFACE_VARIABLE)
    if not folder:
        pytest.skip(f"{UTKFACE_VARIABLE} names no folder of UTKFace images")
    paths = sorted(path for path in Path(folder).iterdir() if path.name.count("_") == 3)
    if len(paths) < 60:
        pytest.skip(f"{folder} holds fewer than 60 UTKFace images")
    return [paths[i] for i in np.linspace(0, len(paths) - 1, 60).astype(int)]


def _read_only(array):
    array = np.ascontiguousarray(array)
    array.setflags(write=False)
    return array


@pytest.fixture(scope="session")
def latex_problems():
    """From a table and an empty folder to errors, missing characters, and what is wider than the page, by pdfLaTeX."""

    def problems(table: str, folder: Path, page: str = r"\usepackage[a4paper,margin=2cm]{geometry}") -> list[str]:
        document = rf"\documentclass{{article}}{page}\usepackage{{booktabs,longtable}}"
        document += f"\\begin{{document}}\n{table}\n\\end{{document}}\n"
        (folder / "table.tex").write_text(document, encoding="utf-8")
        command = ["pdflatex", "-interaction=nonstopmode", "-no-shell-escape", "table.tex"]
        for _ in range(2):  # longtable knows its widths at the second time
            log = subprocess.run(command, cwd=folder, capture_output=True, encoding="latin-1").stdout
        return re.findall(r"^! .*|^Missing character.*|^Overfull \\hbox.*", log, re.M)

    return problems
