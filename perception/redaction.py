"""Secrets: how they are read, and how every text that leaves the process is without them: results, logs,
errors, pages."""

from __future__ import annotations

import re

HIDDEN = "***"
# In a parameter's name.
SECRETS = "pass|pwd|pw|psw|psk|secret|token|auth|key|cred|signature|sig=|session|user|usr|login"
# user:password@, up to the host; and one whose password has /, ?, # or a space in it: what follows its colon
# is no port.
USER = re.compile(
    r"""(?<=://)(?:[^/?#\s"'<>]*@|[^/?#@:\s]*:(?!\d+(?:[/?#\s:,.]|$))(?=\S)[^@\n"'<>]*@)""",
)
PARAMETER = re.compile(
    rf"""([?&;/](?=[^=&;#\s]*(?:{SECRETS}))[^=&;#\s/]*=)[^&;#\s"'<>]+(?<![:,.)\]])""", re.IGNORECASE
)
# key=value of a GStreamer pipeline, as gst-launch-1.0 reads it; quotes may stand inside of quotes, as \".
PIPELINE = "gst:"
PROPERTY = re.compile(
    rf"""(?<![\w-])(?=[\w-]*(?:{SECRETS}))([\w-]+\s*=\s*(?:\(\w+\)\s*)?)"""
    r"""(?:(\\*["'])(?:(?!\2)(?:\\.|[^\\]))*\2|(?:\\.|[^\s\\])+(?<![:,.)\]"']))""",
    re.IGNORECASE | re.DOTALL,
)


def secret(data: bytes) -> str:
    """The text of a password or token, as a file or the environment has it. Raises ValueError, which tells
    nothing of it."""
    try:
        return data.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise ValueError("other bytes than text in UTF-8") from None


def redacted(text: str) -> str:
    """`text` without the user and password of its URLs, and without the values of parameters and of
    properties of a `gst:` pipeline that are secret.

    Bytes of a file name that are not UTF-8 become U+FFFD, so that every reader of JSON takes it.

    >>> redacted("rtsp://admin:p@ss@10.0.0.7/front?channel=1&token=abc: timed out")
    'rtsp://10.0.0.7/front?channel=1&token=***: timed out'
    >>> redacted("gst:rtspsrc location=rtsp://10.0.0.7/front user-pw='my secret' ! decodebin")
    'gst:rtspsrc location=rtsp://10.0.0.7/front user-pw=*** ! decodebin'
    """
    text = text.encode(errors="surrogateescape").decode(errors="replace")  # names that are not UTF-8
    if "://" in text:
        text = PARAMETER.sub(rf"\1{HIDDEN}", USER.sub("", text))
    before, kind, pipeline = text.partition(PIPELINE)
    return before + kind + PROPERTY.sub(rf"\1{HIDDEN}", pipeline)
