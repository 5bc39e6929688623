//! Halting the daemon in the middle of a transaction: a trigger that waits for a lock which the test holds.

use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{AssertSqlSafe, PgPool, Postgres};

use crate::support::wait::until;

/// The advisory lock that a halted statement waits for.
const LOCK: i64 = 0x5ea4;

/// Where a transaction halts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seam {
    /// The message was read; nothing of it is on record, not even that work on it begins.
    Polled,
    /// That work on it begins is on record; nothing else is.
    Counted,
    /// The inbox row is written.
    Deduplicated,
    /// What the event changes is written.
    Applied,
    /// A dead letter is written.
    DeadWritten,
    /// Everything is written, the partition's place as well.
    Written,
    /// The commit is on its way.
    Committing,
}

impl Seam {
    fn trigger(self) -> &'static str {
        match self {
            Self::Polled => "trigger seam before update on consumer_offset for each row when (new.attempts > old.attempts)",
            Self::Counted => "trigger seam before insert on inbox for each statement",
            Self::Deduplicated => "trigger seam after insert on inbox for each statement",
            Self::Applied => "trigger seam after insert on customer_product_projection for each statement",
            Self::DeadWritten => "trigger seam after insert on dead_letter for each row",
            Self::Written => "trigger seam after update on consumer_offset for each row when (new.next_offset > old.next_offset)",
            Self::Committing => "constraint trigger seam after insert on inbox deferrable initially deferred for each row",
        }
    }
}

/// A seam that is shut: whoever comes there waits.
pub(crate) struct Shut {
    pool: PgPool,
    held: Option<PoolConnection<Postgres>>,
}

impl Shut {
    /// Shuts a seam of this database.
    pub(crate) async fn at(pool: &PgPool, seam: Seam) -> Self {
        let mut held = pool.acquire().await.unwrap();
        sqlx::query("select pg_advisory_lock($1)").bind(LOCK).execute(&mut *held).await.unwrap();
        let function = format!(
            "create or replace function seam() returns trigger language plpgsql as
             $$ begin perform pg_advisory_xact_lock_shared({LOCK}); return new; end $$"
        );
        sqlx::query(AssertSqlSafe(function)).execute(&mut *held).await.unwrap();
        sqlx::query(AssertSqlSafe(format!("create {} execute function seam()", seam.trigger()))).execute(&mut *held).await.unwrap();
        Self { pool: pool.clone(), held: Some(held) }
    }

    /// Waits until somebody waits there; the process id of its backend.
    pub(crate) async fn reached(&self) -> i32 {
        until("the seam is reached", Duration::from_secs(40), async || {
            sqlx::query_scalar(
                "select l.pid from pg_locks l join pg_database d on d.oid = l.database
                 where l.locktype = 'advisory' and not l.granted and l.objid = $1::bigint::oid and d.datname = current_database()",
            )
            .bind(LOCK)
            .fetch_optional(&self.pool)
            .await
            .unwrap()
        })
        .await
    }

    /// Lets whoever waits go on, and nobody wait any more.
    pub(crate) async fn open(mut self) {
        let mut held = self.held.take().unwrap();
        sqlx::query("select pg_advisory_unlock($1)").bind(LOCK).execute(&mut *held).await.unwrap();
        // The function stays for whoever is in it; it waits for nothing any more.
        let open = "create or replace function seam() returns trigger language plpgsql as $$ begin return new; end $$";
        sqlx::query(open).execute(&mut *held).await.unwrap();
    }

    /// Ends the backend that waits, so that its transaction never happened.
    pub(crate) async fn cut(&self, backend: i32) {
        sqlx::query("select pg_terminate_backend($1)").bind(backend).execute(&self.pool).await.unwrap();
        until("the backend is gone", Duration::from_secs(10), async || {
            let there: bool = sqlx::query_scalar("select exists (select from pg_stat_activity where pid = $1)")
                .bind(backend)
                .fetch_one(&self.pool)
                .await
                .unwrap();
            (!there).then_some(())
        })
        .await;
    }
}
