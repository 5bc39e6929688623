//! `holdfast events replay`: facts that were told long ago, told again.

use std::process::ExitCode;

use chrono::{DateTime, Utc};
use clap::Args;
use serde_json::json;

use crate::cli::error::CliError;
use crate::cli::events::{require_kafka, store, tenants};
use crate::cli::output::{complain, say};
use crate::clock::{Clock as _, SystemClock};
use crate::config::Config;
use crate::domain::{OrderId, ReservationId};
use crate::store::ReplayScope;

/// Options of `holdfast events replay`.
#[derive(Debug, Args)]
pub(super) struct Replay {
    /// Of this order
    #[arg(long, value_name = "UUID", value_parser = OrderId::parse)]
    order: Option<OrderId>,
    /// Of this reservation
    #[arg(long, value_name = "UUID", value_parser = ReservationId::parse)]
    reservation: Option<ReservationId>,
    /// That became true at this instant or later, such as 2026-07-02T10:20:00Z
    #[arg(long, value_name = "INSTANT")]
    since: Option<DateTime<Utc>>,
    /// That became true before this instant
    #[arg(long, value_name = "INSTANT")]
    until: Option<DateTime<Utc>>,
    /// Of every reservation there is
    #[arg(long)]
    all: bool,
    /// Whose; every served tenant's if left out
    #[arg(long, value_name = "UUID")]
    tenant: Option<String>,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

impl Replay {
    pub(super) async fn carry_out(self, config: &Config) -> Result<ExitCode, CliError> {
        require_kafka(config)?;
        let scope = ReplayScope { order: self.order, reservation: self.reservation, since: self.since, until: self.until };
        let narrowed = scope.order.is_some() || scope.reservation.is_some() || scope.since.is_some() || scope.until.is_some();
        if narrowed == self.all {
            return Err(CliError::Said("say which facts: --order, --reservation, --since, --until, or --all for every one".to_owned()));
        }
        let store = store(config).await?;
        let tenants = tenants(config, &store, self.tenant.as_deref()).await?;
        let replayed = store.replay_facts(&tenants, &scope, SystemClock.now()).await?;
        store.close().await;
        if self.json {
            let unexplained: Vec<String> = replayed.unexplained.iter().map(ToString::to_string).collect();
            say(&json!({"reservations": replayed.reservations, "facts": replayed.facts, "waiting": replayed.waiting, "unexplained": unexplained})
                .to_string());
        } else {
            say(&format!(
                "{} facts of {} reservations were put into the outbox; the daemon sends them, each marked as told again.",
                replayed.facts, replayed.reservations
            ));
            if replayed.waiting > 0 {
                say(&format!("{} more wait there anyway.", replayed.waiting));
            }
        }
        for id in &replayed.unexplained {
            complain(&format!("reservation {id}: its moves do not explain the number of its facts; nothing of it was told again"));
        }
        Ok(if replayed.unexplained.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
