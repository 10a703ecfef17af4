"""The audit's statistics: arrays and DataFrames in, DataFrames out, every random draw from a seed.

``resampling`` intervals and p-values; ``groups`` errors overall, by group and their differences; ``standardisation``
the same with equal ages; ``compositions`` region shares as parts of a whole; ``restriction`` what splitting on the
outcome does to a correlation; ``mask_null`` what a random mask would score; ``mask_contrasts`` and ``mask_groups``
whether masks of kinds of faces lie in different places; ``mask_shares`` how much of picture and regions masks mark.
"""
