"""Every key of the JSON that commands print, with its meaning.

One key means the same everywhere; keys of measurements are in `results.columns`. Below the keys in
``OPEN`` are names of the site's own, such as codes and batches. ``MEANINGS`` are of commands that
read the database, ``OF_MACHINE`` and ``OF_IMAGES`` what others print beside these.
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
#: Keys whose objects hold what is called by the site, or by the code that is counted.
OPEN = frozenset(
    {
        *("buckets", "codes", "confusion", "cpu_time", "figures", "ict_rules", "intervals"),
        *("by_landmark", "loss_parts", "of_batches", "plan", "teachers"),
    }
)
#: Keys whose objects hold an object for each set, category or pair; theirs have a meaning again.
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
        "files": "of `show`: how each file of the study ended; of `forget`: how many go; of"
        " `bench`: how many were measured",
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
        "radiographs": "of `models compare`: measured by both; of `forget`: how many go;"
        " of `dataset`: how many there are",
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
        "name": "what was checked; of `health`: the process's own name",
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

#: Of `bench`, `health` and `logs`.
OF_MACHINE = MappingProxyType(
    {
        # bench
        "cores": "cores that thoraq may use",
        "stages": "what each stage costs alone",
        "stage": "the stage's name",
        "core_ms_per_file": "milliseconds of one core for a file",
        "files_per_core_s": "files that one core does in a second",
        "share": "part of the whole, 0 to 1",
        "reading": "what reading costs, by transfer syntax or format",
        "read": "the transfer syntax or format",
        "limit_per_second": "files a second if no stage waited for another",
        "rate_per_second": "files a second that were measured",
        "efficiency": "the rate as a share of the limit, 0 to 1",
        "cores_busy": "share of the cores that were at work, 0 to 1",
        "devices_busy": "the rate as a share of what the accelerators alone could do, 0 to 1",
        "cpu_time": "share of thoraq's CPU time that went to each part, 0 to 1",
        "judged": "whether the files were enough to say what holds the machine back",
        "overhead": "share of the work that queue and database take, 0 to 1",
        "held_by": "the stage that holds the machine back",
        # health, logs
        "process": "of `health`: the kind of process; of `logs`: the process that wrote the line",
        "fault": "what is wrong with the process; null where nothing is",
        "timestamp": "when the line was written; null where it does not say",
        "level": "debug, info, warning, error or critical",
        "event": "what happened",
    }
)
#: Of `dataset check`, `dataset explore` and `evaluate`; distances are px of a 224 frame.
OF_IMAGES = MappingProxyType(
    {
        # dataset check
        "findings": "what is wrong, each with its place",
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
        "points": "where each point is",
        "point": "the point's name",
        "mean_x": "mean of the columns",
        "mean_y": "mean of the rows",
        "sd_x": "standard deviation of the columns",
        "sd_y": "standard deviation of the rows",
        "pair": "the two points, right and left",
        "asymmetry_of_pairs": "distances of left points from their mirrored right ones, by pair",
        "index": "cardiothoracic indices, by source and split",
        "enlarged_share": "share of the indices above 0.50, 0 to 1",
        "mean": "the mean; of `evaluate`: of the landmarks' errors",
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
        "consistency": "whether points keep a chest's symmetry and lengths, by set",
        "reliability": "expected against true errors, by set",
        "ict_covered": "true indices inside their 95 % interval, by set",
        "refused": "radiographs refused as no frontal chest, by set",
        "cases": "radiographs that count",
        "hits": "those of the cases that are so",
        "low": "95 % interval, low",
        "high": "95 % interval, high",
        "intervals": "95 % intervals of the other figures, by name",
        "independent_mean": "mean error of the twelve points that are no fractions of the axis",
        "by_category": "errors by category",
        "by_landmark": "mean error of each landmark",
        "mean_absolute": "mean absolute difference of measured and true",
        "bias": "mean of measured less true",
        "correlation": "Pearson's coefficient of measured and true",
        "sensitivity": "share of the enlarged that were found, 0 to 1",
        "specificity": "share of the others that were found, 0 to 1",
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
        "true_mean": "mean of what is annotated",
        "predicted_mean": "mean of what is predicted",
        "expected_mean": "mean expected error",
        "ratio": "mean expected error over mean true error",
        "ratio_interval": "its 95 % interval",
        "confusion": "cases by expected, then by true bucket",
        "equal": "cases whose expected bucket is the true one",
        "covered": "cases under the upper 90 % bound",
        "calibration_error": "mean distance of expected from true error",
        "bins": "cases of about the same expected error",
        "expected": "mean expected error of the bin",
        "true": "mean true error of the bin",
        "rank_correlation": "Spearman's coefficient of expected and true error",
        "review_missed": "cases for review among those expected to be good or better",
        "calibration": "which calibration gave the expected errors",
    }
)
