//! The bugs that are planted in the daemon, and the cases of the matrix that must kill each of them.

/// A bug, and where it is looked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PlantedBug {
    /// What `HOLDFAST_PLANTED_BUG` names it.
    pub(crate) name: &'static str,
    /// What is wrong.
    pub(crate) wrong: &'static str,
    /// Cases that must fail with it, tried in this order until one does.
    pub(crate) cases: &'static [&'static str],
}

const fn bug(name: &'static str, wrong: &'static str, cases: &'static [&'static str]) -> PlantedBug {
    PlantedBug { name, wrong, cases }
}

/// Every planted bug. A test compares the names with those in the source.
pub(crate) const BUGS: &[PlantedBug] = &[
    bug(
        "call_before_commit",
        "the inventory is called before the record of the call is committed",
        &["reserve/strict/1/reserve.answered=kill", "reserve/strict/1/supplier.reserve=reset_after"],
    ),
    bug("timeout_is_a_refusal", "no answer in time is taken for a refusal", &["reserve/strict/1/supplier.reserve=swallow_after"]),
    bug(
        "bad_body_is_a_failure",
        "a success that cannot be read is taken for a call that was not sent",
        &["reserve/strict/1/supplier.reserve=garbage", "reserve/strict/1/supplier.reserve=cut"],
    ),
    bug("key_from_the_task", "the key is made from the engine's task", &["reserve~restarted/strict/1/supplier.reserve=reset_after"]),
    bug("key_from_the_retries", "the key is made from the retries", &["reserve~retried/strict/1/supplier.reserve=reset_after"]),
    bug(
        "no_epoch_check",
        "a settlement is written whoever has the claim",
        &[
            "reserve/strict/2/supplier.reserve=freeze_after",
            "release/strict/2/supplier.release=freeze_after",
            "confirm/strict/2/supplier.confirm=freeze_after",
            "extend/strict/2/supplier.extend=freeze_after",
            "reserve/strict/2/reserve.answered=freeze",
        ],
    ),
    bug(
        "shared_worker_id",
        "all processes have one worker id",
        &["reserve/strict/1/inventory.reserve.delivered=kill", "reserve/strict/2/inventory.reserve.delivered=kill"],
    ),
    bug(
        "marked_before_told",
        "a fact leaves the outbox before the broker has taken it",
        &["publish/strict/1/relay.marked=kill", "publish/strict/2/relay.marked=kill"],
    ),
    bug(
        "gone_is_ignored",
        "a task that is gone because its process was deleted is ignored",
        &["reserve~deleted/strict/1/supplier.reserve=slow", "reserve~deleted/strict/2/supplier.reserve=slow"],
    ),
    bug(
        "release_without_settling",
        "what nobody knows is called released",
        &["reserve~cancelled/strict/1/supplier.reserve=reset_after", "reserve~cancelled/strict/1/supplier.reserve=swallow_after"],
    ),
    bug(
        "conflict_is_a_failure",
        "the engine's optimistic locking is taken for a failure",
        &["reserve/strict/1/engine.complete=conflict", "release/strict/1/engine.complete=conflict"],
    ),
];
