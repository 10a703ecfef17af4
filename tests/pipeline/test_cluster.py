"""Both stages on a real dask cluster: a scheduler and two worker processes over TCP, one of them killed half-way."""

import os
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import analysis_1_method
import analysis_2_evaluate

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def photos(tmp_path_factory, astronaut_head, hopper_head):
    """Ten files: two portraits in five shades."""
    folder = tmp_path_factory.mktemp("photos")
    for shade in range(5):
        for age, head in ((30, astronaut_head), (77, hopper_head)):
            darker = (head * (1 - 0.1 * shade)).astype(np.uint8)
            Image.fromarray(darker).save(folder / f"{age}_1_0_{shade}.png")
    return folder


@pytest.fixture
def cluster(tmp_path):
    """A scheduler file and two worker processes."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    started = []

    def start(program, *arguments):
        command = [sys.executable, "-m", f"distributed.cli.{program}", *arguments]
        with (tmp_path / f"{len(started)}.log").open("w") as log:
            started.append(subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=log, stderr=log))

    file = tmp_path / "scheduler.json"
    start("dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file))
    wait_until(file.is_file)
    for _ in range(2):
        start(
            *("dask_worker", "--scheduler-file", str(file), "--host", "127.0.0.1", "--nthreads", "1"),
            *("--no-nanny", "--no-dashboard", "--local-directory", str(tmp_path)),
        )
    yield file, started[1:]
    for process in reversed(started):
        process.kill()
        process.wait()


def wait_until(holds, seconds=60):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def run_stages(photos, folder, *options):
    common = ["--output", str(folder / "out"), "--metadatasets", str(folder / "meta"), *options]
    assert analysis_1_method.main(["--images", str(photos), "--estimator", "cydral-resnet10", *common]) == 0
    assert analysis_2_evaluate.main(common) == 0


def files_below(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "ledger" not in path.name
    }


def explained(ledger):
    try:
        with sqlite3.connect(f"file:{ledger}?mode=ro", uri=True) as database:
            return database.execute("SELECT COUNT(*) FROM outcomes WHERE step = 'explain'").fetchone()[0]
    except sqlite3.Error:  # not there yet
        return 0


def test_a_worker_killed_half_way_costs_nothing_but_time(photos, cluster, tmp_path, capsys):
    scheduler_file, workers = cluster
    ledger = tmp_path / "far" / "out" / "ledger.sqlite"

    def kill_one_half_way():
        wait_until(lambda: explained(ledger) >= 3)
        assert explained(ledger) < 10
        workers[0].kill()
        killed.set()

    killed = threading.Event()
    killer = threading.Thread(target=kill_one_half_way, daemon=True)
    killer.start()
    run_stages(photos, tmp_path / "far", "--cluster", str(scheduler_file))
    killer.join()
    assert killed.is_set() and workers[0].wait() == -9 and workers[1].poll() is None
    assert "10 images = 10 done + 0 failed" in capsys.readouterr().out
    run_stages(photos, tmp_path / "near")
    assert files_below(tmp_path / "far") == files_below(tmp_path / "near")


@pytest.mark.parametrize(
    ("address", "words"),
    [("nowhere.json", "no such file"), ("tcp://127.0.0.1:9", "expected a dask scheduler at tcp://127.0.0.1:9")],
)
def test_no_cluster_there(photos, tmp_path, capsys, monkeypatch, address, words):
    from age_audit.execution import cluster

    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 1)
    options = ["--images", str(photos), "--output", str(tmp_path / "out"), "--metadatasets", str(tmp_path / "meta")]
    assert analysis_1_method.main([*options, "--cluster", address]) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("analysis_1_method.py:")]
    assert words in line
