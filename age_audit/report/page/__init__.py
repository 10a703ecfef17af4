"""The page: what was found of one estimator on one data set, as one HTML file that needs nothing else.

``content`` asks every question, one module a group of sections, and keeps to plain data (``parts``); ``charts`` draws,
``html`` writes. The command is ``age-audit report``.
"""
