"""From a picture to a face: decoding, detection, landmarks, alignment, chips."""
