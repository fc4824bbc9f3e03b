"""Images that somebody sent: looked at within bounds, and made into small ones without metadata."""

from __future__ import annotations

import io
import time
from dataclasses import dataclass
from typing import IO

from PIL import Image, ImageOps

from models.errors import DomainError, Invalid

MOST_PIXELS = 40_000_000
MOST_FRAMES = 1_000
MOST_IN_ALL = 400_000_000  # pixels of all frames
SECONDS = 10.0

THUMBNAIL = 512  # pixels, the longer side at most
AVATAR = 512  # pixels, both sides
QUALITY = 80

_FORMATS = {"image/png": "PNG", "image/jpeg": "JPEG", "image/gif": "GIF", "image/webp": "WEBP"}
_TURNED = range(5, 9)  # orientations by which width and height change places
_ORIENTATION = 0x0112

# Sizes are checked here, before anything is decoded; the library's own check only warns.
Image.MAX_IMAGE_PIXELS = None


@dataclass(frozen=True, slots=True)
class Picture:
    """An image as it is shown: its sides in pixels, and a small one as WebP."""

    width: int
    height: int
    small: bytes


def thumbnail_of(file: IO[bytes], content_type: str) -> Picture:
    """An image's size and a small picture of it. Blocks. Raises Invalid."""
    return _looked_at(file, content_type, square=False)


def avatar_of(file: IO[bytes], content_type: str) -> Picture:
    """The picture of a user that an image is made into, and that one's size. Blocks.

    Raises Invalid.
    """
    made = _looked_at(file, content_type, square=True)
    return Picture(AVATAR, AVATAR, made.small)


def _looked_at(file: IO[bytes], content_type: str, *, square: bool) -> Picture:
    file.seek(0)
    try:
        with Image.open(file, formats=[_FORMATS[content_type]]) as image:
            _check_size(image)
            _check_frames(image, time.monotonic() + SECONDS)
            return _reduced(image, square=square)
    except DomainError:
        raise
    except Exception as error:  # decoders of what strangers send raise almost anything
        raise Invalid("The image is broken.", field="id") from error


def _check_size(image: Image.Image) -> None:
    if image.width * image.height > MOST_PIXELS:
        raise Invalid(f"Images may have {MOST_PIXELS:,} pixels.", field="id")


def _check_frames(image: Image.Image, deadline: float) -> None:
    """Count frames no further than is allowed; those of a GIF are only found one by one."""
    most = min(MOST_FRAMES, MOST_IN_ALL // (image.width * image.height))
    if image.format == "GIF":
        frames = _frames_of_gif(image, most, deadline)
    else:
        frames = getattr(image, "n_frames", 1)
    if frames > most:
        raise Invalid("The image has too many frames.", field="id")


def _frames_of_gif(image: Image.Image, most: int, deadline: float) -> int:
    frames = 1
    try:
        while frames <= most:
            image.seek(frames)
            _check_size(image)
            frames += 1
            if time.monotonic() > deadline:
                raise Invalid("The image takes too long to look at.", field="id")
    except EOFError:
        pass
    image.seek(0)
    return frames


def _reduced(image: Image.Image, *, square: bool) -> Picture:
    width, height = image.size
    if image.getexif().get(_ORIENTATION) in _TURNED:
        width, height = height, width
    image.draft("RGB", (2 * THUMBNAIL, 2 * THUMBNAIL))  # a JPEG is decoded no larger than needed
    image.load()
    mode = "RGBA" if image.has_transparency_data else "RGB"
    plain = image if image.mode == mode else image.convert(mode)
    if not square:
        plain.thumbnail((THUMBNAIL, THUMBNAIL))
    turned = ImageOps.exif_transpose(plain)
    small = ImageOps.fit(turned, (AVATAR, AVATAR)) if square else turned
    return Picture(width, height, _webp(small))


def _webp(image: Image.Image) -> bytes:
    image.info.clear()  # profiles and comments would go along
    written = io.BytesIO()
    image.save(written, "WEBP", quality=QUALITY)
    return written.getvalue()
