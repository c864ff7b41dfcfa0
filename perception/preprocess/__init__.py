"""Camera image to network input, one file a device."""
