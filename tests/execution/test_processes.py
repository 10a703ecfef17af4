"""Every task gives one result, whatever happens to the worker processes.

The functions that run in workers stand at the top level of this module, where spawned processes find them.
"""

import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from functools import partial
from itertools import chain
from pathlib import Path

import pytest

from age_audit.core.errors import UsageError
from age_audit.execution import processes
from age_audit.execution.processes import DEATHS_ALLOWED, InProcess, Processes

set_up = False


def whole(task):
    return [task]


def run(function, tasks, workers=2, setup=None, give_up=None, split=whole):
    executor = InProcess() if workers == 1 else Processes(workers, threads=3)
    with closing(executor.carry_out(function, tasks, setup, give_up, split)) as results:
        for _, result in results:
            yield result


def square(number):
    return number * number


def reciprocal(number):
    return 1 / number


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def die_first_time(folder, number):
    """Number 1 kills its worker when it is carried out for the first time; others leave a file behind."""
    marker = Path(folder, str(number))
    seen = marker.exists()
    marker.touch()
    if number == 1 and not seen:
        die()
    return number


def die_always(folder, number):
    """Number 1 kills its worker each time, and counts the times; the others are slow enough to die with it."""
    if number == 1:
        with Path(folder, "deaths").open("a") as stream:
            stream.write("x")
        die()
    time.sleep(0.02)
    return number


def die_on_one(folder, batch):
    """A batch with number 1 in it kills its worker, and counts the times."""
    if 1 in batch:
        die_always(folder, 1)
    return [number * number for number in batch]


def nap(folder, seconds):
    Path(folder, str(os.getpid())).touch()
    time.sleep(seconds)
    return seconds


def nap_in_workers(folder):
    """Runs in a process of its own, which is killed meanwhile."""
    list(run(partial(nap, folder), [100, 100, 100]))


def is_running(pid):
    """Also false for a process that has ended, and that nobody has asked about yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def own_process(folder, number):
    Path(folder, str(number)).touch()
    time.sleep(0.05)
    return os.getpid()


def prepare_worker(threads):
    global set_up
    set_up = threads


def fail_to_prepare(threads):
    raise UsageError("expected a model library, found none")


def own_pid(_):
    return os.getpid()


def worker_state(_):
    assert os.environ["OMP_NUM_THREADS"] == os.environ["OPENBLAS_NUM_THREADS"] == str(set_up or 3)
    return os.getpid(), set_up, signal.getsignal(signal.SIGINT) is signal.SIG_IGN


class TestOneProcess:
    def test_in_order_and_here(self):
        assert list(run(square, [3, 1, 2], workers=1)) == [9, 1, 4]
        assert list(run(own_pid, [0], workers=1)) == [os.getpid()]

    def test_one_at_a_time(self):
        results = run(reciprocal, [2, 0], workers=1)
        assert next(results) == 0.5
        with pytest.raises(ZeroDivisionError):
            next(results)

    def test_setup_is_for_workers_only(self):
        assert list(run(square, [2], workers=1, setup=fail_to_prepare)) == [4]


@pytest.mark.parametrize("workers", [1, 2])
def test_no_tasks(workers):
    assert list(run(square, [], workers)) == []


class TestWorkers:
    def test_all_results_in_any_order_also_of_equal_tasks(self):
        tasks = [*range(30), 3, 3]
        assert sorted(run(square, tasks)) == sorted(number * number for number in tasks)

    def test_set_up_and_deaf_to_interrupts(self):
        states = list(run(worker_state, range(4), setup=prepare_worker))
        assert {state[1:] for state in states} == {(3, True)}
        assert os.getpid() not in {pid for pid, *_ in states}
        assert not set_up
        assert "OPENBLAS_NUM_THREADS" not in os.environ  # what is for workers stays with them

    def test_a_setup_that_fails_is_told_as_it_is(self):
        with pytest.raises(UsageError, match="expected a model library, found none"):
            list(run(square, [1, 2], setup=fail_to_prepare, give_up=pytest.fail))

    def test_an_error_in_a_task_propagates(self):
        with pytest.raises(ZeroDivisionError):
            list(run(reciprocal, [1, 0, 2]))
        assert multiprocessing.active_children() == []

    def test_closing_stops_the_workers(self, tmp_path):
        results = run(partial(own_process, tmp_path), range(40))
        worker = next(results)
        os.kill(worker, 0)  # alive
        results.close()
        with pytest.raises(ProcessLookupError):
            os.kill(worker, 0)
        assert multiprocessing.active_children() == []
        started = len(list(tmp_path.iterdir()))
        assert 1 <= started <= 4  # those that were handed out, no more

    def test_closing_does_not_wait_for_results_that_nobody_wants(self, tmp_path):
        results = run(partial(nap, tmp_path), [0, 100, 100])
        next(results)
        closing = time.monotonic()
        results.close()
        assert time.monotonic() - closing < 30
        assert multiprocessing.active_children() == []

    @pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
    @pytest.mark.parametrize("cause", [signal.SIGKILL, signal.SIGTERM])
    def test_workers_end_with_their_parent(self, tmp_path, cause):
        parent = multiprocessing.get_context("spawn").Process(target=nap_in_workers, args=(tmp_path,))
        parent.start()
        wait_until(lambda: len(list(tmp_path.iterdir())) == 2)
        workers = [int(path.name) for path in tmp_path.iterdir()]
        assert all(map(is_running, workers))
        os.kill(parent.pid, cause)
        parent.join()
        wait_until(lambda: not any(map(is_running, workers)), seconds=10)


@pytest.mark.long
class TestKilledWorkers:
    def test_killed_once_nothing_lost_nothing_doubled(self, tmp_path):
        got = []
        for result in run(partial(die_first_time, tmp_path), [0, 2, 1, 3, 4, 5, 6, 7], give_up=pytest.fail):
            got.append(result)
            while not (tmp_path / "1").exists():
                time.sleep(0.01)
            if len(got) == 1:  # time for the worker to die, so that handing out the next task finds its pool broken
                time.sleep(0.3)
        assert sorted(got) == list(range(8))

    def test_a_killer_is_given_up_and_the_others_finish(self, tmp_path):
        given_up = []

        def give_up(task):
            given_up.append(task)
            return -task

        assert sorted(run(partial(die_always, tmp_path), range(10), give_up=give_up)) == [-1, 0, *range(2, 10)]
        assert given_up == [1]
        assert (tmp_path / "deaths").read_text() == "x" * DEATHS_ALLOWED

    def test_only_the_killer_in_a_batch_is_given_up(self, tmp_path):
        given_up = []

        def give_up(batch):
            given_up.append(batch)
            return [-1]

        batches = [(4, 5), (0, 1, 2, 3), (6, 7)]
        options = {"give_up": give_up, "split": lambda batch: [(number,) for number in batch]}
        squares = run(partial(die_on_one, tmp_path), batches, **options)
        assert sorted(chain.from_iterable(squares)) == [-1, 0, 4, 9, 16, 25, 36, 49]
        assert given_up == [(1,)]
        assert (tmp_path / "deaths").read_text() == "x" * DEATHS_ALLOWED * 2  # the batch, then the one

    def test_a_killer_without_stand_in_is_raised(self, tmp_path, monkeypatch):
        monkeypatch.setattr(processes, "DEATHS_ALLOWED", 1)
        with pytest.raises(BrokenProcessPool):
            list(run(partial(die_always, tmp_path), [1]))


def test_no_place_for_the_locks_of_workers_is_told():
    """Containers may have none: /dev/shm is small there, or cannot be written."""
    mounted = 'mount -t tmpfs -o ro tmpfs /dev/shm && echo mounted && exec "$@"'
    program = (
        "from age_audit.execution.processes import Processes; list(Processes(2, 1).carry_out(abs, [1], *[None] * 3))"
    )
    command = ["unshare", "--mount", "--map-root-user", "sh", "-c", mounted, "sh", sys.executable, "-c", program]
    if not shutil.which("unshare"):
        pytest.skip("needs unshare")
    ended = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True)
    if ended.stdout != "mounted\n":
        pytest.skip(f"mounting is not permitted here: {ended.stderr}")
    assert "UsageError: expected room for the locks of worker processes in /dev/shm, but: Read-only" in ended.stderr
    assert "take --workers 1" in ended.stderr
