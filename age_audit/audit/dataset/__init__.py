"""What is in the faces of a data set, and what of it makes the verdict on an estimator?"""
