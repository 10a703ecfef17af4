"""A run that finds the disk full says so in one sentence, and goes on where it was once there is space."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from age_audit.store.files import png_bytes
from tests.pipeline.processes import everything_in, finish, recorded, stage_command

pytestmark = pytest.mark.long

FULL = "the disk is full; free some space and run the same command to go on"
PAGE = 4  # kilobytes: a file takes whole pages
MOUNT = 'mount -t tmpfs -o size=8m tmpfs "$0" && echo mounted && exec sleep 3600'


class SmallDisk:
    """A disk of 8 MB that only commands run by it can see, and that goes away with the process that keeps it.

    ``place`` is where such a command finds it, ``seen`` where everybody else does.
    """

    def __init__(self, keeper: int, place: Path, rights: list[str]):
        self.place, self.seen = place, Path(f"/proc/{keeper}/root{place}")
        preserve = ["--preserve-credentials"] if rights else []
        self._enter = ["nsenter", f"--target={keeper}", "--mount", *rights[:1], *preserve]

    def leave(self, kilobytes: int | None) -> None:
        """Fill the disk until so much is left; all of it with ``None``."""
        filler = self.seen / "filler"
        filler.unlink(missing_ok=True)
        if kilobytes is not None:
            with filler.open("wb") as stream:
                os.posix_fallocate(stream.fileno(), 0, shutil.disk_usage(self.seen).free - kilobytes * 1024)

    def run(self, command: list[str], log: Path) -> tuple[int, str]:
        """Exit code and what was said."""
        with log.open("wb") as stream:
            code = subprocess.run([*self._enter, *command], stdout=stream, stderr=stream, timeout=300).returncode
        return code, log.read_text()


@pytest.fixture
def small_disk(tmp_path):
    place = tmp_path / "disk"
    place.mkdir()
    rights = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    if not shutil.which("unshare") or not shutil.which("nsenter"):
        pytest.skip("needs unshare and nsenter, to make a disk that is soon full")
    command = ["unshare", "--mount", *rights, "sh", "-c", MOUNT, str(place)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as keeper:
        told = keeper.stdout.readline().strip()
        try:
            if told != "mounted":
                pytest.skip(f"mounting is not permitted here: {told}")
            yield SmallDisk(keeper.pid, place, rights)
        finally:
            keeper.kill()


def picture_kilobytes(folder):
    sizes = [path.stat().st_size for name in ("img-aligned", "img-cropped") for path in (folder / name).iterdir()]
    return sum(-(-size // (PAGE * 1024)) * PAGE for size in sizes)


def test_every_writer_meets_a_full_disk(eight_photos, uninterrupted, small_disk, tmp_path):
    disk, folder = small_disk, small_disk.seen

    def run(stage, *options, log=tmp_path / "log"):
        code, said = disk.run(stage_command(stage, eight_photos, disk.place, *options), log)
        assert "Traceback" not in said
        assert not list(folder.rglob("*.partial"))
        return code, said.splitlines()[-1] if said else ""

    def steps(name):
        return sum(step == name for _, step, _ in recorded(folder))

    disk.leave(0)  # not even a ledger, nor a line in a log that is there as well
    assert run(1, log=disk.seen / "log") == (2, "")
    disk.leave(128 + picture_kilobytes(uninterrupted.folder / "out") // 2)  # a worker's picture
    assert run(1, "--workers", "2") == (2, f"analysis_1_method.py: {FULL}")
    assert 0 < len(list((folder / "out" / "img-cropped").glob("*.png"))) < 6
    disk.leave(None)
    assert run(1, "--steps", "align,crop")[0] == 0
    disk.leave(64)  # the ledger
    assert run(1) == (2, f"analysis_1_method.py: {FULL}")
    assert (steps("crop"), steps("explain")) == (6, 0)
    disk.leave(None)
    assert run(1)[0] == 0
    disk.leave(48)  # the ledger in stage 2
    assert run(2) == (2, f"analysis_2_evaluate.py: {FULL}")
    assert (steps("explain"), steps("activations")) == (6, 0)
    disk.leave(None)
    (folder / "log").unlink()
    assert run(2)[0] == 0
    assert everything_in(folder) == uninterrupted.everything


def test_metadatasets_on_a_full_disk(eight_photos, uninterrupted, small_disk, tmp_path):
    shutil.copytree(uninterrupted.folder / "out", tmp_path / "out")
    meta = ["--metadatasets", str(small_disk.place / "meta")]
    for stage, kind in ((1, "predictions"), (2, "activations")):
        command = stage_command(stage, eight_photos, tmp_path, *meta)
        small_disk.leave(0 if stage == 1 else PAGE)
        code, said = small_disk.run(command, tmp_path / "log")
        assert code == 2
        assert "Traceback" not in said
        assert f"metadataset_utkface_{kind}.json, but: No space left on device; choose --metadatasets elsewhere" in said
        small_disk.leave(None)
        finish(stage, eight_photos, tmp_path, "--metadatasets", str(small_disk.seen / "meta"))
    shutil.copytree(small_disk.seen / "meta", tmp_path / "whole" / "meta")
    (tmp_path / "out").rename(tmp_path / "whole" / "out")
    assert everything_in(tmp_path / "whole") == uninterrupted.everything


FROZEN = """
import sys
from pathlib import Path
import keras
from age_audit.core.errors import shortage
from age_audit.training.frozen import cached
from age_audit.training.inputs import draw_changes
paths, folder = sorted(Path(sys.argv[1]).iterdir()), Path(sys.argv[2])
faces = keras.Input((64, 64, 3))
trunk = keras.Model(faces, keras.layers.Conv2D(64, 3)(faces))
try:
    cached(trunk, paths, [draw_changes(len(paths), None, seed=0, epoch=0)], folder, print)
except OSError as error:
    sys.exit(shortage(error))
"""


def test_what_frozen_layers_say_finds_the_disk_full_and_leaves_it_free(small_disk, tmp_path):
    """Forty maps of half a megabyte each: written into a memory map they would end the process without a word."""
    images = tmp_path / "images"
    images.mkdir()
    for number in range(40):
        (images / f"{number}.png").write_bytes(png_bytes(np.full((64, 64, 3), number, np.uint8)))
    free = shutil.disk_usage(small_disk.seen).free
    command = [sys.executable, "-c", FROZEN, str(images), str(small_disk.place)]
    code, said = small_disk.run(command, tmp_path / "log")
    assert code == 1 and said.splitlines()[-1] == FULL, said
    assert shutil.disk_usage(small_disk.seen).free == free
