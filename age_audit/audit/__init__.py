"""Our questions about an estimator: tables in, tables out."""
