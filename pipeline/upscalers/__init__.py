"""The upscalers behind `pipeline.upscale`: interpolation, networks, and where files come from."""
