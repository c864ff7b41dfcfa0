"""Why the network says what it says: what it looks at for a find, and which of its parts serve which task.

Needs torch, for gradients of the float networks that a bundle holds.
"""
