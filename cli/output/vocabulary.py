"""Every key of the JSON that commands print, with its meaning.

A key has the same meaning everywhere; keys of measurements are in `results.columns`. Objects under
the keys in ``OPEN`` have variable keys, such as codes and batches. ``MEANINGS`` covers commands
that read the database, ``OF_MACHINE`` and ``OF_IMAGES`` the additional keys of other commands.
"""

from __future__ import annotations

from types import MappingProxyType

#: Renamed keys: the former key is still printed for one version.
FORMER = MappingProxyType(
    {
        "queued": "waiting",
        "version": "model",
        "threshold": "ict_threshold",
        "threshold_before": "ict_threshold_before",
        "phase_name": "phase",
        "films": "radiographs",
        "core_ms_a_file": "core_ms_per_file",
        "files_a_core_s": "files_per_core_s",
    }
)
#: Keys that one command calls otherwise now; elsewhere the former key has a meaning of its own.
FORMER_OF = MappingProxyType(
    {
        "evaluate": MappingProxyType(
            {
                "model": "evaluated_model",
                "ict": "ict_agreement",
                "enlarged": "enlarged_recognised",
                "not_enlarged": "others_recognised",
            }
        ),
        "dataset explore": MappingProxyType(
            {"asymmetry": "asymmetry_of_pairs", "enlarged": "enlarged_share"}
        ),
    }
)
#: Keys whose objects have variable keys.
OPEN = frozenset(
    {
        *("buckets", "codes", "confusion", "cpu_time", "figures", "ict_rules", "intervals"),
        *("by_landmark", "loss_parts", "of_batches", "plan", "teachers"),
    }
)
#: Keys whose objects contain one object per set, category or pair, with keys of this table.
NAMED = frozenset(
    {
        *("asymmetry_by_pair", "by_category", "consistency", "ict", "ict_agreement"),
        *("ict_covered", "landmarks", "length_by_pair", "refused", "reliability"),
    }
)

MEANINGS = MappingProxyType(
    {
        # batches and their ledger
        "batch": "the batch's name",
        "priority": "urgent or routine",
        "created_at": "when the batch or the training run was submitted",
        "paused": "whether the batch is paused",
        "paused_at": "since when it is paused",
        "seen": "files of the batch: the sum of the following counts",
        "measured": "files that were measured",
        "set_aside": "files that are not measurable radiographs, each with a code",
        "failed": "files that were not measured, each with a code",
        "duplicates": "files with the same content as another file of the batch",
        "cancelled": "files removed from the queue",
        "waiting": "files that wait for a worker",
        "running": "files that a worker holds",
        "balanced": "whether the counts add up to `seen`",
        "not_enlarged": "results below their threshold",
        "without_threshold": "results to which no rule applied",
        "ict_rules": "results by the rule that applied",
        "outdated": "results that the current settings would change",
        "buckets": "results by bucket",
        "codes": "files by the code they ended with",
        "first_claimed_at": "when a worker took the first file",
        "last_settled_at": "when the last file ended",
        "absent": "which of scheduler, workers and broker do not answer",
        # one file
        "files": "in `show`: the outcome of each file of the study; in `forget`: number deleted; in"
        " `bench`: number measured",
        "state": "state of the file or the training run",
        "code": "code of the reason why it was not measured, or why the run failed",
        "detail": "the reason in words",
        "attempts": "number of attempts",
        "duplicate": "whether another file has the same content",
        "ended_at": "when it ended",
        "measurements": "in `show`: the measurements; in `forget`: number deleted",
        "count": "with `--count`: number of rows",
        # networks
        "served": "whether it measures new files",
        "parent": "the network whose weights it started from",
        "landmark_cases": "radiographs on which its landmarks were tested",
        "landmark_error_px224": "mean error of its landmarks, px of a 224 frame",
        "ict_cases": "radiographs on which its ICT was tested",
        "ict_error": "mean absolute error of the ICT",
        "registered_at": "when it was registered",
        "radiographs": "in `models compare`: number measured by both; in `forget`: number deleted;"
        " in `dataset`: number of radiographs",
        "compared": "radiographs whose ICT both networks measured",
        "mean_change": "mean change of the ICT",
        "mean_absolute_change": "mean absolute change of the ICT",
        "largest_change": "largest change of the ICT",
        "crossed": "radiographs that crossed their threshold",
        # recompute
        "dry_run": "whether nothing was changed",
        "results": "measurements that were examined",
        "changed": "results that changed",
        "filled": "results that were given missing measures",
        "now_above": "results now above their threshold",
        "no_longer_above": "results no longer above their threshold",
        "newly_compared": "results to which a rule applies now but did not before",
        "no_longer_compared": "results to which a rule no longer applies",
        "bucket_changed": "results whose bucket changed",
        "labelled": "results whose bucket comes from annotations and was kept",
        # forget
        "failures": "failures deleted",
        "batches": "batches deleted completely",
        "handed_over": "jobs that remain as jobs of another batch",
        "of_batches": "files deleted, by batch",
        "on_disk": "reports and pictures deleted",
        "stays": "files on disk that are kept, and why",
        # audit
        "at": "when it was requested",
        "who": "user and machine",
        "action": "what was requested",
        "subject": "the batch, network or run",
        "what": "the options",
        # doctor, db check
        "name": "what was checked; in `health`: the name of the process",
        "ok": "whether the check passed; null if it could not be made",
        "found": "what was found",
        "repair": "how to repair it",
        "current": "revision of the database's schema",
        "head": "revision that this version needs",
        "pending": "revisions between the two",
        "up_to_date": "whether the schema is the one that this version needs",
        # training
        "run": "the training run's name",
        "phase": "name of the phase; in `phases` of `train status` still its number",
        "number": "number of the phase",
        "ordinal": "position of the phase among those that ended",
        "step": "completed steps of the phase",
        "steps": "steps of the phase",
        "epoch": "completed epochs of the phase",
        "epochs": "epochs of the phase",
        "loss": "sum of the parts of the loss",
        "loss_parts": "each part of the loss",
        "error_px224": "error of the landmarks on the validation split, px of a 224 frame",
        "best_px224": "the smallest error so far",
        "start_px224": "the error at the start of the phase",
        "difference": "error minus the error at the start",
        "difference_low": "its 95 % interval, low",
        "difference_high": "its 95 % interval, high",
        "kept": "whether the phase's weights were kept",
        "reason": "why",
        "figures": "other figures of the phase's evaluation",
        "learning_rate": "learning rate of the step",
        "seconds": "working time so far",
        "seconds_left": "estimated time until the phase ends",
        "data": "folder of the data sets",
        "started_at": "when a worker first took the run",
        "start": "the network whose weights it starts from",
        "teachers": "networks from which it is distilled",
        "plan": "the requested phases",
        "phases": "the outcome of each phase",
        # networks compared, results recomputed
        "ict_before": "ICT of the former network",
        "ict_after": "ICT of the newer network",
        "ict_threshold_before": "threshold that applied before",
        "enlarged_before": "whether the ICT was above it",
    }
)

#: Of `bench`, `health` and `logs`.
OF_MACHINE = MappingProxyType(
    {
        # bench
        "cores": "cores available to thoraq",
        "stages": "cost of each stage alone",
        "stage": "the stage's name",
        "core_ms_per_file": "milliseconds of one core per file",
        "files_per_core_s": "files per second of one core",
        "share": "share of the total, 0 to 1",
        "reading": "cost of reading, by transfer syntax or format",
        "read": "the transfer syntax or format",
        "limit_per_second": "files per second if no stage waited for another",
        "rate_per_second": "files measured per second",
        "efficiency": "the rate as a share of the limit, 0 to 1",
        "cores_busy": "share of the cores that were busy, 0 to 1",
        "devices_busy": "the rate as a share of the accelerators' own limit, 0 to 1",
        "cpu_time": "share of each part in thoraq's CPU time, 0 to 1",
        "judged": "whether there were enough files to find the bottleneck",
        "overhead": "share of queue and database in the work, 0 to 1",
        "held_by": "the stage that is the bottleneck",
        "objects_core_ms": "milliseconds of one core for a radiograph's DICOM and FHIR objects",
        # health, logs
        "process": "in `health`: the kind of process; in `logs`: the process that wrote the line",
        "fault": "what is wrong with the process; null if nothing is",
        "timestamp": "when the line was written; null if unknown",
        "level": "debug, info, warning, error or critical",
        "event": "what happened",
    }
)
#: Of `dataset check`, `dataset explore` and `evaluate`; distances are px of a 224 frame.
OF_IMAGES = MappingProxyType(
    {
        # dataset check
        "findings": "the errors found, with file and line",
        "kind": "the kind of finding",
        "source": "the data set",
        "split": "train, val, test or external",
        "image": "the image's path in its data set",
        "place": "file and line of the finding",
        "remedy": "what to do about it",
        # dataset explore
        "unreadable": "images that cannot be read",
        "counts": "radiographs by source, category and split",
        "category": "the category of the radiographs",
        "train": "radiographs of this split",
        "val": "radiographs of this split",
        "test": "radiographs of this split",
        "external": "radiographs of this split",
        "all": "radiographs of all splits",
        "sizes": "sizes of the images, by source",
        "points": "position of each point",
        "point": "the point's name",
        "mean_x": "mean of the columns",
        "mean_y": "mean of the rows",
        "sd_x": "standard deviation of the columns",
        "sd_y": "standard deviation of the rows",
        "pair": "the two points, right and left",
        "asymmetry_of_pairs": "distances of left points from their mirrored right ones, by pair",
        "index": "cardiothoracic indices, by source and split",
        "enlarged_share": "share of the indices above 0.50, 0 to 1",
        "mean": "the mean; in `evaluate`: the mean error of the landmarks",
        "sd": "standard deviation",
        "p5": "5th percentile",
        "median": "the median",
        "p95": "95th percentile",
        # evaluate
        "evaluated_model": "version of the network; of an ensemble the versions, joined by +",
        "ict_agreement": "measured against true indices, by set",
        "enlarged_recognised": "of the enlarged those that were measured so",
        "others_recognised": "of the others those that were measured so",
        "landmarks": "errors of the landmarks, by set",
        "consistency": "symmetry and lengths of the points, by set",
        "reliability": "expected and true errors compared, by set",
        "ict_covered": "true indices inside their 95 % interval, by set",
        "refused": "radiographs refused as not a frontal chest, by set",
        "cases": "number of radiographs",
        "hits": "number of cases for which this holds",
        "low": "95 % interval, low",
        "high": "95 % interval, high",
        "intervals": "95 % intervals of the other figures, by name",
        "independent_mean": "mean error of the twelve points that are not fractions of the axis",
        "by_category": "errors by category",
        "by_landmark": "mean error of each landmark",
        "mean_absolute": "mean absolute difference between measured and true",
        "bias": "mean of measured minus true",
        "correlation": "Pearson's coefficient of measured and true",
        "sensitivity": "share of enlarged cases classified as enlarged, 0 to 1",
        "specificity": "share of other cases classified as not enlarged, 0 to 1",
        "limit_low": "lower limit of agreement; 95 % of the differences are within both",
        "limit_high": "upper limit of agreement",
        "true_asymmetry": "mean asymmetry of the annotated points",
        "true_asymmetry_p95": "its 95th percentile",
        "predicted_asymmetry": "mean asymmetry of the predicted points",
        "predicted_asymmetry_p95": "its 95th percentile",
        "asymmetry_error": "mean absolute error of the asymmetry",
        "asymmetry_correlation": "Pearson's coefficient of both asymmetries",
        "asymmetry_by_pair": "asymmetry of each pair",
        "length_error": "mean absolute error of the lengths",
        "length_share": "the same as a share of the true length",
        "length_by_pair": "length of each pair",
        "true_mean": "mean of the annotations",
        "predicted_mean": "mean of the predictions",
        "expected_mean": "mean expected error",
        "ratio": "mean expected error over mean true error",
        "ratio_interval": "its 95 % interval",
        "confusion": "cases by expected, then by true bucket",
        "equal": "cases whose expected bucket is the true bucket",
        "covered": "cases below the upper 90 % bound",
        "calibration_error": "mean distance of expected from true error",
        "bins": "cases grouped by expected error",
        "expected": "mean expected error of the bin",
        "true": "mean true error of the bin",
        "rank_correlation": "Spearman's coefficient of expected and true error",
        "review_missed": "cases for review among those expected to be good or better",
        "calibration": "the calibration of the expected errors",
    }
)
