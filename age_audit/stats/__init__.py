"""Statistics of arrays: intervals, p-values, correlations. Every random draw from a generator that is handed in."""
