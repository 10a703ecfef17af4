"""Training a classifier of age groups, or of years, on one's own faces, so that the audit can ask it like any other."""
