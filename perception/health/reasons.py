"""The states, and `REASONS`: the table of all that can be amiss. docs/operations.md shows it."""

from __future__ import annotations

from typing import NamedTuple

STARTING, OK, DEGRADED, STALE, FAILED = STATES = ("starting", "ok", "degraded", "stale", "failed")
RANK = {OK: 0, DEGRADED: 1, STALE: 2, FAILED: 3}  # the higher, the worse


class Kind(NamedTuple):
    """What a reason means."""

    state: str  # that it leads to, if nothing worse is amiss
    remedy: str
    withholds: bool = False  # no scene is given while it lasts
    rests: bool = False  # no frames are expected while it lasts
    hung: bool = False  # frames come in vain: a new start may help


CAMERA_AGAIN = "The camera is opened again by itself. Check its plug, its power, its network and its name"
LENS = "Look at the picture; clean the lens, take off what covers it, set exposure and focus"
FASTER = "Use a faster machine or device, a smaller --input-size, fewer --tasks, or --shed"

REASONS: dict[str, Kind] = {
    # the camera
    "no_camera": Kind(STALE, CAMERA_AGAIN),  # cannot be opened, or has just failed
    "login": Kind(STALE, "Give the right user and password, in the URL or by #login=file:PATH"),
    "no_frames": Kind(STALE, CAMERA_AGAIN),  # is open and gives nothing
    "frozen": Kind(STALE, "Restart the camera: it repeats one picture", withholds=True),
    "black": Kind(DEGRADED, LENS),
    "overexposed": Kind(DEGRADED, LENS),
    "covered": Kind(DEGRADED, LENS),
    "blurred": Kind(DEGRADED, LENS),
    "still": Kind(DEGRADED, "Nothing moves in the picture beyond noise: right while the vehicle stands"),
    "losing": Kind(DEGRADED, "Frames do not arrive or cannot be decoded: check cable, network and decoder"),
    "clock": Kind(DEGRADED, "Set the clocks of camera and machine to the same time"),
    "backwards": Kind(DEGRADED, "Images are out of order: look at the driver and the transport"),
    "mixed": Kind(DEGRADED, "Give every camera its own topic"),
    "calibration": Kind(DEGRADED, "Correct the camera file or CameraInfo; nothing is said in metres"),
    "own_motion": Kind(DEGRADED, "Look at the topics of speed and yaw rate, and at the stamps there"),
    # the pipeline
    "no_scenes": Kind(STALE, "Frames arrive and no result comes: see the other reasons and the load"),
    "late": Kind(DEGRADED, FASTER),  # the last scenes are older than the deadline
    "deadline": Kind(FAILED, FASTER, withholds=True),  # too many are
    "dropping": Kind(DEGRADED, FASTER),
    "shed": Kind(DEGRADED, FASTER),  # tasks are left out
    "failures": Kind(DEGRADED, "Single frames give no result: the log names the cause"),
    "failing": Kind(FAILED, "No frame gives a result: the log names the cause; check the bundle", hung=True),
    "model": Kind(
        FAILED, "Copy the model bundle again: it is damaged or does not fit", withholds=True, hung=True
    ),
    # the surroundings
    "hot": Kind(DEGRADED, "Cool the machine: it is slowed down by its temperature"),
    "disk": Kind(DEGRADED, "Free the disk, or record elsewhere"),
    "inactive": Kind(DEGRADED, "Activate the node", rests=True),
    "disabled": Kind(DEGRADED, "Switch it on again", rests=True),
}
