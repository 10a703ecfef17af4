"""What a task does when the machine has no more of something."""

import errno
import os
import resource
import subprocess
import sys
from contextlib import contextmanager

import numpy as np
import pytest
from PIL import Image

from age_audit.faces.decoding import read_bytes
from age_audit.pipeline.steps import Job, Picture
from age_audit.pipeline.tasks import attempt, read_crop


@contextmanager
def no_more_files():
    """No file can be opened meanwhile."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.open(os.devnull, os.O_RDONLY)  # the number that the next file would get
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "crop.png"
    Image.fromarray(np.zeros((224, 224, 3), np.uint8)).save(path)
    return path


def test_a_crop_that_cannot_be_opened_now_is_neither_removed_nor_failed(path):
    def work():
        read_crop(Picture(path, None))

    for read in (work, lambda: read_bytes(path)):
        with pytest.raises(OSError) as raised, no_more_files():
            attempt(Job("a.jpg", "estimate", "", ""), read)
        assert raised.value.errno == errno.EMFILE
    assert path.is_file()
    work()  # and is whole


def test_one_image_that_is_too_large_fails_alone():
    def work():
        raise MemoryError("Unable to allocate 5.00 GiB")

    outcome = attempt(Job("a.jpg", "read", "", ""), work).outcome
    assert (outcome.status, outcome.reason) == ("failed", "unexpected-error")
    assert outcome.note == "MemoryError: Unable to allocate 5.00 GiB"


def test_workers_start_without_the_libraries_that_only_some_tasks_need():
    """Every worker loads this module, and so does a run that finds all done."""
    heavy = {"pandas", "sklearn", "scipy.optimize", "scipy.special", "scipy.stats", "scipy.ndimage", "dlib", "numba"}
    code = f"import sys, age_audit.pipeline.tasks, age_audit.pipeline.stage1; print(sorted({heavy} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.stdout == "[]\n", run.stderr
