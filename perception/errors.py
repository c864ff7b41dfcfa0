"""The errors callers may catch.

PerceptionError        anything below; the message says what was expected, what came, and what to do
  SourceError          a camera, file or drive cannot be read
    AccessError        a camera refuses the user or the password
  SinkError            results cannot be written
  BundleError          the model bundle is incomplete, damaged or of another version
  BackendUnavailable   this machine cannot run that backend; the message says what to install
  DataError            a data set or a training configuration is not as documented
  FrameError           one frame could not be processed; the next one may be fine
    Withheld           its scene is not fresh, and so is not given
"""

from perception.redaction import redacted


class PerceptionError(Exception):
    """Its text names no password and no token, whatever it was made with."""

    def __init__(self, *texts: object) -> None:
        super().__init__(*(redacted(text) if isinstance(text, str) else text for text in texts))


class SourceError(PerceptionError):
    pass


class AccessError(SourceError):
    pass


class SinkError(PerceptionError):
    pass


class BundleError(PerceptionError):
    pass


class BackendUnavailable(PerceptionError):
    pass


class DataError(PerceptionError):
    pass


class FrameError(PerceptionError):
    pass


class Withheld(FrameError):
    pass
