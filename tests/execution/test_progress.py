"""What people and machines are told of how far the work is."""

import io
import json

import pytest

from age_audit.core.errors import UsageError
from age_audit.execution import open_execution, progress
from age_audit.execution.progress import Progress, State


class Terminal(io.StringIO):
    def isatty(self):
        return True


def half(number):
    return number / 2


class TestState:
    def test_fast(self):
        state = State("crop", "face", 300, done=100, failed=2, seconds=10)
        assert (state.rate, state.seconds_left) == (10, 20)
        assert str(state) == "crop: 100 of 300 faces, 10.0 faces a second, 20 s left, 2 failed"

    def test_slow(self):
        state = State("explain", "face", 1000, done=10, seconds=80)
        assert str(state) == "explain: 10 of 1000 faces, 8.0 s a face, 2.2 h left, 0 failed"

    def test_at_the_end_and_before_the_beginning(self):
        assert str(State("crop", "face", 4, 4, 1, 2)) == "crop: 4 of 4 faces, 2.0 faces a second, 1 failed"
        assert str(State("crop", "face", 4)) == "crop: 0 of 4 faces, 0 failed"


def test_lines_where_there_is_no_terminal(monkeypatch):
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.0)
    stream = io.StringIO()
    with Progress(stream).step("crop", "face", 3) as advance:
        advance(1, 0)
        advance(2, 1)
    lines = stream.getvalue().splitlines()
    assert [line.split(",")[0] for line in lines] == ["crop: 1 of 3 faces", "crop: 3 of 3 faces", "crop: 3 of 3 faces"]
    assert lines[-1].endswith("1 failed")


def test_quiet_between_the_lines():
    stream = io.StringIO()
    with Progress(stream).step("crop", "face", 500) as advance:
        for _ in range(500):
            advance(1, 0)
    assert len(stream.getvalue().splitlines()) == 1


def test_one_bar_in_a_terminal():
    stream = Terminal()
    with Progress(stream).step("crop", "face", 3) as advance:
        advance(1, 0)
        advance(2, 1)
    last = stream.getvalue().replace("\n", "").split("\r")[-1]
    assert last.startswith("crop: 100%") and "3/3" in last and "1 failed" in last


def test_an_interrupted_step_says_where_it_was(monkeypatch):
    stream, log = io.StringIO(), io.StringIO()
    with pytest.raises(KeyboardInterrupt), Progress(stream, log).step("crop", "face", 3) as advance:
        advance(1, 0)
        raise KeyboardInterrupt
    assert stream.getvalue().startswith("crop: 1 of 3 faces")
    assert json.loads(log.getvalue().splitlines()[-1])["done"] == 1


def test_json_log_holds_one_object_a_line_and_is_continued(tmp_path, capsys):
    path = tmp_path / "log.jsonl"
    for _ in range(2):
        with open_execution(json_log=path) as execution:
            results = execution.run(
                half, [2, 4], "halves", "face", weight=lambda task: task, failed=lambda result: int(result == 1)
            )
            assert list(results) == [1, 2]
            execution.progress.tell("end", done=1)
    events = [json.loads(line) for line in path.read_text().splitlines()]
    assert [event["event"] for event in events] == ["step-begins", "step-ends", "end"] * 2
    assert {key: events[1][key] for key in ("step", "unit", "total", "done", "failed")} == {
        "step": "halves",
        "unit": "face",
        "total": 6,
        "done": 6,
        "failed": 1,
    }
    assert "halves: 6 of 6 faces" in capsys.readouterr().err


def test_no_tasks_no_word(tmp_path, capsys):
    with open_execution(json_log=tmp_path / "log.jsonl") as execution:
        assert list(execution.run(half, [], "halves", "face")) == []
    assert capsys.readouterr().err == "" and (tmp_path / "log.jsonl").read_text() == ""


def test_a_log_that_cannot_be_written(tmp_path):
    with (
        pytest.raises(UsageError, match="expected --json-log to be a file that can be written"),
        open_execution(json_log=tmp_path / "none" / "log.jsonl"),
    ):
        pass
