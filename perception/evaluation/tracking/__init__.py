"""How well objects are followed: HOTA, CLEAR MOT and identity metrics, and what is judged at all."""
