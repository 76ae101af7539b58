import numpy as np
import pytest

from utils.class_dict import ClassDict
from utils.errors import UsageError


@pytest.fixture
def read(tmp_path):
    """Reads `class_dict.csv` from its bytes or text."""

    def read(content):
        path = tmp_path / "class_dict.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return ClassDict.from_csv(path)

    return read


@pytest.mark.parametrize(
    "content",
    [
        "name,r,g,b\nSky,1,2,3\nRoad,4,5,6\n",
        "name,r,g,b\nSky,1,2,3\nRoad,4,5,6",
        " name , r , g , b \n Sky ,  1, 2 ,3 \nRoad, 4, 5, 6 \n",
        b"\xef\xbb\xbfname,r,g,b\nSky,1,2,3\nRoad,4,5,6\n",
        "name,r,g,b\r\nSky,1,2,3\r\nRoad,4,5,6\r\n",
        "name,r,g,b\rSky,1,2,3\rRoad,4,5,6\r",
        "\n\nname,r,g,b\n\nSky,1,2,3\nRoad,4,5,6\n\n \n,,,\n\n",
        "name,r,g,b\nSky,1.0,2.0,3\nRoad,4,5.00,6e0\n",
        "Name,R,G,B\nSky,1,2,3\nRoad,4,5,6\n",
        "b,g,r,comment,name\n3,2,1,blue,Sky\n6,5,4,gray,Road\n",
        'name,r,g,b\n"Sky",1,2,3\nRoad,"4",5,6\n',
        "name;r;g;b\r\nSky;1;2;3\r\nRoad;4;5;6\r\n;;;\r\n",
        b'\xef\xbb\xbf\n"name";"r";"g";"b"\n"Sky";"1";"2";"3"\nRoad; 4; 5; 6\n',
        "name\tr\tg\tb\nSky\t1\t2\t3\nRoad \t 4\t5\t6\n",
        "\t\t\t\nname\tr\tg\tb\tnote, long\nSky\t1\t2\t3\t,\nRoad\t4\t5\t6\t;\n",
    ],
)
def test_csv_is_read_however_it_is_written(read, content):
    classes = read(content)
    assert classes.class_names == ["Sky", "Road"]
    assert classes.label_values.dtype == np.uint8 and classes.label_values.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert classes.num_classes == 2


def test_names_may_be_of_any_alphabet_and_have_spaces_and_commas(read):
    classes = read('name,r,g,b\nStraßenbahn 路,1,2,3\n"Road, paved",4,5,6\n')
    assert classes.class_names == ["Straßenbahn 路", "Road, paved"]
    assert read("name,r,g,b\nRoad; paved,1,2,3\nSky;,4,5,6\n").class_names == ["Road; paved", "Sky;"]
    assert read("name;r;g;b\nRoad, paved;1;2;3\nSky,;4;5;6\n").class_names == ["Road, paved", "Sky,"]


@pytest.mark.parametrize(
    "content, line, words",
    [
        ("name,r,g\nSky,1,2\nRoad,3,4\n", 1, ["'b'", "name,r,g,b"]),
        ("Sky,1,2,3\nRoad,4,5,6\n", 1, ["'name'"]),
        ("name|r|g|b\nSky|1|2|3\n", 1, ["'name'", "'name|r|g|b'"]),
        ("name;r;b\nSky;1;2\n", 1, ["'g'", "'name;r;b'"]),
        ("name;r;g;b\nSky;1;2;3\nRoad,4,5,6\n", 3, ["1 columns", "4"]),
        ("name,r,g,b\nSky,1,2,3\n\nRoad,4,x5,6\n", 4, ["'x5'", "not a number"]),
        ("name,r,g,b\nSky,1,2,\nRoad,4,5,6\n", 2, ["''", "not a number"]),
        ("name,r,g,b\nSky,1,2,256\nRoad,4,5,6\n", 2, ["256", "0 to 255"]),
        ("name,r,g,b\nSky,1,2,3\nRoad,-1,5,6\n", 3, ["-1", "0 to 255"]),
        ("name,r,g,b\nSky,1,2,3\nRoad,4.5,5,6\n", 3, ["4.5", "whole number"]),
        ("name,r,r,g,b\nSky,1,2,3,4\nRoad,4,5,6,7\n", 1, ["'r' twice"]),
        ('name,r,g,b\n"S\nky",1,2,3\nRoad,4,5,6\n', 3, ["'S ky' has control characters"]),
        (f"name,r,g,b\n{'x' * 5000},1,2,3\nRoad,4,5,6\n", 2, ["xxx...' has 5000 characters"]),
        (f"name,r,g,b\nSky,1,2,{'x' * 5000}\nRoad,4,5,6\n", 2, ["xxx...' is not a number"]),
        ("name,r,g,b\nSky,1,2,nan\nRoad,4,5,6\n", 2, ["nan"]),
        ("name,r,g,b\nSky,1,2,inf\nRoad,4,5,6\n", 2, ["inf"]),
        ("name,r,g,b\nSky,1,2,3\nRoad,4,5,6\nSky,7,8,9\n", 4, ["'Sky'", "line 2"]),
        ("name,r,g,b\nSky,1,2,3\nRoad,4,5,6\n\nCar,1,2,3.0\n", 5, ["(1, 2, 3)", "line 2"]),
        ("name,r,g,b\nSky,1,2,3\nRoad,4,5\n", 3, ["3 columns", "4"]),
        ("name,r,g,b\nSky,1,2,3\n,4,5,6\n", 3, ["no name"]),
        ("name,r,g,b\nSky,1,2,3\n", None, ["one class, 'Sky'", "background,0,0,0"]),
        ("name,r,g,b\n", None, ["is 0", "from 2"]),
        ("name,r,g,b\n" + "".join(f"c{i},0,0,{i}\n" for i in range(255)), None, ["255", "254"]),
        ("", None, ["empty", "name,r,g,b"]),
        ("\n \n", None, ["empty"]),
        (b"name,r,g,b\nStra\xdfe,1,2,3\nRoad,4,5,6\n", None, ["cannot read"]),
        ("name,r,g,b\nSky,1,2," + "9" * 200_000, None, ["cannot read"]),
    ],
)
def test_errors_name_file_line_and_finding(read, tmp_path, content, line, words):
    with pytest.raises(UsageError) as error:
        read(content)
    message = str(error.value)
    assert str(tmp_path / "class_dict.csv") in message
    assert all(word in message for word in words)
    assert line is None or f"class_dict.csv, line {line}:" in message


def test_most_classes(read):
    classes = read("name,r,g,b\n" + "".join(f"c{i},0,{i},7\n" for i in range(254)))
    indices = np.arange(254, dtype=np.uint8)[None]
    assert np.array_equal(classes.encode(classes.decode(indices)), indices)
    assert np.array_equal(classes.encode_indices(indices), indices)


@pytest.mark.parametrize("path", ["missing.csv", "."])
def test_missing_file_is_named(tmp_path, path):
    with pytest.raises(UsageError, match="cannot read") as error:
        ClassDict.from_csv(tmp_path / path)
    assert str(tmp_path / path) in str(error.value)
