"""A small set of photos, and what an uninterrupted run makes of it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.pipeline.processes import Running, everything_in, stage_command


@pytest.fixture(scope="session")
def eight_photos(tmp_path_factory, astronaut_head, hopper_head):
    """Two portraits in three variants each, a picture without a face, and a damaged file."""
    folder = tmp_path_factory.mktemp("eight")
    hopper = np.array(Image.fromarray(hopper_head).resize((200, 200)))
    photos = {
        "30_1_0_plain": astronaut_head,
        "30_1_0_mirrored": astronaut_head[:, ::-1],
        "30_1_0_darkened": (astronaut_head * 0.7).astype(np.uint8),
        "77_1_0_plain": hopper,
        "77_1_0_shifted": np.roll(hopper, 9, axis=1),
        "77_1_0_both": (hopper[:, ::-1] * 0.8).astype(np.uint8),
        "40_0_3_faceless": np.full((64, 64, 3), 90, np.uint8),
    }
    for name, photo in photos.items():
        Image.fromarray(photo).save(folder / f"{name}.png")
    whole = (folder / "30_1_0_plain.png").read_bytes()
    (folder / "20_0_0_damaged.png").write_bytes(whole[: len(whole) // 2])
    return folder


@dataclass(frozen=True)
class Uninterrupted:
    """What a run left that nobody interrupted."""

    folder: Path
    everything: dict[str, bytes]


@pytest.fixture(scope="session")
def uninterrupted(eight_photos, tmp_path_factory):
    folder, log = tmp_path_factory.mktemp("uninterrupted"), tmp_path_factory.mktemp("log") / "log"
    for stage in (1, 2):
        with Running(stage_command(stage, eight_photos, folder), log) as run:
            assert run.exit_code() == 0, run.said()
    everything = everything_in(folder)
    assert len(everything) == 3 * 6 + 2 * 6 + 8 + 7 + 7 * 6  # pictures, metadatasets, read, align, the other steps
    return Uninterrupted(folder, everything)
