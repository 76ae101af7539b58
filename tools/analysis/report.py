"""The report of a dataset: one HTML file with everything in it, a summary for the console, and values for JSON."""

import base64
import collections
import html
import textwrap

import numpy as np

from tools.analysis.pictures import rare_classes, shares_chart, side_by_side

SHOWN = 20  # faults of a kind before the rest is folded; near duplicates listed
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1100px; margin: 2em auto; padding: 0 1em; color: #222; }
h1 { margin-bottom: 0; } h2 { margin: 2em 0 .5em; border-bottom: 1px solid #ccc; }
table { border-collapse: collapse; } th, td { padding: .15em .8em; text-align: right; border-bottom: 1px solid #eee; }
th { background: #f4f4f4; position: sticky; top: 0; } th:first-child, td:first-child { text-align: left; }
.swatch { display: inline-block; width: 1em; height: 1em; margin-right: .5em; border: 1px solid #999;
  vertical-align: -.15em; }
.zero { color: #b00; } .good { color: #272; } .bad { color: #b00; }
figure { display: inline-block; margin: 0 1em 1em 0; vertical-align: top; } figcaption { font-size: 13px; }
img { max-width: 100%; } li { overflow-wrap: anywhere; }
"""


def summary(analysis):
    """A few lines for the console."""
    lines = [f"{analysis.name}: {counts_of(analysis)}, sizes {sizes_text(analysis)}"]
    if analysis.classes:
        lines.append(f"  {analysis.classes.num_classes} classes, {ignored_text(analysis)}")
        total = sum((analysis.pixels(split) for split in analysis.splits), np.zeros(len(analysis.weights)))
        names = analysis.classes.class_names
        rarest = [index for index in np.argsort(total, kind="stable") if total[index]][:5]
        shares = [f"{names[index]} {100 * total[index] / total.sum():.2g} %" for index in rarest]
        lines.append(f"  rarest: {', '.join(shares) or 'no labels'}")
    kinds = collections.Counter(kind for kind, _ in analysis.faults)
    found = ", ".join(f"{number} {kind}" for kind, number in kinds.items())
    lines.append(f"  faults: {found or 'none'}")
    if analysis.near is not None:
        lines.append(f"  near duplicates across splits: {len(analysis.near)} pairs")
    lines += ["  " + textwrap.shorten(f"note: {note}", 116, placeholder=" ...") for note in analysis.notes]
    return "\n".join(lines)


def values(analysis):
    """Everything as a dict for JSON."""
    names = analysis.classes.class_names if analysis.classes else []
    splits = {}
    for split in analysis.splits:
        seen = analysis.of_split(split)
        splits[split] = {
            "images": len(seen),
            "ignored_pixels": sum(one.ignored for one in seen),
            "unknown_pixels": sum(sum(one.unknown.values()) for one in seen),
            "class_pixels": dict(zip(names, analysis.pixels(split).tolist())),
            "class_images": dict(zip(names, analysis.images(split).tolist())),
            "sizes": {f"{width}x{height}": number for (height, width), number in sizes_of(seen).most_common()},
        }
    unknown = {str(one.pair.label): one.unknown for one in analysis.seen if one.unknown}
    near = None
    if analysis.near is not None:
        near = [[bits, str(one.pair.image), str(other.pair.image)] for bits, one, other in analysis.near]
    return {
        "dataset": analysis.name,
        "classes": names,
        "splits": splits,
        "median_frequency_weights": {name: round(float(weight), 6) for name, weight in zip(names, analysis.weights)},
        "unknown_colors": unknown,
        "near_duplicates": near,
        "notes": analysis.notes,
        "faults": [{"kind": kind, "what": text} for kind, text in analysis.faults],
    }


def page(analysis, pictures):
    """The report.

    Args:
        analysis: `tools.analysis.collect.Analysis`.
        pictures: int, rare classes to show.

    Returns:
        str, HTML without any other file.
    """
    parts = [f"<h1>{_text(analysis.name)}</h1>", f"<p>{_text(counts_of(analysis))}</p>", faults_part(analysis)]
    if analysis.notes:
        parts.append("<h2>Worth knowing</h2>" + _list(analysis.notes))
    if analysis.classes and analysis.splits:
        parts += ["<h2>Classes</h2>", class_table(analysis), f"<p>{_image(shares_chart(analysis))}</p>"]
    parts.append(sizes_part(analysis))
    if analysis.near is not None:
        parts.append(near_part(analysis))
    if analysis.classes and analysis.splits and pictures:
        shown = rare_classes(analysis, pictures)
        figures = [_figure(data, f"<b>{_text(name)}</b><br>{_text(text)}") for name, text, data in shown]
        parts += ["<h2>The rarest classes, each where it is largest</h2>", *figures]
    head = f'<meta charset="utf-8"><title>{_text(analysis.name)}</title><style>{STYLE}</style>'
    return f"<!DOCTYPE html><html><head>{head}</head><body>{''.join(parts)}</body></html>\n"


def counts_of(analysis):
    """Such as `367 train, 101 val, 233 test images`."""
    counts = ", ".join(f"{len(analysis.of_split(split))} {split}" for split in analysis.splits)
    return f"{counts or 'no'} images"


def sizes_of(seen):
    """`collections.Counter` of `(height, width)`."""
    return collections.Counter(one.size for one in seen if one.size)


def sizes_text(analysis):
    """One size, or the smallest and the largest by area."""
    sizes = sorted(sizes_of(analysis.seen), key=lambda size: (size[0] * size[1], size))
    return " to ".join(f"{width}x{height}" for height, width in dict.fromkeys([*sizes[:1], *sizes[-1:]])) or "unknown"


def ignored_text(analysis):
    """The shares of pixels that do not count."""
    ignored = sum(one.ignored for one in analysis.seen)
    unknown = [sum(one.unknown.values()) for one in analysis.seen if one.unknown]
    total = sum(int(one.pixels.sum()) for one in analysis.seen) + ignored + sum(unknown)
    text = f"{100 * ignored / max(total, 1):.2f} % of the pixels ignored"
    if unknown:
        text += f", {100 * sum(unknown) / total:.2f} % of unknown colors, in {len(unknown)} files"
    return text


def faults_part(analysis):
    """All faults by kind; many are folded."""
    if not analysis.faults:
        return '<h2>Faults</h2><p class="good">None: every file is readable and paired, every color is a class.</p>'
    kinds = collections.defaultdict(list)
    for kind, text in analysis.faults:
        kinds[kind].append(text)
    parts = [f'<h2 class="bad">Faults: {len(analysis.faults)}</h2>']
    for kind, texts in kinds.items():
        parts.append(f"<h3>{_text(kind.capitalize())}: {len(texts)}</h3>{_list(texts[:SHOWN])}")
        if texts[SHOWN:]:
            parts.append(f"<details><summary>{len(texts) - SHOWN} more</summary>{_list(texts[SHOWN:])}</details>")
    return "".join(parts)


def class_table(analysis):
    """Pixels, images and weights of each class."""
    splits = analysis.splits
    pixels, images = ({split: of(split) for split in splits} for of in (analysis.pixels, analysis.images))
    head = "".join(f"<th>{split}: % of pixels</th><th>images</th>" for split in splits)
    rows = []
    for index, name in enumerate(analysis.classes.class_names):
        color = "#{:02x}{:02x}{:02x}".format(*analysis.classes.label_values[index].tolist())
        cells = [f'<td><span class="swatch" style="background:{color}"></span>{_text(name)}</td>']
        for split in splits:
            share = 100 * pixels[split][index] / max(pixels[split].sum(), 1)
            zero = "" if pixels[split][index] else ' class="zero"'
            cells.append(f"<td{zero}>{share:.3f}</td><td{zero}>{images[split][index]}</td>")
        rows.append(f"<tr>{''.join(cells)}<td>{analysis.weights[index]:.3g}</td></tr>")
    note = "Shares are of the pixels that count. Weight: median frequency balancing over train (--class_balancing)."
    return (
        f"<p>{_text(ignored_text(analysis))}. {_text(note)}</p>"
        f"<table><tr><th>class</th>{head}<th>weight</th></tr>{''.join(rows)}</table>"
    )


def sizes_part(analysis):
    """The sizes of the images, the commonest first."""
    rows = []
    for split in analysis.splits:
        sizes = sizes_of(analysis.of_split(split)).most_common()
        for (height, width), number in sizes[:10]:
            rows.append(f"<tr><td>{split}</td><td>{width}x{height}</td><td>{number}</td></tr>")
        if sizes[10:]:
            rows.append(f"<tr><td>{split}</td><td>{len(sizes) - 10} others</td><td></td></tr>")
    return f"<h2>Sizes</h2><table><tr><th>split</th><th>size</th><th>images</th></tr>{''.join(rows)}</table>"


def near_part(analysis):
    """Images of different splits that look alike, with pictures of the nearest."""
    parts = [
        f"<h2>Near duplicates across splits: {len(analysis.near)} pairs</h2>"
        "<p>By a difference hash of 64 bits of the brightness: candidates to look at, not proofs. Frames of one video "
        "often are; tools/split_dataset.py --group keeps them together.</p>"
    ]
    for number, (bits, one, other) in enumerate(analysis.near[:SHOWN]):
        text = f"{one.split}/{one.pair.image.name} and {other.split}/{other.pair.image.name}: {bits} bits differ"
        if number < 4:
            parts.append(_figure(side_by_side(one.pair.image, other.pair.image), _text(text)))
        else:
            parts.append(f"<br>{_text(text)}")
    return "".join(parts)


def _text(text):
    return html.escape(str(text))


def _list(texts):
    return f"<ul>{''.join(f'<li>{_text(text)}</li>' for text in texts)}</ul>"


def _image(data):
    return f'<img src="data:image/png;base64,{base64.b64encode(data).decode()}" alt="">'


def _figure(data, caption):
    return f"<figure>{_image(data)}<figcaption>{caption}</figcaption></figure>"
