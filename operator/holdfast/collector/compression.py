"""Inflates what clients compressed, up to a bound: a small body can hold gigabytes."""

import zlib
from typing import Final

from holdfast.collector.reasons import PayloadError, Uncounted

_GZIP_MAGIC: Final = b"\x1f\x8b"
_GZIP: Final = 31
_ZLIB: Final = 15
_RAW_DEFLATE: Final = -15
_MOST_MEMBERS: Final = 16
_PLAIN: Final = frozenset({"", "identity", "gzip", "x-gzip"})


def inflate(body: bytes, encoding: str, most: int) -> bytes:
    """Return the body without its compression.

    Gzip and zlib are known by their first bytes, which no JSON begins with: the agent tells
    the *request's* Content-Encoding, on the response too, and a body that says gzip may have
    been inflated by a proxy on its way.

    Args:
        body: As it came.
        encoding: The Content-Encoding that the client gave; empty if it gave none.
        most: How many bytes the result may have.

    Raises:
        PayloadError: TooLarge, Malformed, or Unsupported.
    """
    if body.startswith(_GZIP_MAGIC):
        return _inflate(body, _GZIP, most)
    if len(body) > 1 and body[0] & 0x0F == 8 and (body[0] << 8 | body[1]) % 31 == 0:
        return _inflate(body, _ZLIB, most)
    encoding = encoding.strip().lower()
    if encoding in _PLAIN or body[:1] in b"{[":
        if len(body) > most:
            raise PayloadError(Uncounted.TOO_LARGE)
        return body
    if encoding == "deflate":  # zlib by the letter of the RFC, this by the habit of some clients
        return _inflate(body, _RAW_DEFLATE, most)
    raise PayloadError(Uncounted.UNSUPPORTED)


def _inflate(body: bytes, window: int, most: int) -> bytes:
    inflated = b""
    for _ in range(_MOST_MEMBERS):  # gzip files may be concatenated
        stream = zlib.decompressobj(window)
        try:
            inflated += stream.decompress(body, most - len(inflated) + 1)
        except zlib.error:
            raise PayloadError(Uncounted.MALFORMED) from None
        if len(inflated) > most:
            raise PayloadError(Uncounted.TOO_LARGE)
        if not stream.eof:
            raise PayloadError(Uncounted.MALFORMED)
        body = stream.unused_data
        if not body or window != _GZIP:
            return inflated
    raise PayloadError(Uncounted.UNSUPPORTED)
