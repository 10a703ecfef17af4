"""Take the picture of the page's top that README shows: python -m tools.page_picture (wants Chromium)."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

from age_audit.core.paths import ROOT
from age_audit.report.page.command import ReportConfig, report

PICTURE = ROOT / "docs" / "page.png"
SIZE = 1080, 800  # pixels of the page, from its top
SCALE = 1.5
COLOURS = 64


def main() -> int:
    """Write the page of the results that ship, photograph its top, and keep few colours; returns the exit code."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        print("expected chromium, found none; install it (apt install chromium)", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        page, taken = Path(folder) / "page.html", Path(folder) / "taken.png"
        report(ReportConfig(output=page))
        options = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            f"--user-data-dir={folder}/profile",
        ]
        options += [f"--window-size={SIZE[0]},{SIZE[1]}", f"--force-device-scale-factor={SCALE}"]
        subprocess.run([chromium, *options, f"--screenshot={taken}", page.as_uri()], check=True, capture_output=True)
        with Image.open(taken) as opened:
            opened.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(PICTURE, optimize=True)
    print(f"{PICTURE.relative_to(ROOT)}: {PICTURE.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
