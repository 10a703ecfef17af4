"""What it costs to explain many faces, computed from what was measured: ``python -m benchmarks.scaling``.

Reads benchmarks/results.json and benchmarks/memory.json and prints the tables of docs/scaling.md.
"""

from __future__ import annotations

import json
from pathlib import Path

from age_audit.core.config import PRESETS

HERE = Path(__file__).parent
FACES = (10_000, 1_000_000, 100_000_000)
NODES, CORES = 64, 32  # a cluster of middling size
CARD_CORES = 16  # beside one graphics card
# No card was at hand: the data sheet's peaks of an H100 in each precision, and a third of them is a guess.
CARD_FLOPS = {"float32": 67e12 / 3, "bfloat16": 989e12 / 3}
QUICKSHIFT = 0.024  # core-seconds a face, of those that an explanation takes
BYTES = {"aligned faces": 70e3, "crops": 34e3, "masks": 7e3, "ledger": 11e3}  # a face, means over UTKFace
SAMPLES = {preset: parameters.num_samples for preset, parameters in PRESETS.items()}
WAYS = {
    "dex-wrn, published, float32": ("dex-wrn", "explain, dex-wrn, float32", "published"),
    "dex-wrn, audit, bfloat16": ("dex-wrn", "explain, dex-wrn, bfloat16", "audit"),
    "cydral-resnet10, published": ("cydral-resnet10", "explain, cydral-resnet10", "published"),
}


def core_seconds(results: dict, memory: dict) -> dict[str, dict[str, float]]:
    """Seconds of one core that each step takes a face, by estimator and preset."""
    figures, found = results["figures"], {}
    for way, (name, what, preset) in WAYS.items():
        explained = 2 * figures[what]["two_workers_s"]  # by two workers of one thread: 100 samples
        model = explained - QUICKSHIFT
        found[way] = {
            "align, crop": figures["align, detect, crop"]["ours_s"],
            "estimate": memory[name]["runs"][1]["seconds_a_face"]["estimate"] * memory["workers"],
            "explain": QUICKSHIFT + model * SAMPLES[preset] / SAMPLES["published"],
            "regions": figures["stage 2, landmarks included"]["ours_s"],
        }
    return found


def forward_flops() -> float:
    """Floating point operations of one forward pass of dex-wrn: two for each multiplication."""
    from age_audit.estimators.dex import build_wide_resnet

    total = 0
    for layer in build_wide_resnet().layers:
        if layer.__class__.__name__ == "Conv2D":
            height, width = layer.output.shape[1:3]
            total += 2 * height * width * layer.kernel.shape.num_elements()
    return total


def duration(seconds: float) -> str:
    """In the unit that people would use."""
    for unit, size in (("years", 365 * 86400), ("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:,.0f} {unit}" if seconds >= 10 * size else f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"


def size(count: float) -> str:
    """Bytes in the unit that people would use."""
    for unit, scale in (("TB", 1e12), ("GB", 1e9)):
        if count >= scale:
            return f"{count / scale:.1f} {unit}"
    return f"{count / 1e6:.0f} MB"


def main() -> int:
    """Print the tables."""
    results, memory = (json.loads((HERE / f"{name}.json").read_text()) for name in ("results", "memory"))
    costs = core_seconds(results, memory)
    print("| core-seconds a face | align, crop | estimate | explain | regions | all |\n|---|---|---|---|---|---|")
    for way, steps in costs.items():
        cells = " | ".join(f"{seconds:.3g}" for seconds in [*steps.values(), sum(steps.values())])
        print(f"| {way} | {cells} |")
    print(f"\n| faces | way | 2 cores | one H100, {CARD_CORES} cores (computed) | {NODES} × {CORES} cores |")
    print("|---|---|---|---|---|")
    flops = forward_flops()
    for faces in FACES:
        for way, steps in costs.items():
            whole = faces * sum(steps.values())
            on_cores = faces * (sum(steps.values()) - steps["explain"] - steps["estimate"] + QUICKSHIFT) / CARD_CORES
            card = "–"
            if "dex" in way:
                on_card = faces * (SAMPLES[WAYS[way][2]] + 1) * flops / CARD_FLOPS[way.split(", ")[-1]]
                card = duration(max(on_cores, on_card))
            print(f"| {faces:,} | {way} | {duration(whole / 2)} | {card} | {duration(whole / NODES / CORES)} |")
    print("\n| faces | " + " | ".join(BYTES) + " |\n|---|" + "---|" * len(BYTES))
    for faces in FACES:
        print(f"| {faces:,} | " + " | ".join(size(faces * each) for each in BYTES.values()) + " |")
    print(f"\none forward pass of dex-wrn: {flops / 1e9:.2f} GFLOP")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
