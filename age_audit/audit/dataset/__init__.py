"""What is in the data, before any estimator has seen it?"""
