"""What the notebooks claim, each sentence with the number it rests on."""
