"""Fingerprints of a dataset and of a machine: the facts that a self-configured training depends on."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class DatasetFingerprint:
    """Facts of a dataset.

    Attributes:
        images: number of training images.
        validation_images: number of validation images; 0 if there is no such split.
        height, width: median size of the training images in pixels.
        smallest_height, smallest_width: sides that nine tenths of the images reach, in pixels.
        class_shares: share of each class in the labeled pixels, 0..1.
        channels: input channels of the network, 3 for RGB.
        is_rgb: whether the images are 8-bit color photographs.
        vertical_difference, horizontal_difference: share of labeled pixels, 0..1, in which the classes of the upper
            and lower, or left and right, halves differ: 0 where the direction has no meaning.
    """

    images: int
    validation_images: int
    height: int
    width: int
    smallest_height: int
    smallest_width: int
    class_shares: tuple[float, ...]
    channels: int = 3
    is_rgb: bool = True
    vertical_difference: float = 1.0
    horizontal_difference: float = 0.0

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return len(self.class_shares)

    def describe(self) -> str:
        """Describes the dataset in one line."""
        present = [share for share in self.class_shares if share > 0]
        rarest = f", the rarest {100 * min(present):.2g} % of the pixels" if present else ""
        kind = "color" if self.is_rgb else f"{self.channels}-channel or 16-bit"
        return f"{self.images} {kind} images of {self.width}x{self.height}, {self.num_classes} classes{rarest}"


@dataclasses.dataclass(frozen=True)
class MachineFingerprint:
    """Facts of a machine.

    Attributes:
        cores: CPU cores that the process may use.
        memory: free memory in bytes.
        gpu_memory: free memory of the GPU in bytes; None without a GPU.
        precision: the fastest of "float32", "float16" and "bfloat16" that its arithmetic supports.
        speed: measured speed of matrix products in that precision, relative to the machine of the recorded
            experiments (two cores of an AMD EPYC).
        pretrained: names of frontends whose ImageNet weights are cached or can be downloaded.
    """

    cores: int
    memory: int
    gpu_memory: int | None = None
    precision: str = "float32"
    speed: float = 1.0
    pretrained: tuple[str, ...] = ()

    @property
    def training_memory(self) -> int:
        """Free memory in bytes of the device that trains."""
        return self.memory if self.gpu_memory is None else self.gpu_memory

    def describe(self) -> str:
        """Describes the machine in one line."""
        gpu = f", GPU with {self.gpu_memory / 2**30:.1f} GiB free" if self.gpu_memory is not None else ", no GPU"
        return f"{self.cores} cores, {self.memory / 2**30:.1f} GiB free{gpu}, {self.precision}, speed {self.speed:.2g}"
