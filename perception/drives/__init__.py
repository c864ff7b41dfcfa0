"""Recorded drives on the command line: `perception record`, and `perception info` of a drive."""
