"""Who is in the data set, how often, and how sure are the labels?"""
