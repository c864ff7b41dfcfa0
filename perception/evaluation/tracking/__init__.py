"""How well objects are followed: HOTA, CLEAR MOT and identity figures, and what is judged at all."""
