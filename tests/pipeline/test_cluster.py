"""Both stages on a real dask cluster: a scheduler, and workers that are killed, lack something, or speak TLS."""

import json
import os
import platform
import shutil
import sqlite3
import subprocess
import sys
import sysconfig
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import analysis_1_method
import analysis_2_evaluate
from tests.pipeline.processes import PATIENCE, ROOT, stage_command

pytestmark = pytest.mark.long


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
def start(tmp_path):
    """Starts dask's programs in an empty folder: a function of one's name and options, and whether it has age_audit."""
    started = []

    def start_one(program, *options, complete=True):
        # What is installed in place, as `make setup` does, is found only by Python's start-up, which -S leaves out.
        python = [sys.executable] if complete else [sys.executable, "-S"]
        path = str(ROOT) if complete else sysconfig.get_path("purelib")
        command = [*python, "-m", f"distributed.cli.dask_{program}", *options, "--dashboard-address", "127.0.0.1:0"]
        with (tmp_path / f"{len(started)}.log").open("w") as log:
            environment = os.environ | {"PYTHONPATH": path}
            started.append(subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=log, stderr=log))
        return started[-1]

    yield start_one
    for process in reversed(started):
        process.kill()
        process.wait()


@pytest.fixture
def scheduler_file(start, tmp_path):
    """Of a scheduler, which hands on what it does not understand: it has no age_audit."""
    file = tmp_path / "scheduler.json"
    options = ["--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file)]
    start("scheduler", *options, complete=False)
    wait_until(file.is_file)
    return file


def start_worker(start, scheduler_file, **options):
    where = ["--scheduler-file", str(scheduler_file), "--local-directory", str(scheduler_file.parent)]
    return start("worker", *where, "--host", "127.0.0.1", "--nthreads", "1", "--no-nanny", **options)


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


def test_a_worker_killed_half_way_costs_nothing_but_time(photos, start, scheduler_file, tmp_path, capsys):
    workers = [start_worker(start, scheduler_file) for _ in range(2)]
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


def told_by(photos, folder, cluster, *options, **environment):
    """Exit code and last line of stage 1 in a process of its own, which must end."""
    command = stage_command(1, photos, folder, "--cluster", str(cluster), "--limit", "2", *options)
    run = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, timeout=PATIENCE)
    assert "Traceback" not in run.stderr
    return run.returncode, (run.stderr if run.returncode else run.stdout).splitlines()[-1]


def test_workers_that_lack_the_estimator(photos, start, scheduler_file, tmp_path, monkeypatch):
    start_worker(start, scheduler_file)
    client = tmp_path / "client"
    client.mkdir()
    monkeypatch.chdir(client)
    Path("only_here.py").write_text("def ages(faces):\n    return faces.mean(axis=(1, 2, 3))\n")
    Path("mine.json").write_text(json.dumps({"model": "only_here:ages", "output": "ages"}))
    here = "/proc/self/cwd/mine.json"  # another file, or none, for who stands elsewhere
    for name, meant, lacking in (
        ("only_here:ages", "only_here:ages", "the module only_here; put"),
        ("mine.json", str(client / "mine.json"), "the module only_here; put"),
        (here, here, "a file of it (expected /proc/self/cwd/mine.json to be a JSON"),
    ):
        options = ["--estimator", name, "--steps", "estimate"]
        code, told = told_by(photos, tmp_path, scheduler_file, *options)
        assert code == 2
        assert f"a worker of the cluster at {scheduler_file} refuses: expected {platform.node()} to have" in told
        assert f"the estimator {meant} that the run began with, it lacks {lacking}" in told
        assert told.endswith("its module's folder into the PYTHONPATH of the workers, and restart them")
    shutil.copy("only_here.py", tmp_path)  # where the worker stands
    options = ["--estimator", "mine.json", "--steps", "estimate"]
    assert told_by(photos, tmp_path, scheduler_file, *options) == (0, "2 images = 2 done + 0 failed")


def test_workers_that_lack_age_audit(photos, start, scheduler_file, tmp_path):
    start_worker(start, scheduler_file, complete=False)
    code, told = told_by(photos, tmp_path, scheduler_file)
    assert code == 2
    assert told == (
        f"analysis_1_method.py: expected the workers of the cluster at {scheduler_file} to have what this machine has, "
        "one lacks age_audit; set the same version of age_audit up there with `make setup`, and start them from its "
        "folder as .venv/bin/dask"
    )


@pytest.mark.skipif(not shutil.which("openssl"), reason="makes certificates with openssl")
def test_encrypted(photos, start, tmp_path, monkeypatch):
    """By dask's own settings, as docs/scaling.md has them; whoever lacks the key is not let in."""
    key, certificate, file = (tmp_path / name for name in ("key.pem", "cert.pem", "scheduler.json"))
    request = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=age-audit -keyout key.pem -out cert.pem"
    subprocess.run(request, shell=True, cwd=tmp_path, check=True, capture_output=True)
    settings = {"CA_FILE": str(certificate)}
    for who in ("SCHEDULER", "WORKER", "CLIENT"):
        settings |= {f"{who}__CERT": str(certificate), f"{who}__KEY": str(key)}
    settings = {f"DASK_DISTRIBUTED__COMM__TLS__{name}": value for name, value in settings.items()}
    with monkeypatch.context() as set_there:
        for name, value in settings.items():
            set_there.setenv(name, value)
        start("scheduler", "--protocol", "tls", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file))
        wait_until(file.is_file)
        start_worker(start, file)
    address = json.loads(file.read_text())["address"]
    assert address.startswith("tls://127.0.0.1:")
    options = ["--steps", "crop"]
    assert told_by(photos, tmp_path, address, *options, **settings) == (0, "2 images = 2 done + 0 failed")
    absent = settings | {"DASK_DISTRIBUTED__COMM__TLS__CA_FILE": "absent.pem"}
    for given, said in (
        ({}, "name no certificate for it; set DASK_"),
        (absent, "name cannot be read ([Errno 2] No such"),
    ):
        code, told = told_by(photos, tmp_path / "other", address, *options, **given)
        assert code == 2
        assert f"expected a dask scheduler at {address}, but: " in told and f"dask's settings {said}" in told


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("nowhere.json", "got nowhere.json; reading it failed: [Errno 2] No such file"),
        ("tcp://127.0.0.1:9", "expected a dask scheduler at tcp://127.0.0.1:9"),
    ],
)
def test_no_cluster_there(photos, tmp_path, capsys, monkeypatch, address, words):
    from age_audit.execution import cluster

    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 1)
    options = ["--images", str(photos), "--output", str(tmp_path / "out"), "--metadatasets", str(tmp_path / "meta")]
    assert analysis_1_method.main([*options, "--cluster", address]) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("analysis_1_method.py:")]
    assert words in line
