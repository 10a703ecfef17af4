"""What is in the data set, how sure are its labels, and what does that do to the verdict on an estimator?"""
