//! Commands that were promised to a caller: put on record, claimed, carried out, settled.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::types::Json;
use sqlx::{FromRow, Postgres};
use uuid::Uuid;

use crate::domain::{AttemptGroup, CommandId, CommandKind, CommandState, OrderId, ReservationId, ReservationStep, TenantId};
use crate::store::answered::Answered as _;
use crate::store::pool::begin;
use crate::store::{Store, StoreError, tenants};

/// A command that is to be put on record.
#[derive(Debug, Clone)]
pub struct NewCommand {
    /// Its id. Put twice, it is one command.
    pub id: CommandId,
    /// Whose it is.
    pub tenant: TenantId,
    /// What is to be done.
    pub about: About,
    /// The order.
    pub order: OrderId,
    /// SHA-256 of what was asked for.
    pub request_hash: [u8; 32],
    /// What is needed to carry it out.
    pub payload: Value,
    /// Only if the reservation still is at this version.
    pub if_version: Option<i64>,
    /// Who asked.
    pub requested_by: String,
}

/// What a command is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// Starting the process of an order.
    Start(ReservationStep, AttemptGroup),
    /// One reservation.
    Reservation(CommandKind, ReservationId),
}

/// What became of putting a command on record.
#[derive(Debug)]
pub enum Put {
    /// It is on record, or was before.
    Stands(Box<CommandRecord>),
    /// The same order step is started by another command, which asked for the same or for something else.
    StartedBy {
        /// That command.
        command: Box<CommandRecord>,
        /// Whether it asked for the same.
        same: bool,
    },
}

/// A command as it stands.
#[derive(Debug, Clone)]
pub struct CommandRecord {
    /// Its id.
    pub id: CommandId,
    /// Whose it is.
    pub tenant: TenantId,
    /// What is to be done.
    pub kind: CommandKind,
    /// The order.
    pub order: OrderId,
    /// The reservation, unless it starts an order.
    pub reservation: Option<ReservationId>,
    /// The step that is started.
    pub step: Option<ReservationStep>,
    /// The attempt group that is started.
    pub group: Option<AttemptGroup>,
    /// What is needed to carry it out.
    pub payload: Value,
    /// Only if the reservation still is at this version.
    pub if_version: Option<i64>,
    /// Who asked.
    pub requested_by: String,
    /// How far it is.
    pub state: CommandState,
    /// How often it was tried.
    pub attempts: i32,
    /// The claim under which it is carried out.
    pub claim_epoch: i64,
    /// The process instance that it started or told.
    pub process_instance: Option<String>,
    /// What became of it, in one word.
    pub outcome: Option<String>,
    /// The same in a sentence.
    pub detail: Option<String>,
    /// When it was put on record.
    pub created_at: DateTime<Utc>,
    /// When it came to its end.
    pub finished_at: Option<DateTime<Utc>>,
}

/// What became of one try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tried {
    /// Carried out.
    Done {
        /// One word.
        outcome: String,
        /// A sentence, if there is more to say.
        detail: Option<String>,
        /// The process instance that was started or told.
        process_instance: Option<String>,
    },
    /// It cannot be carried out.
    Refused {
        /// One word.
        outcome: String,
        /// A sentence.
        detail: String,
    },
    /// To be tried again then.
    Later {
        /// When.
        at: DateTime<Utc>,
        /// What stood in the way.
        detail: String,
    },
}

impl Tried {
    /// Carried out, with the process instance that was started or told, if any.
    #[must_use]
    pub fn done(outcome: &str, process_instance: Option<&str>) -> Self {
        Self::Done { outcome: outcome.to_owned(), detail: None, process_instance: process_instance.map(str::to_owned) }
    }

    /// It cannot be carried out, and why.
    #[must_use]
    pub fn refused(outcome: &str, detail: &str) -> Self {
        Self::Refused { outcome: outcome.to_owned(), detail: detail.to_owned() }
    }
}

#[derive(FromRow)]
struct Raw {
    command_id: Uuid,
    tenant_id: Uuid,
    kind: String,
    order_id: Uuid,
    reservation_id: Option<Uuid>,
    reservation_step: Option<String>,
    attempt_group: Option<i32>,
    request_hash: Vec<u8>,
    payload: Json<Value>,
    if_version: Option<i64>,
    requested_by: String,
    state: String,
    attempts: i32,
    claim_epoch: i64,
    process_instance_id: Option<String>,
    outcome: Option<String>,
    detail: Option<String>,
    created_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
}

impl Raw {
    fn record(self) -> Result<CommandRecord, StoreError> {
        let unreadable = |column: &'static str, value: &str| StoreError::UnreadableCommand {
            id: CommandId(self.command_id),
            column,
            value: value.to_owned(),
        };
        let step = match self.reservation_step.as_deref() {
            Some(text) => Some(ReservationStep::parse(text).map_err(|_| unreadable("reservation_step", text))?),
            None => None,
        };
        Ok(CommandRecord {
            id: CommandId(self.command_id),
            tenant: TenantId(self.tenant_id),
            kind: CommandKind::parse(&self.kind).ok_or_else(|| unreadable("kind", &self.kind))?,
            order: OrderId(self.order_id),
            reservation: self.reservation_id.map(ReservationId),
            step,
            group: self.attempt_group.and_then(|number| AttemptGroup::new(number.into())),
            state: CommandState::parse(&self.state).ok_or_else(|| unreadable("state", &self.state))?,
            payload: self.payload.0,
            if_version: self.if_version,
            requested_by: self.requested_by,
            attempts: self.attempts,
            claim_epoch: self.claim_epoch,
            process_instance: self.process_instance_id,
            outcome: self.outcome,
            detail: self.detail,
            created_at: self.created_at,
            finished_at: self.finished_at,
        })
    }
}

impl Store {
    /// Puts a command on record. Put again under the same id, it is the same command.
    ///
    /// # Errors
    /// [`StoreError::Away`], [`StoreError::Refused`] or [`StoreError::UnreadableCommand`].
    pub async fn put_command(&self, command: &NewCommand, now: DateTime<Utc>) -> Result<Put, StoreError> {
        loop {
            // Nothing stands only if the command that stood in the way was refused at this very moment.
            if let Some(put) = self.try_put_command(command, now).await? {
                return Ok(put);
            }
        }
    }

    async fn try_put_command(&self, command: &NewCommand, now: DateTime<Utc>) -> Result<Option<Put>, StoreError> {
        let during = "put_command";
        let (kind, reservation, step, group) = match &command.about {
            About::Start(step, group) => (CommandKind::StartOrder, None, Some(step.as_str()), Some(group.number())),
            About::Reservation(kind, reservation) => (*kind, Some(reservation.0), None, None),
        };
        let mut tx = begin(&self.pool, during, &[command.tenant]).await?;
        tenants::know(&mut tx, command.tenant, now).await?;
        sqlx::query(
            "-- put_command
insert into engine_command (command_id, tenant_id, kind, order_id, reservation_id, reservation_step, attempt_group, request_hash, payload,
    if_version, requested_by, state, next_attempt_at, created_at, updated_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'PENDING', $12, $12, $12)
on conflict do nothing",
        )
        .bind(command.id.0)
        .bind(command.tenant.0)
        .bind(kind.as_str())
        .bind(command.order.0)
        .bind(reservation)
        .bind(step)
        .bind(group)
        .bind(command.request_hash.as_slice())
        .bind(Json(&command.payload))
        .bind(command.if_version)
        .bind(&command.requested_by)
        .bind(now)
        .execute(&mut *tx)
        .answered(during)
        .await?;
        let raw: Option<Raw> = sqlx::query_as(
            "-- put_command_look
select * from engine_command
where tenant_id = $2 and (command_id = $1 or (
    $3 = 'START_ORDER' and kind = 'START_ORDER' and state <> 'REFUSED'
    and order_id = $4 and reservation_step = $5 and attempt_group = $6
))
order by command_id = $1 desc limit 1",
        )
        .bind(command.id.0)
        .bind(command.tenant.0)
        .bind(kind.as_str())
        .bind(command.order.0)
        .bind(step)
        .bind(group)
        .fetch_optional(&mut *tx)
        .answered(during)
        .await?;
        tx.commit().answered(during).await?;
        let Some(raw) = raw else { return Ok(None) };
        let same = raw.request_hash == command.request_hash;
        let record = Box::new(raw.record()?);
        Ok(Some(if record.id == command.id { Put::Stands(record) } else { Put::StartedBy { command: record, same } }))
    }

    /// One command.
    ///
    /// # Errors
    /// [`StoreError::Away`], [`StoreError::Refused`] or [`StoreError::UnreadableCommand`].
    pub async fn get_command(&self, tenant: TenantId, id: CommandId) -> Result<Option<CommandRecord>, StoreError> {
        let during = "get_command";
        let mut tx = begin(&self.pool, during, &[tenant]).await?;
        let raw: Option<Raw> = sqlx::query_as("-- get_command\nselect * from engine_command where command_id = $1 and tenant_id = $2")
            .bind(id.0)
            .bind(tenant.0)
            .fetch_optional(&mut *tx)
            .answered(during)
            .await?;
        tx.commit().answered(during).await?;
        raw.map(Raw::record).transpose()
    }

    /// Claims commands that are due and that nobody else living carries out. What this very boot claimed before and did not settle
    /// is among them: whoever calls this has nothing in hand. The start of an order that somebody claimed and left open may still be on
    /// its way to the engine, where it could not be found yet: it is left alone for as long as it may linger there.
    ///
    /// # Errors
    /// [`StoreError::Away`], [`StoreError::Refused`] or [`StoreError::UnreadableCommand`].
    pub async fn claim_commands(
        &self,
        tenants: &[TenantId],
        now: DateTime<Utc>,
        limit: i64,
        lingers: TimeDelta,
    ) -> Result<Vec<CommandRecord>, StoreError> {
        let during = "claim_commands";
        let mut tx = begin(&self.pool, during, tenants).await?;
        let claimed: Vec<Raw> = sqlx::query_as(
            "-- claim_commands
update engine_command set claim_session = $1, claim_epoch = claim_epoch + 1, attempts = attempts + 1, updated_at = $2
where command_id in (
    select c.command_id from engine_command c
    where c.state = 'PENDING' and c.next_attempt_at <= $2 and (c.claim_session = $1 or not exists (
        select from worker_session s where s.session_id = c.claim_session and s.ended_at is null and s.lease_until > clock_timestamp()
    )) and (c.kind <> 'START_ORDER' or c.claim_session is null or c.updated_at <= $4)
    order by c.next_attempt_at limit $3 for update skip locked
)
returning *",
        )
        .bind(self.session.0)
        .bind(now)
        .bind(limit)
        .bind(now - lingers)
        .fetch_all(&mut *tx)
        .answered(during)
        .await?;
        tx.commit().answered(during).await?;
        claimed.into_iter().map(Raw::record).collect()
    }

    /// Writes down that the reservation was found at the version that the command is for: it is not looked at again. False if the
    /// claim has passed to somebody else.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`].
    pub async fn drop_condition(&self, command: &CommandRecord) -> Result<bool, StoreError> {
        let query = sqlx::query(
            "-- drop_condition\nupdate engine_command set if_version = null where command_id = $1 and tenant_id = $2 and claim_epoch = $3",
        )
        .bind(command.id.0)
        .bind(command.tenant.0)
        .bind(command.claim_epoch);
        self.write_claimed("drop_condition", command, query).await
    }

    /// Writes down that what the command asks for is on its way from now on: whoever takes it over counts from here how long it may
    /// linger. False if the claim has passed to somebody else.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`].
    pub async fn command_leaves(&self, command: &CommandRecord, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let query = sqlx::query(
            "-- command_leaves\nupdate engine_command set updated_at = $4 where command_id = $1 and tenant_id = $2 and claim_epoch = $3",
        )
        .bind(command.id.0)
        .bind(command.tenant.0)
        .bind(command.claim_epoch)
        .bind(now);
        self.write_claimed("command_leaves", command, query).await
    }

    /// Writes down what became of a try; false if the claim has passed to somebody else.
    ///
    /// # Errors
    /// [`StoreError::Away`] or [`StoreError::Refused`].
    pub async fn settle_command(&self, command: &CommandRecord, tried: &Tried, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let (state, next, outcome, detail, instance) = match tried {
            Tried::Done { outcome, detail, process_instance } => {
                (CommandState::Done, now, Some(outcome), detail.as_deref(), process_instance.as_deref())
            }
            Tried::Refused { outcome, detail } => (CommandState::Refused, now, Some(outcome), Some(detail.as_str()), None),
            Tried::Later { at, detail } => (CommandState::Pending, *at, None, Some(detail.as_str()), None),
        };
        let query = sqlx::query(
            "-- settle_command
update engine_command set state = $4, next_attempt_at = $5, outcome = $6, detail = $7, process_instance_id = coalesce($8, process_instance_id),
    claim_session = null, updated_at = $9, finished_at = case when $4 = 'PENDING' then null else $9 end
where command_id = $1 and tenant_id = $2 and claim_epoch = $3 and claim_session = $10 and state = 'PENDING'",
        )
        .bind(command.id.0)
        .bind(command.tenant.0)
        .bind(command.claim_epoch)
        .bind(state.as_str())
        .bind(next)
        .bind(outcome)
        .bind(detail)
        .bind(instance)
        .bind(now)
        .bind(self.session.0);
        self.write_claimed("settle_command", command, query).await
    }

    /// Writes to a claimed command; false if the claim has passed to somebody else, so that the statement found no row.
    async fn write_claimed(
        &self,
        during: &'static str,
        command: &CommandRecord,
        query: Query<'_, Postgres, PgArguments>,
    ) -> Result<bool, StoreError> {
        let mut tx = begin(&self.pool, during, &[command.tenant]).await?;
        let written = query.execute(&mut *tx).answered(during).await?;
        tx.commit().answered(during).await?;
        Ok(written.rows_affected() == 1)
    }
}
