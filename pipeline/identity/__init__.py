"""Who a face is closest to, and whether that may be said."""
