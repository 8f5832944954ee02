"""Read statements of lists and documents: bound parameters only, every list by an index."""
