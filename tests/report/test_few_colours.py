"""Pictures shown in notebooks with few colours."""

import io

import numpy as np
from PIL import Image

from age_audit.report.saving import with_few_colours


def test_fewer_colours_and_hardly_another_picture():
    ramp = np.zeros((16, 256, 3), np.uint8)
    ramp[..., 0] = np.arange(256)
    stream = io.BytesIO()
    Image.fromarray(ramp).save(stream, "png")
    content = with_few_colours(stream.getvalue(), 64)
    shown = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
    assert len(np.unique(shown.reshape(-1, 3), axis=0)) <= 64
    assert np.abs(shown.astype(int) - ramp).max() <= 8
    assert content == with_few_colours(stream.getvalue(), 64)
