"""The three stages: what each step depends on, what is done, what is missing, what is exported."""
