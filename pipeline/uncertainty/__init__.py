"""How sure a restoration is: sigma of each pixel, a score of the whole, how usual the input is."""
