"""One self-contained folder of a run: report.md, results.json and the pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .peers import peer_tables
from .plots import draw_all
from .results import Results
from .tables import all_tables

DISTURBED = 0.05  # of the processor time


def write_report(results: Results, folder: Path) -> list[Path]:
    """Write the folder and return the files that were written, the report first."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures = {}
    try:
        pictures = draw_all(results, folder)
    except ImportError as error:  # matplotlib is not installed
        results.skipped["pictures"] = str(error)
    results.save(folder / "results.json")
    parts = ["# Benchmarks", *headline(results)]
    parts += [f"![{caption}]({name})\n\n{caption}" for name, caption in pictures.items()]
    parts += [table.markdown() for table in [*peer_tables(results), *all_tables(results)]]
    (folder / "report.md").write_text("\n\n".join(parts) + "\n")
    return [folder / "report.md", folder / "results.json", *(folder / name for name in pictures)]


def headline(results: Results) -> list[str]:
    """What was measured on and with what, and what could not be measured."""
    facts = results.facts
    lines = [f"Measured {facts['date']} on {named_devices(facts)} ({facts['system']}; Python {facts['python']}, "
             + ", ".join(f"{name} {version}" for name, version in facts["versions"].items()) + ")."]
    if facts.get("cuda"):
        lines.append(f"CUDA driver {facts['cuda']['driver']}, runtime {facts['cuda']['runtime']}.")
    if facts.get("environment"):
        lines.append("Environment: " + ", ".join(f"{name}={value}" for name, value in facts["environment"].items()))
    lines += [f"Skipped: {what}: {reason}" for what, reason in results.skipped.items()]
    others = facts.get("cpu_used_by_others")
    if others is not None and others > DISTURBED:
        lines.append(f"Other processes used {others:.0%} of the processor time during this run. Code that uses all "
                     f"cores waits for its slowest thread, so above all its times are too long: measure again on a "
                     f"quiet machine before relying on them.")
    return lines


def named_devices(facts: dict[str, Any]) -> str:
    return "; ".join(f"{device}: {description}" for device, description in facts["devices"].items())
