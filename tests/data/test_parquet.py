"""Parquet partitions: the rows that went in, the same bytes again, and every damage told."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

from age_audit.data import parquet

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
    return pd.concat([frame for frame, _ in parts], ignore_index=True)


@pytest.fixture
def small_partitions(monkeypatch):
    monkeypatch.setattr(parquet, "ROWS_PER_GROUP", 3)
    monkeypatch.setattr(parquet, "GROUPS_PER_PARTITION", 2)


class TestPartitions:
    @pytest.mark.parametrize("count", [1, 3, 5, 6, 7, 12, 20])
    def test_round_trip(self, tmp_path, small_partitions, count):
        rows = some_rows(count)
        assert parquet.write_partitions(tmp_path, iter(rows)) == count
        assert [path.name for path in parquet.partition_paths(tmp_path)] == [
            f"part-{number:05d}.parquet" for number in range((count + 5) // 6)
        ]
        expected = pd.DataFrame(rows).astype({"age_real": float, "gender_real": "str"})
        pd.testing.assert_frame_equal(frame_of(parquet.read_partitions(tmp_path)), expected, check_exact=True)
        (first, names), *_ = parquet.read_partitions(tmp_path, ("age_real", "never"))
        assert list(first) == ["age_real"]
        assert list(names) == list(rows[0])
        assert len(first) == min(count, 6)

    def test_row_groups_have_one_size(self, tmp_path, small_partitions):
        parquet.write_partitions(tmp_path, some_rows(11))
        for path, sizes in zip(parquet.partition_paths(tmp_path), [[3, 3], [3, 2]], strict=True):
            metadata = pa.parquet.read_metadata(path)
            assert [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)] == sizes

    def test_no_rows_have_columns(self, tmp_path):
        assert parquet.write_partitions(tmp_path, []) == 0
        ((frame, _),) = parquet.read_partitions(tmp_path)
        assert len(frame) == 0
        assert list(frame)[:2] == ["fname", "age_real"]

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
        ((frame, _),) = parquet.read_partitions(tmp_path)
        np.testing.assert_array_equal(frame["age_real"], [3, np.nan])
        assert list(frame["note"][0]) == [1] and frame["note"].isna().tolist() == [False, True]
