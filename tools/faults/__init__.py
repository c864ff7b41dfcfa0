"""Damaged files through the public readers: `python -m tools.faults --count N --seed S [KIND...]`.

Each mutant is a small file that the tool made itself, changed by a random number of its own: the same seed
gives the same mutants. A reader may refuse it with a PerceptionError. Everything else is a fault: another
exception, the end of the process, more than 10 s of a processor or 1 GB of memory, and a changed bundle
description that is accepted.
"""
