"""OpenCV's image decoder, set up for files of any size: without messages, from memory."""

import cv2
import numpy as np

AS_STORED = cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION

# OpenCV prints about each file that is damaged, or that has a tag it does not know, without naming it.
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


def decode_with_opencv(data: bytes, flags: int = AS_STORED) -> np.ndarray | None:
    """Decodes an image file from memory, because `cv2.imread` does not open every file name on every system.

    Args:
        data: the file; its size has been checked, see `image_size.check_size`.
        flags: of `cv2.imdecode`.

    Returns:
        Array `(H, W)` or `(H, W, bands)` in OpenCV's channel order; None if it is damaged or not an image.

    Raises:
        MemoryError: if memory does not suffice.
    """
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), flags) if data else None
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            raise MemoryError from error
        return None
