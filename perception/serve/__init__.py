"""`perception serve`: several cameras behind one HTTP server, with a page to look at.

Needs the extra: pip install 'perception[serve]'. Of one camera, in the order in which a frame comes through:

`camera`     a thread that takes frames, runs the pipeline under a `budget`, and keeps its health
`studio`     a thread that makes what somebody wants of a frame, once: a `shot`
`viewers`    a slot for each who looks; who is slow misses frames, and holds up nobody
`recording`  files, and the last seconds in memory
`app`        the routes: `live`, `streams`, `foxglove`, `metrics`; behind `access`
"""
