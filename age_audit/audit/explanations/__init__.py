"""Where do explanations lie, and can they be believed?"""
