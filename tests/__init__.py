"""Tests mirror the package. A file here, so that no installed package called tests is taken for this one."""
