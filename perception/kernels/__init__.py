"""The inner loops of decoding.

`reference` is their meaning: plain numpy and plain loops, written to be read. `cpu` gives the same results
faster, by numba, OpenCV or by not computing what nobody asks for. Every pair is compared in the tests.
"""
