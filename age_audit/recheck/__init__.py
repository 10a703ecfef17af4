"""The study's designs on shuffled, unrepeated and closed data: what would they show of noise?"""
