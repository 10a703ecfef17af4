"""Wrong for whom?"""
