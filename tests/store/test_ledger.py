"""The ledger keeps outcome and result together, whatever happens to the process that writes them."""

import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest

from age_audit.core.errors import UsageError
from age_audit.core.schema import FaceLabel, ImageOutcome
from age_audit.store.ledger import FILE_NAME, ImageRow, Ledger, Outcome, StepRecord

ROOT = Path(__file__).resolve().parents[2]


def record(image, payload=None, step="crop", variant="", key="k", status="done", reason="", note=""):
    return StepRecord(ImageOutcome(image, step, status, reason, note, 0.5), variant, key, payload)


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path) as opened:
        yield opened


class TestRoundTrip:
    def test_images(self, tmp_path):
        rows = [
            ImageRow("sub/b.jpg", "b.jpg", "ff", FaceLabel("b.jpg", 31.5, "Male", "Asian")),
            ImageRow("a.jpg", "a.jpg", None, FaceLabel("a.jpg", problem="no age")),
        ]
        with Ledger(tmp_path) as ledger:
            ledger.write_images(rows)
        with Ledger(tmp_path, create=False) as ledger:
            assert list(ledger.images().items()) == [("a.jpg", rows[1]), ("sub/b.jpg", rows[0])]

    def test_ranges_of_ages_and_further_columns_of_labels(self, tmp_path):
        label = FaceLabel("a.jpg", None, None, "Black", None, (20.0, 29.0), {"skin tone": "II", "camera": None})
        with Ledger(tmp_path) as ledger:
            ledger.write_images([ImageRow("a.jpg", "a.jpg", "ff", label)])
        with Ledger(tmp_path, create=False) as ledger:
            assert ledger.images()["a.jpg"].label == label

    def test_a_ledger_from_before_there_were_such_columns(self, tmp_path):
        with Ledger(tmp_path) as ledger:
            ledger.write_images([ImageRow("a.jpg", "a.jpg", "ff", FaceLabel("a.jpg", 31.5, "Male", "Asian"))])
        database = sqlite3.connect(tmp_path / FILE_NAME)
        for name in ("age_low", "age_high", "features"):
            database.execute(f"ALTER TABLE images DROP COLUMN {name}")
        database.commit()
        database.close()
        with Ledger(tmp_path, create=False) as ledger:
            assert ledger.images()["a.jpg"].label == FaceLabel("a.jpg", 31.5, "Male", "Asian")

    def test_an_image_is_replaced(self, ledger):
        for content in ("old", "new"):
            ledger.write_images([ImageRow("a.jpg", "a.jpg", content, FaceLabel("a.jpg"))])
        assert [row.content for row in ledger.images().values()] == ["new"]

    def test_contents_are_those_of_the_images_that_count(self, ledger):
        rows = [ImageRow(f"{name}.jpg", f"{name}.jpg", name, FaceLabel(name)) for name in "abc"]
        ledger.write_images([*rows, ImageRow("unread.jpg", "unread.jpg", None, FaceLabel("unread.jpg"))])
        assert ledger.contents() == {"a", "b", "c"}
        ledger.write_images([], listed=["a.jpg", "unread.jpg"])
        assert ledger.contents() == {"a"}

    def test_outcomes_and_payloads(self, tmp_path):
        with Ledger(tmp_path) as ledger:
            ledger.record(
                [
                    record("b.jpg", b"\x00B", key="kb"),
                    record("a.jpg", b"A", key="ka", note="several-faces"),
                    record("c.jpg", None, key="kc", status="failed", reason="no-face", note="none"),
                    record("a.jpg", b"E", step="explain", variant="m|audit"),
                    record("a.jpg", b"F", step="explain", variant="m|published"),
                ]
            )
        with Ledger(tmp_path) as ledger:
            assert ledger.outcomes("crop") == {
                "a.jpg": Outcome("ka", "done", "", "several-faces"),
                "b.jpg": Outcome("kb", "done", "", ""),
                "c.jpg": Outcome("kc", "failed", "no-face", "none"),
            }
            assert list(ledger.payloads("crop")) == [("a.jpg", b"A"), ("b.jpg", b"\x00B")]
            assert ledger.payload("b.jpg", "crop") == b"\x00B"
            assert ledger.payload("a.jpg", "explain", "m|audit") == b"E"
            assert ledger.payload("a.jpg", "explain", "m|published") == b"F"
            assert list(ledger.outcomes("explain", "m|audit")) == ["a.jpg"]
            assert ledger.outcomes("explain") == {}
            assert ledger.variants("explain") == ["m|audit", "m|published"]
            assert ledger.variants("estimate") == []

    def test_meta(self, ledger):
        assert ledger.meta("aligned") is None
        ledger.set_meta("aligned", "no")
        ledger.set_meta("aligned", "yes")
        assert ledger.meta("aligned") == "yes"

    def test_stated(self, ledger):
        assert ledger.stated("recipe") is None
        ledger.set_meta("recipe", '{"seed": 42}')
        assert ledger.stated("recipe") == {"seed": 42}

    def test_forget(self, ledger):
        ledger.record([record(image, b"x") for image in ("a.jpg", "b.jpg")])
        ledger.record([record("a.jpg", b"y", step="estimate", variant="m")])
        ledger.forget("crop", "", ["a.jpg", "unknown.jpg"])
        assert list(ledger.outcomes("crop")) == ["b.jpg"]
        assert list(ledger.payloads("crop")) == [("b.jpg", b"x")]
        assert ledger.payload("a.jpg", "estimate", "m") == b"y"

    def test_mask_files(self, ledger):
        ledger.set_mask_files([("a.jpg", "1"), ("b.jpg", "2"), ("a.jpg", "3")])
        assert ledger.mask_files() == {"a.jpg": "3", "b.jpg": "2"}
        ledger.forget_mask_files(["a.jpg", "unknown.jpg"])
        assert ledger.mask_files() == {"b.jpg": "2"}


class TestRecord:
    def test_a_payload_is_replaced(self, ledger):
        ledger.record([record("a.jpg", b"old", key="1"), record("b.jpg", b"other")])
        ledger.record([record("a.jpg", b"new", key="2")])
        assert ledger.outcomes("crop")["a.jpg"].key == "2"
        assert list(ledger.payloads("crop")) == [("a.jpg", b"new"), ("b.jpg", b"other")]

    def test_a_payload_goes_when_the_new_outcome_has_none(self, ledger):
        ledger.record([record("a.jpg", b"old"), record("a.jpg", b"stays", step="estimate", variant="m")])
        ledger.record([record("a.jpg", None, status="failed", reason="no-face")])
        assert ledger.outcomes("crop") == {"a.jpg": Outcome("k", "failed", "no-face", "")}
        assert list(ledger.payloads("crop")) == []
        assert ledger.payload("a.jpg", "estimate", "m") == b"stays"

    @pytest.mark.parametrize("broken", [{"key": None}, {"payload": object()}])
    def test_all_or_nothing(self, ledger, broken):
        ledger.record([record("a.jpg", b"before", key="1")])
        batch = [record("a.jpg", b"after", key="2"), record("c.jpg", b"C"), record("b.jpg", **broken)]
        with pytest.raises(sqlite3.Error):
            ledger.record(batch)
        assert ledger.outcomes("crop") == {"a.jpg": Outcome("1", "done", "", "")}
        assert list(ledger.payloads("crop")) == [("a.jpg", b"before")]

    def test_the_generator_is_read_once(self, ledger):
        ledger.record(record(image, b"x") for image in ("a.jpg", "b.jpg"))
        assert len(ledger.outcomes("crop")) == len(list(ledger.payloads("crop"))) == 2


class TestRecordAsTheyCome:
    def test_all_are_there_at_the_end(self, ledger):
        tasks = ([record(f"{task}.jpg"), record(f"{task}.jpg", step="read")] for task in range(5))
        assert ledger.record_as_they_come(tasks) == 5
        assert len(ledger.outcomes("crop")) == len(ledger.outcomes("read")) == 5

    def test_a_face_of_the_fastest_stage_is_kept_before_the_next_one_comes(self, ledger):
        kept = []

        def tasks():
            for image in ("a.jpg", "b.jpg", "c.jpg"):
                time.sleep(0.027)  # seconds that stage 2 takes a face
                yield [record(image)]
                kept.append(list(ledger.outcomes("crop")))

        ledger.record_as_they_come(tasks())
        assert kept == [["a.jpg"], ["a.jpg", "b.jpg"], ["a.jpg", "b.jpg", "c.jpg"]]

    def test_what_came_before_an_error_is_kept(self, ledger):
        def tasks():
            yield [record("a.jpg")]
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            ledger.record_as_they_come(tasks())
        assert list(ledger.outcomes("crop")) == ["a.jpg"]

    def test_when_writing_fails_no_work_goes_on(self, ledger, monkeypatch):
        monkeypatch.setattr("age_audit.store.ledger.COMMIT_SECONDS", 0)
        stopped = []

        def tasks():
            try:
                yield [record("a.jpg", key=None)]
            finally:
                stopped.append(True)

        with pytest.raises(sqlite3.IntegrityError) as raised:  # kept, and with it the generator
            ledger.record_as_they_come(tasks())
        assert stopped, raised


class TestOpening:
    def test_a_second_run_is_refused_until_the_first_ends(self, tmp_path):
        with Ledger(tmp_path), pytest.raises(UsageError, match=f"only run that writes to {tmp_path}.*wait for it"):
            Ledger(tmp_path)
        with Ledger(tmp_path):
            pass

    def test_a_second_process_is_refused(self, tmp_path):
        program = f"from age_audit.store.ledger import *; Ledger(Path({str(tmp_path)!r}))"
        with Ledger(tmp_path):
            refused = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
        assert refused.returncode == 1
        assert "UsageError: expected to be the only run" in refused.stderr

    def test_without_ledger(self, tmp_path):
        with pytest.raises(UsageError, match=r"expected a ledger at .*run analysis_1_method\.py"):
            Ledger(tmp_path / "out", create=False)
        assert not (tmp_path / "out").exists()

    def test_folders_are_made(self, tmp_path):
        with Ledger(tmp_path / "new" / "out"):
            assert (tmp_path / "new" / "out" / FILE_NAME).is_file()

    def test_another_format_is_refused_and_not_held(self, tmp_path):
        with Ledger(tmp_path) as ledger:
            ledger.set_meta("format", "0")
        refusals = []  # kept, and with them all they refer to: the folder must not stay locked even so
        for _ in range(2):
            with pytest.raises(UsageError, match="of format 1, it is of 0; use another --output") as refusal:
                Ledger(tmp_path)
            refusals.append(refusal)

    def test_a_file_that_is_no_ledger(self, tmp_path):
        (tmp_path / FILE_NAME).write_bytes(b"no database, but long enough to be looked at" * 100)
        with pytest.raises(UsageError, match=r"expected a ledger that can be written at .*not a database"):
            Ledger(tmp_path)

    @pytest.mark.parametrize("column", ["outcomes.note", "results.payload", "images.race", "meta.value"])
    def test_a_missing_column_is_named(self, tmp_path, column):
        with Ledger(tmp_path):
            pass
        table, name = column.split(".")
        with closing(sqlite3.connect(tmp_path / FILE_NAME)) as database:
            database.execute(f"ALTER TABLE {table} RENAME COLUMN {name} TO other")
            database.commit()
        with pytest.raises(UsageError, match=rf"expected the column {column} in .*, it is not there; put back a copy"):
            Ledger(tmp_path)

    @pytest.mark.parametrize("damaged", ["{", "7", '"text"'])
    def test_facts_and_labels_that_are_damaged(self, ledger, damaged):
        ledger.set_meta("labels", damaged)
        with pytest.raises(UsageError, match=r"expected the labels in .* to be readable, but.*; put back a copy"):
            ledger.labels_from()
        label = FaceLabel("a.jpg", 30.0, features={"camera": "x"})
        ledger.write_images([ImageRow("a.jpg", "a.jpg", "ff", label)])
        with closing(sqlite3.connect(ledger.path)) as database:
            database.execute("UPDATE images SET features = ?", (damaged,))
            database.commit()
        with pytest.raises(UsageError, match=r"expected the labels of a\.jpg in .* to be readable"):
            ledger.images()

    def test_output_that_is_a_file(self, tmp_path):
        (tmp_path / "out").write_bytes(b"")
        with pytest.raises(UsageError, match="expected a ledger that can be written"):
            Ledger(tmp_path / "out")


def write_until_killed(folder):
    """Records with and without payload, replaced again and again; runs in a process of its own."""
    with Ledger(folder) as ledger:
        for turn in count():
            status, payload = ("failed", None) if turn % 3 == 2 else ("done", b"%d" % turn * 5000)
            ledger.record(record(f"{i}.jpg", payload, key=str(turn), status=status) for i in range(20))
            (folder / "started").touch()


@pytest.mark.parametrize("delay", [0.0, 0.013, 0.037])
def test_killed_while_writing(tmp_path, delay):
    writer = multiprocessing.get_context("spawn").Process(target=write_until_killed, args=(tmp_path,))
    writer.start()
    deadline = time.monotonic() + 30
    while not (tmp_path / "started").exists():
        assert time.monotonic() < deadline
        time.sleep(0.005)
    time.sleep(delay)
    os.kill(writer.pid, signal.SIGKILL)
    writer.join()
    assert writer.exitcode == -signal.SIGKILL
    with Ledger(tmp_path, create=False) as ledger:
        outcomes, payloads = ledger.outcomes("crop"), dict(ledger.payloads("crop"))
        assert len(outcomes) == 20
        assert len({outcome.key for outcome in outcomes.values()}) == 1  # one transaction, whole
        done = {image for image, outcome in outcomes.items() if outcome.status == "done"}
        assert set(payloads) == done
        assert all(payloads[image] == outcomes[image].key.encode() * 5000 for image in done)
        ledger.record([record("0.jpg", b"written again")])
        assert ledger.payload("0.jpg", "crop") == b"written again"
