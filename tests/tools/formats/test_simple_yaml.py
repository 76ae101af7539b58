"""The subset of YAML in YOLO's data files."""

import pytest

from tools.formats.simple_yaml import parse_value, read_yaml
from utils.errors import UsageError

FILE = """# a comment
path: ../datasets/coco8-seg # dataset root dir
train: images/train
'val': "images/val # 2"
test: # optional

nc: 3
names: ['a, b', "it's", c d]
names2:
  0: person
  1: "traffic light"  # two words
  2: 'a: b'
names3:
- x
- 'y z'
names4: [p,
  q,
]
names5: {0: u, 1: "v, w"}
many:
  - one/images
  - two/images
download: |
  import this
  for x in y:
    print(f"{x}")
roboflow:
  workspace: w
  url: https://example.com/a
"""


def test_values(tmp_path):
    path = tmp_path / "data.yaml"
    path.write_text(FILE, encoding="utf-8-sig")
    entries = read_yaml(path)
    values = {key: parse_value(entries[key], key) for key in entries if key not in ("download", "roboflow")}
    assert values == {
        "path": "../datasets/coco8-seg",
        "train": "images/train",
        "val": "images/val # 2",
        "test": "",
        "nc": "3",
        "names": ["a, b", "it's", "c d"],
        "names2": {"0": "person", "1": "traffic light", "2": "a: b"},
        "names3": ["x", "y z"],
        "names4": ["p", "q"],
        "names5": {"0": "u", "1": "v, w"},
        "many": ["one/images", "two/images"],
    }


@pytest.mark.parametrize(
    "content, words",
    [
        ("names\n", "line 1: 'names' is not 'key: value'"),
        ("names: [a]\nnames: [b]\n", "line 2: the key names is there twice"),
        ("names: [a, b\n", "has no closing bracket"),
        ("names:\n  a\n", "'a' is not 'key: value'"),
        ("names:\n  - a\n  b: c\n", "'- a' is not 'key: value'"),
    ],
)
def test_mistakes(tmp_path, content, words):
    path = tmp_path / "data.yaml"
    path.write_text(content)
    with pytest.raises(UsageError, match="data.yaml.*" + words):
        parse_value(read_yaml(path)["names"], f"{path}, names")
