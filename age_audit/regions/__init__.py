"""Which part of the face: regions out of landmarks, and how much of each a mask covers."""

from age_audit.regions.polygons import region_masks
from age_audit.regions.scores import score_regions

__all__ = ["region_masks", "score_regions"]
