"""How does a Python value, even with broken characters, become the bytes of an answer?"""

import base64
from typing import Any

import msgspec

# A lone surrogate has no UTF-8 form, but real answers contain it as an escape. Texts contain this private
# character instead; the encoder writes the escape.
SURROGATE_MARK = "\ue000"
_MARK_BYTES = SURROGATE_MARK.encode()

Json = dict[str, Any]
_encoder = msgspec.json.Encoder()


def encode(value: Any) -> bytes:
    """The JSON text of `value`."""
    return _encoder.encode(value).replace(_MARK_BYTES, b"\\ud83d")


def decode(body: bytes) -> Any:
    """The value of `encode`'s bytes; escapes that have no UTF-8 form become the mark again."""
    return msgspec.json.decode(body.replace(b"\\ud83d", _MARK_BYTES))


def raw(value: Any) -> msgspec.Raw:
    """`value` as JSON that larger answers contain without encoding it again."""
    return msgspec.Raw(encode(value))


def join(parts: list[bytes]) -> bytes:
    """A JSON list of records that are already encoded."""
    return b"[" + b",".join(parts) + b"]"


def opaque(text: str) -> str:
    """An opaque token (URL-safe base64) for `text`."""
    return base64.urlsafe_b64encode(text.encode()).decode()


def unopaque(token: str) -> str:
    """The text inside a token of `opaque`; ValueError for another token."""
    return base64.urlsafe_b64decode(token.encode()).decode()
