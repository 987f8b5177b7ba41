"""Finding faces: one file a detector, the registry that knows them, the search that uses them."""
