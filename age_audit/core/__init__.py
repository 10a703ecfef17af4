"""Words that everyone speaks: records, names, groups, measures, masks, errors. Imports nothing of the house."""
