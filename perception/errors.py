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
    """`PerceptionError(seen, remedy)`: what was expected and what came; what to do, if it is told apart.

    Its text, `seen; remedy`, names no password and no token, whatever it was made with.
    """

    def __init__(self, seen: object = "", remedy: str = "") -> None:
        self.seen, self.remedy = redacted(str(seen)), redacted(remedy)
        super().__init__(self.seen, self.remedy)  # what pickle makes it from again

    def __str__(self) -> str:
        return f"{self.seen}; {self.remedy}" if self.remedy else self.seen


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


def brief(error: Exception, most: int = 500) -> str:
    """`error` as a message says it: never the content of the file that it was raised for."""
    if isinstance(error, UnicodeDecodeError):  # whose repr holds every byte
        return "a file that is no text"
    text = repr(error)
    return text if len(text) <= most else f"{text[:most]} …"
