"""Results as the ledger keeps them."""

from __future__ import annotations

import numpy as np

from age_audit.core.schema import AgeEstimate, Attribution
from age_audit.store.files import pack_arrays, unpack_arrays


def estimate_to_bytes(estimate: AgeEstimate, row: int) -> bytes:
    """One row of a batch."""
    arrays = {
        "age": estimate.age[row],
        "probabilities": estimate.probabilities[row].astype(np.float32),
        "classes": estimate.classes,
    }
    if estimate.probability_female is not None:
        arrays["probability_female"] = estimate.probability_female[row]
    return pack_arrays(**arrays)


def estimate_from_bytes(content: bytes) -> AgeEstimate:
    """The inverse of :func:`estimate_to_bytes`: one face, N = 1."""
    arrays = unpack_arrays(content)
    female = arrays.get("probability_female")
    return AgeEstimate(
        arrays["age"][None],
        arrays["probabilities"][None],
        arrays["classes"],
        None if female is None else female[None],
    )


def attribution_to_bytes(attribution: Attribution) -> bytes:
    """All that an attribution holds: a few kilobytes a face of superpixels, some 200 of a dense map (as float32)."""
    parts = {"positive": attribution.positive_mask, "negative": attribution.negative_mask}
    if attribution.dense is None:
        arrays = {"segments": attribution.segments.astype(np.uint16), "weights": attribution.weights}
        arrays |= {name: _per_superpixel(attribution, mask) for name, mask in parts.items()}
    else:
        arrays = {"dense": attribution.dense.astype(np.float32)}
        arrays |= {name: np.packbits(mask, axis=1) for name, mask in parts.items()}
    arrays |= {"target": np.array(attribution.target), "model": np.array([attribution.intercept, attribution.score])}
    if attribution.interval is not None:
        arrays["interval"] = attribution.interval
    if not attribution.signed:  # as all are that were kept before there were others
        arrays["signed"] = np.array(False)
    if attribution.settled is not None:
        arrays["settled"] = attribution.settled
    if attribution.samples is not None:
        arrays["samples"] = np.array(attribution.samples)
    if attribution.unexplained:
        arrays["unexplained"] = np.array(attribution.unexplained)
    return pack_arrays(**arrays)


def attribution_from_bytes(content: bytes) -> Attribution:
    """The inverse of :func:`attribution_to_bytes`."""
    arrays = unpack_arrays(content)
    dense, segments = arrays.get("dense"), arrays.get("segments")
    if dense is None:
        segments = segments.astype(np.int64)
        positive, negative = (arrays[name][segments] for name in ("positive", "negative"))
    else:
        width = dense.shape[1]
        positive, negative = (
            np.unpackbits(arrays[name], axis=1, count=width).astype(bool) for name in ("positive", "negative")
        )
    intercept, score = map(float, arrays["model"])
    return Attribution(
        segments=segments,
        weights=arrays.get("weights"),
        target=str(arrays["target"]),
        positive_mask=positive,
        negative_mask=negative,
        interval=arrays.get("interval"),
        settled=arrays.get("settled"),
        intercept=intercept,
        score=score,
        dense=dense,
        signed=bool(arrays.get("signed", True)),
        samples=int(arrays["samples"]) if "samples" in arrays else None,
        unexplained=float(arrays.get("unexplained", 0.0)),
    )


def _per_superpixel(attribution: Attribution, mask: np.ndarray) -> np.ndarray:
    """Masks are constant on superpixels: one flag each says the same as 50,176 pixels."""
    flags = np.zeros(len(attribution.weights), dtype=bool)
    flags[attribution.segments[mask]] = True
    return flags
