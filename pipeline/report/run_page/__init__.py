"""The page of a `detect`, `identify` or `upscale` run: `report.html`, one file, no network."""
