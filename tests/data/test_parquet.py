"""Parquet partitions, and rows parsed many at a time: the same values as row by row, and None wherever in doubt."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from age_audit.data import parquet
from age_audit.data.columns import Columns

ROOT = Path(__file__).resolve().parents[2]


def some_rows(count, seed=0):
    rng = np.random.default_rng(seed)
    return [
        {
            "fname": f"{i:05d} ü \u2028.jpg",
            "age_real": None if rng.random() < 0.1 else int(rng.integers(117)),
            "gender_real": [None, "Male", "Female"][rng.integers(3)],
            "race_real": str(rng.choice(["Asian", "Other"])),
            "age_estimation": float(rng.random() * 100),
            "age_estimation_accuracy": None if rng.random() < 0.1 else float(rng.random()),
            "activation_nose_from_all": float(rng.integers(3000) / rng.integers(1, 9000)),
        }
        for i in range(count)
    ]


def frame_of(parts):
    columns = Columns()
    for part in parts:
        columns.add_columns(*part)
    return columns.frame()


def literally(rows):
    columns = Columns()
    columns.add_rows(rows)
    return columns.frame()


def written(rows):
    """Rows as json.dump writes them, without the brackets of the list."""
    return json.dumps(rows, ensure_ascii=False)[1:-1]


def assert_json_or_refused(text, wanted):
    """The answer is None, or text is JSON and the answer what it says; whether there is an answer."""
    answer = parquet.parse_flat_rows(text, wanted)
    if answer is not None:
        columns = Columns(wanted)
        columns.add_rows(json.loads(f"[{text}]"))
        assert frame_of([answer]).equals(columns.frame()[list(answer[0])])
    return answer is not None


@pytest.fixture
def small_partitions(monkeypatch):
    monkeypatch.setattr(parquet, "ROWS_PER_GROUP", 3)
    monkeypatch.setattr(parquet, "GROUPS_PER_PARTITION", 2)


class TestParseFlatRows:
    @pytest.mark.parametrize("count", [1, 2, 300])
    def test_the_same_as_json(self, count):
        rows = some_rows(count)
        for text in (written(rows), json.dumps(rows)[1:-1]):
            columns, length = parquet.parse_flat_rows(text)
            assert length == count
            assert frame_of([(columns, length)]).equals(literally(rows))

    def test_every_float_to_the_last_bit(self):
        rng = np.random.default_rng(5)
        numbers = np.abs(rng.integers(-(2**63), 2**63 - 1, 3000).view(float))
        numbers = [*numbers[np.isfinite(numbers)], 5e-324, 1.7976931348623157e308, 0.1, -0.0, 2**53 + 1, -(2**70)]
        rows = [{"age_real": number if isinstance(number, int) else float(number)} for number in numbers]
        columns, _ = parquet.parse_flat_rows(written(rows))
        expected = np.array([row["age_real"] for row in rows], dtype=float)
        np.testing.assert_array_equal(columns["age_real"].view(np.int64), expected.view(np.int64))

    def test_wanted_columns_only(self):
        rows = some_rows(5)
        columns, _ = parquet.parse_flat_rows(written(rows), ("age_estimation", "fname"))
        assert columns["age_estimation"].tolist() == [row["age_estimation"] for row in rows]
        assert columns["fname"] == [row["fname"] for row in rows]
        assert set(columns) == {"age_estimation", "fname"}

    def test_columns_that_are_not_wanted_may_hold_anything_flat(self):
        rows = [{"fname": "a.jpg", "note": 1}, {"fname": "b.jpg", "note": "x"}, {"fname": "c.jpg", "more": None}]
        assert parquet.parse_flat_rows(written(rows), ("fname",))[0] == {"fname": ["a.jpg", "b.jpg", "c.jpg"]}
        assert parquet.parse_flat_rows(written(rows)) is None

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "1, 2",
            '{"age_real": 1},{"age_real": 2}',
            '{"age_real": 1}, {"age_real": 2} {"age_real": 3}',
            '{"age_real": 1}, {"age_real": 2}{"age_real": 3}',
            '{"age_real": 1}, {"age_real": 2}, ',
            '{"age_real": 1}, {"age_real": 2}, {"age_real": 3',
            '{"age_real": 1}, {"age_real": "2"}',
            '{"age_real": 1}, {"age_real": "old"}',
            '{"age_real": 1}, {"age_real": true}',
            '{"age_real": 1}, {"age_real": NaN}',
            '{"age_real": 1}, {"age_real": [2]}',
            '{"age_real": 1}, {"age_real": 02}',
            '{"age_real": 1}, {"age_real": 2.}',
            '{"age_real": 1}, {"age_real": .5}',
            '{"age_real": 1}, {"age_real": +2}',
            '{"age_real": 1}, {"age_real": 2,}',
            '{"age_real": 1}, {"age_real": nul}',
            '{"age_real": 1}, {age_real: 2}',
            "{'age_real': 1}, {'age_real': 2}",
            '{"age_real": 1}, /* two */ {"age_real": 2}',
            '{"age_real": 1}, {"age_real": 2, "fname": "a\tb"}',
            '{"age_real": 1}, {"age_real": 2, "fname": "}, {"}',
            '{"age_real": 1}, {"age_real": 2, "fname": "{"}',
            '{"age_real": 1}, {"age_real": 2, "fname": "\\ud83d"}',
            '{"age_real": 1}, {"age_real": 2, "fname": "\\x"}',
            '{"age_real": 1}, {"age_real": 2, "fname": 3}',
            '{"age_real": 1}, {"age_real": 2, "age_real": 3}',
            '{"age_real": 1}, {"age_real": 2, "deeper": {"age_real": 3}}',
            '{"age_real": 1},\n{"age_real": 2}',
            '{"age_real": 1}, {"age_real": 2}, 3',
            '{"age_real": 1}, {"age_real": -NaN}',
            '{"age_real": 1}, {"age_real": Inf}',
            '{"age_real": 1\0}, {"age_real": 2}',
        ],
    )
    def test_whatever_is_unusual_is_left_to_the_reader_of_rows(self, text):
        assert parquet.parse_flat_rows(text) is None
        assert_json_or_refused(text, ("age_real",))

    def test_texts_with_random_damage(self):
        rng = np.random.default_rng(3)
        tokens = [*'{}[],:"\\ \n\r0159.eE+-\0\u2028', "NaN", "null", "true", "}, {", "\\u0000", '"age_real": 3, ', ""]
        rows = [{"fname": "a", "age_real": 1.5, "note": "x"}, {"fname": "b", "age_real": None, "note": 2}]
        taken = 0
        for _ in range(2000):
            at, token = rng.integers(len(written(rows))), tokens[rng.integers(len(tokens))]
            text = written(rows)[:at] + token + written(rows)[at + rng.integers(2) :]
            taken += assert_json_or_refused(text, ("fname", "age_real"))
        assert taken > 200

    @pytest.mark.parametrize("number", ["1e400", "-1e400", "1" + "0" * 400, "123456789012345678901234567890"])
    def test_numbers_beyond_floats_are_infinite_if_anything(self, number):
        answer = parquet.parse_flat_rows(f'{{"age_real": {number}}}')
        if answer is not None:
            assert answer[0]["age_real"][0] == float(number)

    def test_a_wanted_column_that_the_first_row_lacks(self):
        text = written([{"fname": "a.jpg"}, {"fname": "b.jpg", "age_real": 3}])
        assert parquet.parse_flat_rows(text, ("fname", "age_real")) is None


class TestPartitions:
    @pytest.mark.parametrize("count", [1, 3, 5, 6, 7, 12, 20])
    def test_round_trip(self, tmp_path, small_partitions, count):
        rows = some_rows(count)
        assert parquet.write_partitions(tmp_path, iter(rows)) == count
        assert [path.name for path in parquet.partition_paths(tmp_path)] == [
            f"part-{number:05d}.parquet" for number in range((count + 5) // 6)
        ]
        assert frame_of(parquet.read_partitions(tmp_path)).equals(literally(rows))
        (first, length), *_ = parquet.read_partitions(tmp_path, ("age_real", "never"))
        assert list(first) == ["age_real"]
        assert length == min(count, 6)

    def test_row_groups_have_one_size(self, tmp_path, small_partitions):
        parquet.write_partitions(tmp_path, some_rows(11))
        for path, sizes in zip(parquet.partition_paths(tmp_path), [[3, 3], [3, 2]], strict=True):
            metadata = pa.parquet.read_metadata(path)
            assert [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)] == sizes

    def test_no_rows_have_columns(self, tmp_path):
        assert parquet.write_partitions(tmp_path, []) == 0
        ((columns, length),) = parquet.read_partitions(tmp_path)
        assert length == 0
        assert list(columns)[:2] == ["fname", "age_real"]

    def test_same_bytes_again_and_in_another_process(self, tmp_path):
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
        parquet.write_partitions(tmp_path / "one", some_rows(50))
        program = (
            "import sys; from pathlib import Path; from age_audit.data import parquet;"
            "from tests.data.test_parquet import some_rows;"
            "parquet.write_partitions(Path(sys.argv[1]), some_rows(50))"
        )
        environment = os.environ | {"PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "OMP_NUM_THREADS": "1"}
        subprocess.check_call([sys.executable, "-c", program, tmp_path / "two"], cwd=ROOT, env=environment)
        one, two = ((tmp_path / name / "part-00000.parquet").read_bytes() for name in ("one", "two"))
        assert one == two

    def test_rows_are_drawn_a_row_group_at_a_time(self, tmp_path, small_partitions):
        rows = some_rows(30)

        def drawn():
            for i, row in enumerate(rows):
                # A partition is there before more than one row group beyond it is drawn.
                assert len(parquet.partition_paths(tmp_path)) >= i // 6
                yield row

        assert parquet.write_partitions(tmp_path, drawn()) == 30

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"age_real": float("nan")}, "finite numbers or None in age_real"),
            ({"age_estimation": float("inf")}, "finite numbers or None in age_estimation"),
            ({"more": 1}, "keys of the first, got others for '00003"),
            ({"fname": "00000.jpg"}, "sorted by fname, got '00000.jpg' after '00002"),
            ({"age_real": "old"}, "old"),
            ({"race_real": 3}, "got a 'int'"),
        ],
    )
    def test_rows_that_cannot_be_written(self, tmp_path, change, message):
        rows = some_rows(5)
        rows[3] |= change
        with pytest.raises((ValueError, TypeError), match=message):
            parquet.write_partitions(tmp_path, rows)


class TestDamage:
    @pytest.fixture
    def partitions(self, tmp_path, small_partitions):
        parquet.write_partitions(tmp_path, some_rows(17))
        return parquet.partition_paths(tmp_path)

    @pytest.mark.parametrize(
        ("lost", "message"),
        [
            (0, "part-00000.parquet is missing"),
            (1, "part-00001.parquet is missing"),
            (2, "part-00001.parquet says that more partitions should follow"),
        ],
    )
    def test_a_lost_partition(self, partitions, tmp_path, lost, message):
        partitions[lost].unlink()
        with pytest.raises(ValueError, match=message):
            list(parquet.read_partitions(tmp_path))

    def test_all_lost(self, tmp_path):
        with pytest.raises(ValueError, match=r"part-00000\.parquet is missing"):
            list(parquet.read_partitions(tmp_path))

    def test_one_too_many(self, partitions, tmp_path):
        (tmp_path / "part-00003.parquet").write_bytes(partitions[2].read_bytes())
        with pytest.raises(ValueError, match=r"part-00002\.parquet says that none should follow"):
            list(parquet.read_partitions(tmp_path))

    @pytest.mark.parametrize("keep", [0, 3, 200, -1, -10])
    def test_truncated(self, partitions, tmp_path, keep):
        partitions[1].write_bytes(partitions[1].read_bytes()[:keep])
        with pytest.raises(ValueError, match=r"^part-00001\.parquet: [^\n]*$"):
            list(parquet.read_partitions(tmp_path))

    def test_partitions_of_other_writers(self, tmp_path):
        table = pa.table({"fname": ["b.jpg", "a.jpg"], "age_real": pa.array([3, None]), "note": pa.array([[1], None])})
        pa.parquet.write_table(table, tmp_path / "part-00000.parquet")
        ((columns, length),) = parquet.read_partitions(tmp_path)
        assert length == 2
        np.testing.assert_array_equal(columns["age_real"], [3, np.nan])
        assert columns["note"] == [[1], None]
