"""Fingerprints of datasets and machines whose best training is known."""

import dataclasses

from utils.auto.fingerprints import DatasetFingerprint, MachineFingerprint

GIB = 2**30
CAMVID = DatasetFingerprint(
    367, 101, 360, 480, 360, 480, (0.17, 0.23, 0.01, 0.31, 0.06, 0.1, 0.02, 0.02, 0.05, 0.01, 0.02)
)
STREETS = DatasetFingerprint(240, 40, 192, 256, 192, 256, (0.08,) * 12)
CELLS = DatasetFingerprint(60, 0, 256, 256, 256, 256, (0.8, 0.2), is_rgb=False, vertical_difference=0.01)
LAPTOP = MachineFingerprint(2, 16 * GIB, None, "bfloat16", 1.0, ("MobileNet", "MobileNetV3Small"))
OFFLINE = dataclasses.replace(LAPTOP, pretrained=())
SERVER = MachineFingerprint(16, 128 * GIB, 70 * GIB, "bfloat16", 100.0, ("MobileNet", "MobileNetV3Small", "ResNet50"))
