"""Faults injected into running processes: `python -m tools.campaign [--faults 100|NAME,...] [--minutes M]`.

Cameras are processes of their own, over named pipes, HTTP and a real RTSP server; into every picture the time
at which it was taken is drawn. So it is known what was sent, and each scene can be held against it. A fault
is survived if the state that it must lead to was told, if the process went on or ended as it should, if each
frame is accounted for, if no scene was given without a picture of its own, and if no secret stands in any
output.
"""
