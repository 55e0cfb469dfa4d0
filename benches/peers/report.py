"""Medians, ratios, and which goal holds."""

import statistics

MIB = 1 << 20
CELLS = {
    "image first": "image, first copy",
    "image changed": "image, 2 % changed",
    "image verify": "image, full verify",
    "image restore": "image, full restore",
    "random first": "1 GiB random, first copy",
    "files first": "small files, first copy",
    "files unchanged": "small files, unchanged",
    "files restore": "small files, restore",
}

# The cell, the peer, what is compared, and the most that it may be of the peer's.
GOALS = (
    ("image first", "rustic", "wall", 0.35),
    ("image first", "rustic", "sent", 1.25),
    ("image first", "s5cmd", "wall", 0.8),
    ("image changed", "rustic", "wall", 0.25),
    ("image changed", "rustic", "sent", 0.5),
    ("image changed", "s5cmd", "wall", 0.3),
    ("image verify", "rustic", "wall", 0.5),
    ("image restore", "rustic", "wall", 0.4),
    ("image restore", "rustic", "cpu", 0.4),
    ("image restore", "s5cmd", "wall", 0.7),
    ("image restore", "s5cmd", "cpu", 0.7),
    ("random first", "rustic", "wall", 0.3),
    ("random first", "s5cmd", "wall", 1.0),
    ("files first", "rustic", "wall", 0.4),
    ("files first", "s5cmd", "wall", 0.2),
    ("files unchanged", "rustic", "wall", 0.4),
    ("files restore", "rustic", "wall", 0.5),
    ("files restore", "s5cmd", "wall", 0.35),
)
MOST_MIB = 200
WORDS = {"wall": "wall time", "sent": "bytes sent", "cpu": "CPU seconds"}


def medians(runs):
    """By cell and tool."""
    found = {}
    for one in runs:
        found.setdefault((one["cell"], one["tool"]), []).append(one)
    middle = {}
    for place, many in found.items():
        of = {key: statistics.median(run[key] for run in many) for key in ("wall", "cpu", "server_cpu")}
        of["peak_mib"] = max(run["peak_mib"] for run in many)
        of["walls"] = [round(run["wall"], 2) for run in many]
        if all("sent" in run for run in many):
            of["sent"] = statistics.median(run["sent"] for run in many)
            of["requests"] = many[-1]["requests"]
        middle[place] = of
    return middle


def number(value):
    return f"{value:.2f}" if value < 1 else f"{value:.1f}"


def table(middle, tools):
    """Seconds, CPU seconds, MiB sent and peak MiB of each tool in each cell."""
    lines = ["| cell | " + " | ".join(tools) + " |", "|---|" + "---|" * len(tools)]
    for cell, label in CELLS.items():
        row = []
        for tool in tools:
            of = middle.get((cell, tool))
            if of is None:
                row.append("–")
                continue
            parts = [number(of["wall"]), number(of["cpu"])]
            if "sent" in of:
                parts.append(f"{of['sent'] / MIB:,.0f}" if of["sent"] >= 10 * MIB else f"{of['sent'] / MIB:.1f}")
            parts.append(f"{of['peak_mib']:,.0f}")
            row.append(" / ".join(parts))
        if any(text != "–" for text in row):
            lines.append(f"| {label} | " + " | ".join(row) + " |")
    return lines


def goals(middle):
    """Each goal, what was measured, and whether it holds."""
    lines = ["| goal | measured | holds |", "|---|---|---|"]
    for cell, peer, key, most in GOALS:
        ours, theirs = middle.get((cell, "outlive")), middle.get((cell, peer))
        if not ours or not theirs or key not in ours or not theirs.get(key):
            continue
        ratio = ours[key] / theirs[key]
        told = "yes" if ratio <= most else "**no**"
        lines.append(f"| {CELLS[cell]}: {WORDS[key]} ≤ {most} × {peer} | {ratio:.2f} | {told} |")
    peaks = [of["peak_mib"] for (_, tool), of in middle.items() if tool == "outlive"]
    if peaks:
        told = "yes" if max(peaks) <= MOST_MIB else "**no**"
        lines.append(f"| peak memory ≤ {MOST_MIB} MiB | {max(peaks):.0f} MiB | {told} |")
    return lines


def text(results):
    """The whole report."""
    tools, data = results["tools"], results["data"]
    lines = [results["machine"], ", ".join(results["versions"].values())]
    lines.append(
        f"image of {data['image_mib']} MiB, {data['changed_blocks_percent']} % of its blocks changed; "
        f"{data['random_mib']} MiB random; {data['files']:,} files of together {data['files_mib']} MiB"
    )
    for store, runs in results["runs"].items():
        middle = medians(runs)
        rounds = max((len(of["walls"]) for of in middle.values()), default=0)
        has_counts = any("sent" in of for of in middle.values())
        what = "seconds / CPU seconds / MiB sent / peak MiB" if has_counts else "seconds / CPU seconds / peak MiB"
        lines += ["", f"Store: {store}. Medians of {rounds}, {what}:", "", *table(middle, tools), "", *goals(middle)]
    return "\n".join(lines)
