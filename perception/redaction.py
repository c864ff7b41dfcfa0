"""Takes secrets out of every text that leaves the process: results, logs, errors, pages."""

from __future__ import annotations

import re

HIDDEN = "***"
SECRETS = "pass|pwd|secret|token|auth|key|cred|signature|sig=|session|user|login"  # in a parameter's name
# user:password@, up to the host; and one whose password has /, ?, # or a space in it: what follows its colon
# is no port.
USER = re.compile(
    r"""(?<=://)(?:[^/?#\s"'<>]*@|[^/?#@:\s]*:(?!\d+(?:[/?#\s:,.]|$))(?=\S)[^@\n"'<>]*@)""",
)
PARAMETER = re.compile(
    rf"""([?&;/](?=[^=&;#\s]*(?:{SECRETS}))[^=&;#\s/]*=)[^&;#\s"'<>]+(?<![:,.)\]])""", re.IGNORECASE
)


def redacted(text: str) -> str:
    """`text` without the user and password of its URLs and without the values of parameters that are secret.

    Bytes of a file name that are not UTF-8 become U+FFFD, so that every reader of JSON takes it.

    >>> redacted("rtsp://admin:p@ss@10.0.0.7/front?channel=1&token=abc: timed out")
    'rtsp://10.0.0.7/front?channel=1&token=***: timed out'
    """
    text = text.encode(errors="surrogateescape").decode(errors="replace")  # names that are not UTF-8
    if "://" not in text:
        return text
    return PARAMETER.sub(rf"\1{HIDDEN}", USER.sub("", text))
