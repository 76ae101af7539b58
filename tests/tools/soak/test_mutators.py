import json
import random

import pytest

from tools.soak import mutators

SAMPLE = {"name": "a", "points": [[1, 2], [3.5, 4]], "size": {"width": 8}}


@pytest.mark.parametrize("mutate", (mutators.mutate_bytes, mutators.mutate_json, mutators.mutate_text))
def test_the_same_seed_makes_the_same_file_and_most_seeds_change_it(tmp_path, mutate):
    path, results = tmp_path / "a.json", []
    for seed in (*range(60), *range(60)):
        path.write_text(json.dumps(SAMPLE))
        mutate(path, random.Random(seed))
        results.append(path.read_bytes())
    assert results[:60] == results[60:]
    assert len(set(results)) > 20


def test_json_is_nested_deeper_than_python_recurses_and_keys_are_repeated():
    rng = random.Random(0)
    with pytest.raises((RecursionError, json.JSONDecodeError)):
        json.loads(mutators.nest_json("[1]", rng))
    repeated = mutators.repeat_key('{"a": 1}', rng)
    assert repeated.count('"a":') == 2
