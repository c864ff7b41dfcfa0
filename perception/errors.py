"""The errors callers may catch.

PerceptionError        anything below; the message says what was expected, what came, and what to do
  SourceError          a camera, file or drive cannot be read
  SinkError            results cannot be written
  BundleError          the model bundle is incomplete, damaged or of another version
  BackendUnavailable   this machine cannot run that backend; the message says what to install
  DataError            a data set or a training configuration is not as documented
  FrameError           one frame could not be processed; the next one may be fine
"""


class PerceptionError(Exception):
    pass


class SourceError(PerceptionError):
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
