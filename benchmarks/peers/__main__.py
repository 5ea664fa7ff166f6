"""Compare thoraq with its peers, in turn, on the same files and with the same network.

Every engine reads by the same functions as thoraq, predicts with the same weights and test-time
flip, measures, and writes one row per file. A peer is warmed up before its clock starts: each of
its workers has measured some files. Its time is from the first file taken by a worker to the last
row written; thoraq's is from the first claim to the last result stored in its database, without
warming up.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.archives import Kind, link_archive, write_archives
from benchmarks.peers.peer import PEERS, Peer
from benchmarks.peers.runs import Run, run_peer, run_thoraq
from benchmarks.peers.table import AGREEMENT, THORAQ, apart_from, machine, table
from scheduler.cores import usable_cores

_COUNT = 800


def compare(archive: Path, rounds: int, peers: Sequence[Peer], cores: int) -> list[str]:
    """Run everything in turn; return the table. Raises PeerFailed, ValueError."""
    runs: dict[str, list[Run] | None] = {THORAQ: []}
    for peer in peers:
        runs[peer.title] = None if peer.version is None else []
    for turn in range(rounds):
        order = [None, *(peer for peer in peers if peer.version is not None)]
        first = turn % len(order)  # so that no engine always follows the same one
        for peer in order[first:] + order[:first]:
            name = peer.title if peer else THORAQ
            with tempfile.TemporaryDirectory(prefix="thoraq-peers-") as place:
                if peer is None:
                    run = run_thoraq(archive, Path(place))
                else:
                    run = run_peer(peer.module, archive, Path(place), cores)
            times = f"{run.seconds:.1f} s of {run.whole_seconds:.1f} s"
            show_progress(f"round {turn + 1}: {name}: {times}")
            done = runs[name]
            if done is not None:
                done.append(run)
        check(runs, turn)
    return list(table(runs, sum(1 for _ in archive.iterdir())))


def check(runs: dict[str, list[Run] | None], turn: int) -> None:
    """Check that all engines measured the same. Raises ValueError."""
    [ours] = [done[turn] for name, done in runs.items() if name == THORAQ and done]
    for name, done in runs.items():
        if done and (apart := apart_from(ours, done[turn])) > AGREEMENT:
            raise ValueError(f"an ICT of {name} differs by {apart}")


def show_progress(line: str) -> None:
    """Show progress."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def main() -> None:
    """Print a table per archive."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="files to measure; default: synthetic")
    parser.add_argument("--count", type=int, help=f"files at most [synthetic archive: {_COUNT}]")
    parser.add_argument(
        "--kind",
        nargs="+",
        type=Kind,
        choices=[each.value for each in Kind],
        default=[Kind.MIXED],
        help="synthetic archives, a table each [mixed]",
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--only", nargs="+", choices=[peer.module for peer in PEERS], help="only these peers"
    )
    asked = parser.parse_args()
    cores = usable_cores()
    peers = [peer for peer in PEERS if not asked.only or peer.module in asked.only]
    with tempfile.TemporaryDirectory(prefix="thoraq-peers-") as place:
        if asked.folder:
            link_archive(asked.folder, Path(place) / "files", asked.count)
        else:
            write_archives(Path(place), asked.count or _COUNT, asked.kind, cores)
        for archive in sorted(Path(place).iterdir()):
            tables = compare(archive, asked.rounds, peers, cores)
            count = sum(1 for _ in archive.iterdir())
            print(f"\n{count} {archive.name}, {asked.rounds} rounds, {machine(cores)}\n")  # noqa: T201
            print("\n".join(tables))  # noqa: T201


if __name__ == "__main__":
    main()
