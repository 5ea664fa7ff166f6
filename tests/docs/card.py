"""Parts of the pages generated from the card of the shipped network."""

from __future__ import annotations

from typing import Any

from cli.output.printing import Value
from network.card import shipped_card
from tests.docs.markdown import table


def network() -> str:
    """Return the figures of the shipped network's card."""
    card = shipped_card()
    metrics = card.card["metrics"]
    landmarks = [
        (
            name,
            figures["cases"],
            f"{figures['mean']:.2f} [{figures['low']:.2f}, {figures['high']:.2f}]",
            f"{figures['median']:.2f}",
            f"{figures['p95']:.2f}",
            " / ".join(f"{100 * share:.0f}" for share in figures["buckets"].values()) + " %",
        )
        for name, figures in metrics["landmarks"].items()
    ]
    index = [
        (
            name,
            figures["cases"],
            f"{figures['mean_absolute']:.4f} [{figures['low']:.4f}, {figures['high']:.4f}]",
            f"{figures['bias']:+.4f}",
            f"{figures['sd']:.4f}",
            f"{100 * figures['sensitivity']:.0f} / {100 * figures['specificity']:.0f} %",
        )
        for name, figures in metrics["ict"].items()
    ]
    headings = ("set", "cases", "mean error, px of a 224 frame [95 %]", "median", "p95")
    buckets = "excellent / very good / good / review"
    agreement = ("set", "cases", "mean absolute error [95 %]", "bias", "sd")
    return (
        f"The shipped network is `{card.version}`.\n\n"
        + table((*headings, buckets), landmarks)
        + "\n"
        + table((*agreement, "sensitivity / specificity at 0.50"), index)
    )


#: Published interobserver differences; the README names the two papers.
OBSERVERS_LANDMARKS = "4.0 to 4.9 px [1]"
OBSERVERS_ICT = "about 0.011 [2]"


def accuracy() -> str:
    """Return the main metrics of the shipped network, with those of two observers."""
    metrics = shipped_card().card["metrics"]
    rows: list[tuple[Value, ...]] = []
    for name, figures in metrics["landmarks"].items():
        error = f"{figures['mean']:.2f} px [{figures['low']:.2f}, {figures['high']:.2f}]"
        rows.append(("landmarks, mean error", name, figures["cases"], error, OBSERVERS_LANDMARKS))
    for name, figures in metrics["ict"].items():
        low, high = figures["intervals"]["sd"]
        error = f"{figures['sd']:.3f} [{low:.3f}, {high:.3f}]"
        rows.append(("ICT, sd of the difference", name, figures["cases"], error, OBSERVERS_ICT))
    headings = ("what", "on", "radiographs", "thoraq [95 %]", "two people differ by")
    return table(headings, rows)


def share(figures: dict[str, Any]) -> str:
    """Return a share of cases with its interval."""
    bounds = f"[{100 * figures['low']:.0f}, {100 * figures['high']:.0f}]"
    return f"{100 * figures['share']:.0f} % {bounds}"


def details() -> str:
    """Return landmark errors by category and by landmark."""
    tables = []
    for name, figures in shipped_card().card["metrics"]["landmarks"].items():
        categories = [
            (
                each,
                stated["cases"],
                f"{stated['mean']:.2f} [{stated['low']:.2f}, {stated['high']:.2f}]",
            )
            for each, stated in figures["by_category"].items()
        ]
        landmarks = [
            (each, f"{mean:.2f} [{low:.2f}, {high:.2f}]")
            for each, mean in figures["by_landmark"].items()
            for low, high in [figures["intervals"][each]]
        ]
        headings = (name, "cases", "mean error, px of a 224 frame [95 %]")
        tables += [table(headings, categories), table((name, headings[-1]), landmarks)]
    return "\n".join(tables)


def coverage() -> str:
    """Return the coverage of intervals and bounds."""
    metrics = shipped_card().card["metrics"]
    index = "ICT inside its 95 % interval"
    error = "landmark error under its upper 90 % bound"
    rows: list[tuple[Value, ...]] = []
    for name, stated in metrics["ict_covered"].items():
        rows.append((index, name, stated["cases"], share(stated)))
    for name, figures in metrics["reliability"].items():
        rows.append((error, name, figures["covered"]["cases"], share(figures["covered"])))
        rows.append(
            (
                "in the bucket of its true error",
                name,
                figures["equal"]["cases"],
                share(figures["equal"]),
            )
        )
        missed = figures["review_missed"]
        rows.append(
            (
                "not in review, though the true error is 15 px or more",
                name,
                missed["cases"],
                share(missed),
            )
        )
    return table(("what", "on", "cases", "share [95 %]"), rows)


def limits() -> str:
    """Return the card's limits as a list."""
    return "".join(f"- {each}\n" for each in shipped_card().card["limits"])


def data() -> str:
    """Return the collections, their splits and what each was used for."""
    rows = [
        (
            f"`{name}`",
            stated["what"],
            ", ".join(f"{split} {count}" for split, count in sorted(stated["splits"].items())),
            stated["used_for"],
        )
        for name, stated in shipped_card().card["data"].items()
    ]
    return table(("collection", "what", "radiographs", "used for"), rows)
