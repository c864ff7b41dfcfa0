"""Road scenes from a seed, with exact truth for all four tasks, in pixels and in metres."""

from perception.synthetic.cameras import default_camera, random_camera
from perception.synthetic.conditions import Conditions
from perception.synthetic.shaking import Knock, Shaking
from perception.synthetic.world import Rendered, World

__all__ = [
    "Conditions",
    "Knock",
    "Rendered",
    "Shaking",
    "World",
    "default_camera",
    "random_camera",
]
