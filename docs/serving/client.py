"""Client of TensorFlow Serving's REST interface for a network of `export.py --format serving`.

    python docs/serving/client.py http://localhost:8501/v1/models/NAME street.jpg

Writes `street_indices.png`, the class index of each pixel, and prints the share of each class. Needs NumPy alone, and
that only for arrays of pixels.
"""

import argparse
import base64
import http.client
import json
import pathlib
import sys
import urllib.error
import urllib.request

TIMEOUT = 60  # seconds


def segment_file(address, data):
    """Sends an image file to the signature `encoded`.

    Args:
        address: of the model, such as "http://localhost:8501/v1/models/NAME".
        data: bytes of a JPEG or PNG file.

    Returns:
        `(png, shares)`: bytes of a PNG file of class indices, and the share of each class, a list of floats.
    """
    text = base64.b64encode(data).decode("ascii")
    (prediction,) = predict(address, {"signature_name": "encoded", "instances": [{"b64": text}]})
    return base64.b64decode(prediction["classes_bytes"]["b64"]), prediction["shares"]


def segment_pixels(address, images):
    """Sends pixels to the default signature; JSON makes this slow, so prefer files or gRPC for large images.

    Args:
        address: of the model.
        images: uint8 array `(B, H, W, 3)`, RGB, with H and W multiples of 32.

    Returns:
        The output of the network: logits `(B, H, W, C)`, classes `(B, H, W)` or colors `(B, H, W, 3)`.
    """
    import numpy as np

    return np.array(predict(address, {"instances": images.tolist()}))


def predict(address, request):
    """Sends a request and returns its predictions; raises SystemExit with the server's message."""
    body = json.dumps(request).encode("utf-8")
    try:
        message = urllib.request.Request(f"{address}:predict", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(message, timeout=TIMEOUT) as response:
            return json.load(response)["predictions"]
    except urllib.error.HTTPError as error:
        raise SystemExit(f"error: {address}: {error.code} {error.read().decode('utf-8', 'replace')[:300]}") from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise SystemExit(f"error: no answer from {address}: {getattr(error, 'reason', error)}") from error


def main(argv=None):
    """Segments the image of the command line."""
    parser = argparse.ArgumentParser(description="Segments an image with a network in TensorFlow Serving.")
    parser.add_argument("address", help="of the model, such as http://localhost:8501/v1/models/NAME")
    parser.add_argument("image", type=pathlib.Path, help="JPEG or PNG file")
    args = parser.parse_args(argv)
    png, shares = segment_file(args.address.rstrip("/"), args.image.read_bytes())
    output = args.image.with_name(f"{args.image.stem}_indices.png")
    output.write_bytes(png)
    for index, share in enumerate(shares):
        if share:
            print(f"class {index:3}: {100 * share:5.1f} %")
    print(f"Wrote {output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
