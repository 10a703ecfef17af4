"""From 68 facial landmarks to the 13 regions whose share of an explanation is measured.

Nine regions lie on the face and four lie between the face and the edges of the canvas. Every region is a polygon over
the landmarks of dlib's 68-point annotation (iBUG 300-W); the outer four also use the corners of the canvas. A pixel
(x, y), column first, belongs to a region when the region's polygon strictly contains the point (x, y): pixels whose
centre lies on the outline belong to neither side, and regions may overlap (the mouth lies within the chin, say).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

import numpy as np
import shapely
from shapely.geometry import MultiPolygon, Polygon

from age_audit.core.landmarks import checked_landmarks
from age_audit.core.schema import CANVAS, LANDMARK_COUNT

# Indices of landmarks in the order in which they are joined. -1 to -4 are the corners of the canvas: top left,
# top right, bottom left, bottom right. _l and _r are the left and right of the image, not of the person.
POINT_ORDER = MappingProxyType(
    {
        "nose": (21, 31, 32, 33, 34, 35, 22),
        "eye_l": (0, 17, 18, 19, 20, 21, 27, 28, 2, 1),
        "eye_r": (16, 15, 14, 28, 27, 22, 23, 24, 25, 26),
        "cheek_l": (2, 28, 29, 30, 31, 48, 6, 5, 4, 3),
        "cheek_r": (14, 13, 12, 11, 10, 54, 35, 30, 29, 28),
        "eye_l_inner": (36, 37, 38, 39, 40, 41),
        "eye_r_inner": (42, 43, 44, 45, 46, 47),
        "mouth_inner": (48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59),
        "chin": (6, 48, 31, 32, 33, 34, 35, 54, 10, 9, 8, 7),
        "top": (-1, 0, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 16, -2),
        "left": (-1, 0, 1, 2, 3, 4, 5, 6, -3),
        "right": (-2, 16, 15, 14, 13, 12, 11, 10, -4),
        "bottom": (-3, 6, 7, 8, 9, 10, -4),
    }
)
REGIONS = tuple(POINT_ORDER)
# As people read them, wherever one is named to them. The forehead lies above the brows.
REGION_NAMES = MappingProxyType(
    {
        **{"nose": "nose", "eye_l": "left eye area", "eye_r": "right eye area"},
        **{"cheek_l": "left cheek", "cheek_r": "right cheek", "eye_l_inner": "left eye", "eye_r_inner": "right eye"},
        **{"mouth_inner": "mouth", "chin": "chin", "top": "above the brows", "left": "left of the face"},
        **{"right": "right of the face", "bottom": "below the face"},
    }
)
FACIAL_REGIONS = REGIONS[:9]
OUTER_REGIONS = REGIONS[9:]
NOSE_SUBTRACTED = ("eye_l", "eye_r", "cheek_l", "cheek_r")  # their outlines run along the ridge of the nose

# Polygon overlay works on doubles and fails where coordinates differ by too many orders of magnitude. Landmarks are
# therefore held within these limits, in pixels, that no landmark of a real face comes near; whole numbers stay exact.
_FARTHEST = 1e4
_FINEST = 2.0**-16
# Where a row crosses an edge is computed to better than this, in pixels, for coordinates below a hundred million.
_UNSURE = 1e-6


@dataclass(frozen=True)
class FaceRegions:
    """The regions of one face.

    Attributes
    ----------
    polygons : dict of str to Polygon or MultiPolygon
        One valid geometry a region, in pixels of the canvas, in the order of :data:`REGIONS`; empty where the landmarks
        enclose nothing. A MultiPolygon only where an outline crosses itself.
    outlines : dict of str to tuple of (x, y)
        The points each polygon was made from, before any mending. For the regions from which the nose is subtracted:
        the closed, floored ring (its first point comes last again); for the others one point an index of
        :data:`POINT_ORDER`, not closed.
    notes : tuple of str
        What had to be mended, ``"<region>: <what>"``; empty for an ordinary face.
    """

    polygons: dict[str, Polygon | MultiPolygon]
    outlines: dict[str, tuple[tuple[float, float], ...]]
    notes: tuple[str, ...] = ()


def region_polygons(landmarks, size: int = CANVAS) -> FaceRegions:
    """Join the landmarks of a face into its regions.

    The nose is subtracted from both cheeks and both eyes. Of the difference only the exterior ring is kept (only that
    of the largest piece where it falls apart), with its coordinates floored. An outline that crosses itself is made
    valid without losing a piece: it covers the points that a ray leaves through an odd number of edges.

    Parameters
    ----------
    landmarks : array_like of int or float, shape (68, 2)
        (x, y) in pixels of the canvas. Points may lie outside the canvas, coincide or be collinear.
    size : int
        Side of the canvas in pixels; its corners bound the outer regions.

    Returns
    -------
    FaceRegions
        Landmarks are rounded to 2**-16 of a pixel; those more than 10,000 pixels away are pulled back to that
        distance, and the notes say so.

    Raises
    ------
    ValueError
        If the landmarks are not 68 finite points, or the size is not a positive whole number.

    Examples
    --------
    >>> landmarks = np.full((68, 2), 10)  # one point everywhere, but for the corners of an eye
    >>> landmarks[36:42] = [(2, 2), (6, 2), (6, 6), (2, 6), (2, 6), (2, 6)]
    >>> regions = region_polygons(landmarks, size=20)
    >>> regions.polygons["eye_l_inner"].area, regions.polygons["eye_r_inner"].is_empty
    (16.0, True)
    >>> regions.notes[0]
    'nose: outline encloses no area'
    """
    points, size = checked_landmarks(landmarks), _checked_size(size)
    notes = _position_notes(points, size)
    points = np.round(points.clip(-_FARTHEST, _FARTHEST) / _FINEST) * _FINEST
    points = _with_corners(points, size)
    outlines = {region: points[list(order)] for region, order in POINT_ORDER.items()}
    polygons = {region: _made_valid(region, outline, notes) for region, outline in outlines.items()}
    for region in NOSE_SUBTRACTED:
        rest = polygons[region].difference(polygons["nose"])
        ring = np.floor(_exterior(region, rest, notes)) if polygons[region].area > 0 else np.empty((0, 2))
        outlines[region] = ring
        polygons[region] = _made_valid(region, ring, notes, "floored ") if len(ring) else Polygon()
    return FaceRegions(polygons, {region: _as_pairs(ring) for region, ring in outlines.items()}, tuple(notes))


def region_masks(landmarks, size: int = CANVAS) -> dict[str, np.ndarray]:
    """Find the pixels of each region of a face.

    Parameters
    ----------
    landmarks : array_like of int or float, shape (68, 2)
        (x, y) in pixels of the canvas.
    size : int
        Side of the canvas in pixels.

    Returns
    -------
    dict of str to ndarray of bool, shape (size, size)
        ``mask[y, x]`` is True where the region's polygon strictly contains the point (x, y); in the order of
        :data:`REGIONS`. Parts of a region beyond the canvas have no pixels. Not to be written to: the next call for the
        same face gives the same arrays.

    Raises
    ------
    ValueError
        As :func:`region_polygons`.

    Examples
    --------
    >>> landmarks = np.full((68, 2), 10)
    >>> landmarks[36:42] = [(2, 2), (6, 2), (6, 6), (2, 6), (2, 6), (2, 6)]
    >>> masks = region_masks(landmarks, size=20)
    >>> len(masks), int(masks["eye_l_inner"].sum())  # 3 x 3 pixels: those on the outline are outside
    (13, 9)
    """
    return dict(regions_with_masks(landmarks, size)[1])


def regions_with_masks(landmarks, size: int = CANVAS) -> tuple[FaceRegions, dict[str, np.ndarray]]:
    """What :func:`region_polygons` and :func:`region_masks` give; of the face last asked for it is kept.

    Examples
    --------
    >>> regions, masks = regions_with_masks(np.full((68, 2), 10), size=20)
    >>> list(regions.polygons) == list(masks), regions_with_masks(np.full((68, 2), 10), size=20)[0] is regions
    (True, True)
    """
    return _regions_with_masks(checked_landmarks(landmarks).tobytes(), _checked_size(size))


@lru_cache(maxsize=1)  # everything that is read off an explanation asks for those of the same face
def _regions_with_masks(landmarks: bytes, size: int) -> tuple[FaceRegions, dict[str, np.ndarray]]:
    regions = region_polygons(np.frombuffer(landmarks).reshape(LANDMARK_COUNT, 2), size)
    masks = _strictly_inside(list(regions.polygons.values()), size)
    masks.setflags(write=False)  # whoever asks next gets the same
    return regions, dict(zip(regions.polygons, masks, strict=True))


def polygon_mask(polygon: Polygon | MultiPolygon, size: int = CANVAS) -> np.ndarray:
    """Find the pixels whose point (x, y) a valid polygon strictly contains.

    Parameters
    ----------
    polygon : Polygon or MultiPolygon
        In pixels of the canvas; may be empty, have holes and reach beyond the canvas. Its coordinates, which have to
        be below a hundred million, are not changed.
    size : int
        Side of the canvas in pixels.

    Returns
    -------
    ndarray of bool, shape (size, size)
        ``mask[y, x]``; points on the outline are False.

    Examples
    --------
    >>> polygon_mask(Polygon([(0, 0), (4, 0), (4, 4), (0, 4)]), size=5).astype(int)
    array([[0, 0, 0, 0, 0],
           [0, 1, 1, 1, 0],
           [0, 1, 1, 1, 0],
           [0, 1, 1, 1, 0],
           [0, 0, 0, 0, 0]])
    """
    return _strictly_inside([polygon], _checked_size(size))[0]


def _strictly_inside(polygons: list[Polygon | MultiPolygon], size: int) -> np.ndarray:
    """Which pixels each of up to 16 valid polygons strictly contains, bool (P, size, size).

    A pixel is inside where the row to the left of it crosses an odd number of edges. Only the place of a crossing is
    rounded, so that its side is sure for all pixels but those next to it: of these shapely, which is exact, decides.
    Asking shapely about every pixel gives the same in several times the time. All polygons are filled at once: each
    has a bit of a pixel's number, which is turned over at every crossing.
    """
    geometries, bits = np.array(polygons), 1 << np.arange(len(polygons), dtype=np.uint16)
    (x0, y0), (x1, y1), polygon = _edges_downwards(geometries)
    edge, y = _rows_between(y0, y1, size)
    x0, y0, x1, y1, polygon = x0[edge], y0[edge], x1[edge], y1[edge], polygon[edge]
    level = y0 == y1
    x = x0 + (x1 - x0) * ((y - y0) / np.where(level, 1, y1 - y0))

    crosses = y < y1  # an edge's lower end belongs to the next edge, so that a corner on the row is crossed once
    first_right_of_it = np.ceil(x[crosses]).clip(0, size).astype(int)
    turned = np.zeros((size, size + 1), dtype=np.uint16)
    np.bitwise_xor.at(turned.reshape(-1), y[crosses] * (size + 1) + first_right_of_it, bits[polygon[crosses]])
    inside = np.bitwise_xor.accumulate(turned, axis=1)[:, :size] & bits[:, None, None] != 0

    column = np.rint(x)
    unsure = ~level & (np.abs(x - column) <= _UNSURE) & (column >= 0) & (column < size)
    of, row, column = polygon[unsure], y[unsure], column[unsure].astype(int)
    shapely.prepare(geometries)
    inside[of, row, column] = shapely.contains_xy(geometries[of], column, row)
    for along in np.flatnonzero(level):  # an edge whose pixels lie on the outline
        inside[polygon[along], y[along], _pixels_between(*sorted((x0[along], x1[along])), size)] = False
    return inside


def _edges_downwards(polygons: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Upper and lower ends of all edges, holes included, (x, y) each of shape (2, edges), and the polygon of each."""
    parts, polygon = shapely.get_parts(polygons, return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    points, ring = shapely.get_coordinates(rings, return_index=True)
    joined = ring[1:] == ring[:-1]
    start, end = points[:-1][joined].T, points[1:][joined].T
    downwards = start[1] <= end[1]
    return np.where(downwards, start, end), np.where(downwards, end, start), polygon[part[ring[1:][joined]]]


def _rows_between(top: np.ndarray, bottom: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Every row of the canvas that each edge touches: the edges' numbers, and the rows."""
    first = np.ceil(top.clip(0, None)).astype(int)
    count = (np.floor(bottom.clip(None, size - 1)).astype(int) + 1 - first).clip(0, None)
    edge = np.repeat(np.arange(len(top)), count)
    return edge, np.arange(len(edge)) - (np.cumsum(count) - count)[edge] + first[edge]


def _pixels_between(low: float, high: float, size: int) -> slice:
    """Whole coordinates on the canvas from low to high, both included; an empty slice where there is none."""
    start = max(0, int(np.ceil(low)))
    return slice(start, max(start, min(size - 1, int(np.floor(high))) + 1))


def _checked_size(size: int) -> int:
    if isinstance(size, bool) or not isinstance(size, int | np.integer) or size < 1:
        raise ValueError(f"expected the side of the canvas as a positive whole number of pixels; got {size!r}")
    return size


def _with_corners(points: np.ndarray, size: int) -> np.ndarray:
    """Append the corners so that the negative indices of POINT_ORDER find them."""
    return np.vstack([points, [(size, size), (0, size), (size, 0), (0, 0)]])


def _position_notes(points: np.ndarray, size: int) -> list[str]:
    notes = []
    outside = np.count_nonzero(((points < 0) | (points >= size)).any(axis=1))
    if outside:
        notes.append(f"landmarks: {outside} of {LANDMARK_COUNT} outside the canvas")
    far = np.count_nonzero((np.abs(points) > _FARTHEST).any(axis=1))
    if far:
        notes.append(f"landmarks: {far} pulled back to {_FARTHEST:.0f} pixels")
    return notes


def _made_valid(region: str, ring: np.ndarray, notes: list[str], kind: str = "") -> Polygon | MultiPolygon:
    """Polygon of a ring; where the ring crosses or touches itself, every piece that it encloses."""
    polygon = Polygon(ring)
    if polygon.is_valid:
        return polygon
    # make_valid also returns the lines and points to which a part of the outline collapsed; they contain nothing
    try:
        pieces = _polygons_in(shapely.make_valid(polygon))
    except shapely.GEOSException:  # slivers far narrower than a pixel can defeat it; whole numbers have none
        notes.append(f"{region}: {kind}outline rounded to whole pixels to be mended")
        pieces = _polygons_in(shapely.make_valid(Polygon(np.round(ring))))
    if not pieces:
        notes.append(f"{region}: {kind}outline encloses no area")
        return Polygon()
    count = f", {len(pieces)} pieces" if len(pieces) > 1 else ""
    notes.append(f"{region}: {kind}outline crosses or touches itself, made valid{count}")
    return pieces[0] if len(pieces) == 1 else MultiPolygon(pieces)


def _exterior(region: str, rest: Polygon | MultiPolygon, notes: list[str]) -> np.ndarray:
    """Closed exterior ring, shape (N, 2), of the largest piece of what the nose left of a region."""
    pieces = _polygons_in(rest)
    if not pieces:
        notes.append(f"{region}: nose subtraction left nothing")
        return np.empty((0, 2))
    if len(pieces) > 1:
        notes.append(f"{region}: nose subtraction left {len(pieces)} pieces, largest kept")
    largest = max(pieces, key=lambda piece: piece.area)
    if largest.interiors:
        notes.append(f"{region}: nose lies inside, only the exterior ring kept")
    return shapely.get_coordinates(largest.exterior)


def _polygons_in(geometry) -> list[Polygon]:
    parts = shapely.get_parts(shapely.get_parts(geometry))  # twice: a collection may hold a MultiPolygon
    return [part for part in parts if isinstance(part, Polygon) and not part.is_empty]


def _as_pairs(points: np.ndarray) -> tuple[tuple[float, float], ...]:
    """Plain numbers, whole ones as int, so that they are written as the published files write them."""
    return tuple(tuple(int(c) if c.is_integer() else c for c in pair) for pair in points.tolist())
