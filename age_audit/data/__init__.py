"""What comes in and what ships: images, labels, metadatasets, results."""
