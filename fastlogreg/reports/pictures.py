"""Images as PNG inside the page, written with zlib alone."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .markup import Markup, tag

LEAST_SIDE, LARGEST_SIDE = 96, 512  # pixels of the shown side; larger images are thinned


def picture(image: NDArray[Any], text: str) -> Markup:
    """Show an image (h, w), (h, w, 1) or (h, w, 3); grey runs from its least to its largest."""
    pixels = as_bytes(image)
    step = max(1, -(-max(pixels.shape[:2]) // LARGEST_SIDE))
    pixels = pixels[::step, ::step]
    high, wide = pixels.shape[:2]
    data = base64.b64encode(png(pixels)).decode("ascii")
    factor = max(1, -(-LEAST_SIDE // max(high, wide)))
    return tag(
        "img",
        src=f"data:image/png;base64,{data}",
        alt=text,
        width=str(wide * factor),
        height=str(high * factor),
    )


def as_bytes(image: NDArray[Any]) -> NDArray[np.uint8]:
    """Return bytes (h, w) or (h, w, 3); what is not bytes is stretched to 0 to 255."""
    pixels = np.asarray(image)
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    if pixels.dtype == np.uint8 and pixels.max(initial=0) > 64:  # 0 to 16, say, would be black
        return np.ascontiguousarray(pixels)
    values = pixels.astype(np.float64)
    low, high = float(values.min()), float(values.max())
    spread = high - low if high > low else 1.0
    return np.asarray(np.rint(255.0 * (values - low) / spread), np.uint8)


def png(pixels: NDArray[np.uint8]) -> bytes:
    """Write a PNG of 8 bits, grey (h, w) or colours (h, w, 3)."""
    high, wide = pixels.shape[:2]
    rows = pixels.reshape(high, -1)
    raw = np.concatenate([np.zeros((high, 1), np.uint8), rows], axis=1).tobytes()  # no filter
    head = struct.pack(">IIBBBBB", wide, high, 8, 2 if pixels.ndim == 3 else 0, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(raw, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
