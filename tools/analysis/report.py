"""Dataset report: a self-contained HTML page, a console summary, and values for JSON."""

import base64
import collections
import html
import textwrap

import numpy as np

from tools.analysis.figures import rare_classes, shares_chart, side_by_side
from utils.data.label_format import describe
from utils.text import short_percentage

SHOWN = 20  # problems of a kind before the rest is folded; near duplicates listed
DRAWN = 4  # near duplicates with images
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
    """Formats the main results for the console, in a few lines."""
    lines = [f"{analysis.name}: {counts_of(analysis)}, sizes {sizes_text(analysis)}"]
    if analysis.classes:
        lines.append(f"  {analysis.classes.num_classes} classes, {ignored_text(analysis)}")
        if analysis.label_kinds:
            lines.append(f"  labels: {describe(analysis.classes.readings, analysis.label_kinds)}")
        total = sum((analysis.pixels(split) for split in analysis.splits), np.zeros(len(analysis.weights)))
        names = analysis.classes.class_names
        rarest = [index for index in np.argsort(total, kind="stable") if total[index]][:5]
        shares = [f"{names[index]} {short_percentage(100 * total[index] / total.sum())} %" for index in rarest]
        lines.append(f"  rarest: {', '.join(shares) or 'no labels'}")
    kinds = collections.Counter(kind for kind, _ in analysis.problems)
    counts = ", ".join(f"{number} {kind}" for kind, number in kinds.items())
    lines.append(f"  problems: {counts or 'none'}")
    lines += [
        f"  {text}" for kind, text in analysis.problems if kind in ("classes", "labels")
    ]  # all else waits for them
    if analysis.near is not None:
        lines.append(f"  near duplicates across splits: {len(analysis.near)} pairs")
    lines += ["  " + textwrap.shorten(f"note: {note}", 116, placeholder=" ...") for note in analysis.notes]
    return "\n".join(lines)


def values(analysis):
    """Collects all results in a dict for JSON."""
    names = analysis.classes.class_names if analysis.classes else []
    splits = {}
    for split in analysis.splits:
        pairs = analysis.of_split(split)
        splits[split] = {
            "images": len(pairs),
            "ignored_pixels": sum(inspected.ignored for inspected in pairs),
            "unknown_pixels": sum(sum(inspected.unknown.values()) for inspected in pairs),
            "class_pixels": dict(zip(names, analysis.pixels(split).tolist())),
            "class_images": dict(zip(names, analysis.images(split).tolist())),
            "sizes": {f"{width}x{height}": number for (height, width), number in sizes_of(pairs).most_common()},
        }
    unknown = {str(inspected.pair.label): inspected.unknown for inspected in analysis.inspected if inspected.unknown}
    near = None
    if analysis.near is not None:
        near = [[bits, str(first.pair.image), str(second.pair.image)] for bits, first, second in analysis.near]
    return {
        "dataset": analysis.name,
        "classes": names,
        "splits": splits,
        "median_frequency_weights": {name: round(float(weight), 6) for name, weight in zip(names, analysis.weights)},
        "unknown_colors": unknown,
        "near_duplicates": near,
        "notes": analysis.notes,
        "faults": [{"kind": kind, "what": text} for kind, text in analysis.problems],
    }


def page(analysis, num_rare):
    """Builds the HTML report.

    Args:
        analysis: `tools.analysis.collect.Analysis`.
        num_rare: int, number of rare classes to draw.

    Returns:
        str, HTML with embedded images.
    """
    parts = [f"<h1>{_text(analysis.name)}</h1>", f"<p>{_text(counts_of(analysis))}</p>", problems_part(analysis)]
    if analysis.notes:
        parts.append("<h2>Notes</h2>" + _list(analysis.notes))
    if analysis.classes and analysis.splits:
        parts += ["<h2>Classes</h2>", class_table(analysis), f"<p>{_image(shares_chart(analysis))}</p>"]
    parts.append(sizes_part(analysis))
    if analysis.near is not None:
        parts.append(near_part(analysis))
    if analysis.classes and analysis.splits and num_rare:
        rare = rare_classes(analysis, num_rare)
        figures = [_figure(data, f"<b>{_text(name)}</b><br>{_text(text)}") for name, text, data in rare]
        parts += ["<h2>Rarest classes, each in the image with most of its pixels</h2>", *figures]
    head = f'<meta charset="utf-8"><title>{_text(analysis.name)}</title><style>{STYLE}</style>'
    return f"<!DOCTYPE html><html><head>{head}</head><body>{''.join(parts)}</body></html>\n"


def counts_of(analysis):
    """Formats the number of images, such as `367 train, 101 val, 233 test images`."""
    counts = ", ".join(f"{len(analysis.of_split(split))} {split}" for split in analysis.splits)
    return f"{counts or 'no'} images"


def sizes_of(pairs):
    """Counts the image sizes: `collections.Counter` of `(height, width)`."""
    return collections.Counter(inspected.size for inspected in pairs if inspected.size)


def sizes_text(analysis):
    """Formats the only size, or the smallest and the largest by area."""
    sizes = sorted(sizes_of(analysis.inspected), key=lambda size: (size[0] * size[1], size))
    return " to ".join(f"{width}x{height}" for height, width in dict.fromkeys([*sizes[:1], *sizes[-1:]])) or "unknown"


def ignored_text(analysis):
    """Formats the shares of ignored and of unknown pixels."""
    ignored = sum(inspected.ignored for inspected in analysis.inspected)
    unknown = [sum(inspected.unknown.values()) for inspected in analysis.inspected if inspected.unknown]
    total = sum(int(inspected.pixels.sum()) for inspected in analysis.inspected) + ignored + sum(unknown)
    text = f"{100 * ignored / max(total, 1):.2f} % of the pixels ignored"
    if unknown:
        text += f", {100 * sum(unknown) / total:.2f} % of unknown colors, in {len(unknown)} files"
    return text


def problems_part(analysis):
    """Section of all problems by kind; long lists are folded."""
    if not analysis.problems:
        return '<h2>Problems</h2><p class="good">None: every file is readable and paired, every color is a class.</p>'
    kinds = collections.defaultdict(list)
    for kind, text in analysis.problems:
        kinds[kind].append(text)
    parts = [f'<h2 class="bad">Problems: {len(analysis.problems)}</h2>']
    for kind, texts in kinds.items():
        parts.append(f"<h3>{_text(kind.capitalize())}: {len(texts)}</h3>{_list(texts[:SHOWN])}")
        if texts[SHOWN:]:
            parts.append(f"<details><summary>{len(texts) - SHOWN} more</summary>{_list(texts[SHOWN:])}</details>")
    return "".join(parts)


def class_table(analysis):
    """Table of the pixels, images and weights of each class."""
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
    note = "Shares are of the labeled pixels. Weight: median frequency balancing over train (--class_balancing)."
    return (
        f"<p>{_text(ignored_text(analysis))}. {_text(note)}</p>"
        f"<table><tr><th>class</th>{head}<th>weight</th></tr>{''.join(rows)}</table>"
    )


def sizes_part(analysis):
    """Table of the image sizes, the most frequent first."""
    rows = []
    for split in analysis.splits:
        sizes = sizes_of(analysis.of_split(split)).most_common()
        for (height, width), number in sizes[:10]:
            rows.append(f"<tr><td>{split}</td><td>{width}x{height}</td><td>{number}</td></tr>")
        if sizes[10:]:
            rows.append(f"<tr><td>{split}</td><td>{len(sizes) - 10} others</td><td></td></tr>")
    return f"<h2>Sizes</h2><table><tr><th>split</th><th>size</th><th>images</th></tr>{''.join(rows)}</table>"


def near_part(analysis):
    """Section of near duplicates, with images of the nearest."""
    parts = [
        f"<h2>Near duplicates across splits: {len(analysis.near)} pairs</h2>"
        "<p>Candidates by a 64-bit difference hash of the brightness. Frames of one video are often near duplicates; "
        "tools/split_dataset.py --group keeps them in one split.</p>"
    ]
    for number, (bits, first, second) in enumerate(analysis.near[:SHOWN]):
        text = f"{first.split}/{first.pair.image.name} and {second.split}/{second.pair.image.name}: {bits} bits differ"
        if number < DRAWN:
            parts.append(_figure(side_by_side(first.pair.image, second.pair.image, analysis.image_format), _text(text)))
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
