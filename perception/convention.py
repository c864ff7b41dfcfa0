"""What all networks of this project have in common."""

STRIDES = (8, 16, 32)  # image pixels a cell, of the maps that an encoder gives
MEAN, SCALE = 116.0, 58.0  # grey levels: a network sees (image - MEAN) / SCALE, its quantiser the bytes
