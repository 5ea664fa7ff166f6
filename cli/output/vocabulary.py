"""Every key of the JSON that commands print about the database, with its meaning.

One key means the same everywhere; keys of measurements are in `results.columns`. Below the keys in
``OPEN`` are names of the site's own, such as codes and batches.
"""

from __future__ import annotations

from types import MappingProxyType

#: What is called otherwise now: the former key is printed beside it for one version.
FORMER = MappingProxyType(
    {
        "queued": "waiting",
        "version": "model",
        "threshold": "ict_threshold",
        "threshold_before": "ict_threshold_before",
        "phase_name": "phase",
    }
)
#: Keys whose objects hold what is called by the site, or by the code that is counted.
OPEN = frozenset(
    {"buckets", "codes", "figures", "ict_rules", "loss_parts", "of_batches", "plan", "teachers"}
)

MEANINGS = MappingProxyType(
    {
        # batches and their ledger
        "batch": "the batch's name",
        "priority": "urgent or routine",
        "created_at": "when the batch or the training run was submitted",
        "paused": "whether the batch is paused",
        "paused_at": "since when it is paused",
        "seen": "files of the batch: all that follow, together",
        "measured": "files that were measured",
        "set_aside": "files that are no radiograph to measure, each with a code",
        "failed": "files that were not measured, each with a code",
        "duplicates": "files whose content was seen in another file of the batch",
        "cancelled": "files taken out of the queue",
        "waiting": "files that wait for a worker",
        "running": "files that a worker has",
        "balanced": "whether the parts add up to `seen`",
        "not_enlarged": "results below their threshold",
        "without_threshold": "results that no rule applied to",
        "ict_rules": "results by the rule that applied",
        "outdated": "results that today's settings would judge otherwise",
        "buckets": "results by bucket",
        "codes": "files by the code they ended with",
        "first_claimed_at": "when a worker took the first file",
        "last_settled_at": "when the last file ended",
        "absent": "what does not answer: scheduler, workers or broker",
        # one file
        "files": "of `show`: how each file of the study ended; of `forget`: how many go",
        "state": "how far the file, or the training run, is",
        "code": "why it was not measured, or the run failed",
        "detail": "what was found, in words",
        "attempts": "how often it was tried",
        "duplicate": "whether its content was seen in another file",
        "ended_at": "when it ended",
        "measurements": "of `show`: each measurement; of `forget`: how many go",
        "count": "of `--count`: how many there are",
        # networks
        "served": "whether new files are measured by it",
        "parent": "the network whose weights it started from",
        "landmark_cases": "radiographs that its landmarks were tested on",
        "landmark_error_px224": "mean error of its landmarks, px of a 224 frame",
        "ict_cases": "radiographs that its ICT was tested on",
        "ict_error": "mean absolute error of the ICT",
        "registered_at": "when it was registered",
        "radiographs": "of `models compare`: measured by both; of `forget`: how many go",
        "compared": "radiographs whose ICT both networks measured",
        "mean_change": "mean change of the ICT",
        "mean_absolute_change": "mean absolute change of the ICT",
        "largest_change": "largest change of the ICT",
        "crossed": "radiographs that are on the other side of their threshold now",
        # recompute
        "dry_run": "whether nothing was changed",
        "results": "measurements that were looked at",
        "changed": "those that changed",
        "filled": "those given measures that thoraq did not have when they were measured",
        "now_above": "those now above their threshold",
        "no_longer_above": "those no longer above it",
        "newly_compared": "results to which a rule applies now and none did",
        "no_longer_compared": "results to which a rule applied and none does now",
        "bucket_changed": "those in another bucket now",
        "labelled": "those whose bucket rests on the truth and was kept",
        # forget
        "failures": "refusals and lost workers that go",
        "batches": "batches that go whole",
        "handed_over": "jobs that go on as another batch's own",
        "of_batches": "files that go, by batch",
        "on_disk": "reports and pictures that go",
        "stays": "files on disk that stay, and why",
        # audit
        "at": "when it was asked for",
        "who": "user and machine",
        "action": "what was asked for",
        "subject": "of which batch, network or run",
        "what": "with which options",
        # doctor, db check
        "name": "what was checked",
        "ok": "whether it is sound",
        "found": "what was found",
        "repair": "how to repair it",
        "current": "revision of the database's schema",
        "head": "revision that this thoraq needs",
        "pending": "revisions between the two",
        "up_to_date": "whether the schema is the one that this thoraq needs",
        # training
        "run": "the training run's name",
        "phase": "name of the phase; in `phases` of `train status` its number for one version more",
        "number": "number of the phase",
        "ordinal": "place of the phase among those that ended",
        "step": "steps of the phase that are done",
        "steps": "steps of the phase",
        "epoch": "times the data was seen in the phase",
        "epochs": "times it is to be seen",
        "loss": "sum of the parts of the loss",
        "loss_parts": "each part of the loss",
        "error_px224": "error of the landmarks on the validation split, px of a 224 frame",
        "best_px224": "the smallest so far",
        "start_px224": "what the phase started from",
        "difference": "error less that of the start",
        "difference_low": "its 95 % interval, low",
        "difference_high": "its 95 % interval, high",
        "kept": "whether the weights were carried on",
        "reason": "why",
        "figures": "what else the phase's evaluation found",
        "learning_rate": "of the step",
        "seconds": "of work so far",
        "seconds_left": "until the phase ends, as it looks",
        "data": "folder of the data sets",
        "started_at": "when the run's first worker began",
        "start": "the network whose weights it starts from",
        "teachers": "networks that teach it",
        "plan": "the phases as they were asked for",
        "phases": "how each phase ended",
        # networks compared, results recomputed
        "ict_before": "ICT of the former network",
        "ict_after": "ICT of the newer network",
        "ict_threshold_before": "threshold that applied before",
        "enlarged_before": "whether the ICT was above it",
    }
)
