//! The database: reachable, at this version's schema, and with its tenants kept apart by a role that cannot undo it.

use chrono::TimeDelta;
use secrecy::{ExposeSecret as _, SecretString};

use super::clocks::{Reading, compare};
use super::finding::{Findings, Level};
use crate::chain::chain;
use crate::clock::SharedClock;
use crate::store::{Checkup, StoreError, check_up};

/// Looks the database over.
pub(super) async fn check(url: &SecretString, most_connections: u32, clock: &SharedClock, skew: TimeDelta) -> Findings {
    let mut findings = Findings::of("database");
    if url.expose_secret().is_empty() {
        findings.add(
            Level::Error,
            "database.url",
            "is not set",
            "set HOLDFAST__DATABASE__URL to postgres://user:password@host:port/database; `holdfast migrate --create` makes both",
        );
        return findings;
    }
    let asked_at = clock.now();
    let checkup = match check_up(url).await {
        Ok(checkup) => checkup,
        Err(error) => {
            findings.add(Level::Error, "database.url", chain(&error), what_to_do(&error));
            return findings;
        }
    };
    findings.ok("database.url", format!("PostgreSQL {} answers", checkup.server_version));
    schema(&checkup, &mut findings);
    role(&checkup, &mut findings);
    if checkup.schema_found > 0 {
        tables(&checkup, &mut findings);
    }
    let free = checkup.connections.most - checkup.connections.used;
    if free < i64::from(most_connections) {
        findings.add(
            Level::Warning,
            "max_connections",
            format!(
                "the server takes {} connections and has {}: one daemon with database.max_connections = {most_connections} may not get its own",
                checkup.connections.most, checkup.connections.used
            ),
            "raise the server's max_connections, or lower ours",
        );
    }
    let reading = Reading { asked_at, heard_at: clock.now(), theirs: checkup.clock, coarse: TimeDelta::zero() };
    compare(&mut findings, "the server", reading, skew);
    findings
}

fn schema(checkup: &Checkup, findings: &mut Findings) {
    let (found, needed) = (checkup.schema_found, checkup.schema_needed);
    let place = "schema";
    if found == needed {
        findings.ok(place, format!("is at version {found}, which this version of holdfast needs"));
    } else if found == 0 {
        findings.add(
            Level::Error,
            place,
            "is empty, or this role may not see it",
            "run `holdfast migrate` as the schema's owner (HOLDFAST__DATABASE__OWNER_URL), and make our role a member of holdfast_runtime",
        );
    } else if found < needed {
        findings.add(
            Level::Error,
            place,
            format!("is at version {found}, this version of holdfast needs {needed}"),
            "run `holdfast migrate` as the schema's owner (HOLDFAST__DATABASE__OWNER_URL)",
        );
    } else {
        findings.add(
            Level::Error,
            place,
            format!("is at version {found}, this version of holdfast knows only {needed}"),
            "run the newer holdfast that migrated it",
        );
    }
}

fn role(checkup: &Checkup, findings: &mut Findings) {
    let role = &checkup.role;
    let place = format!("role {}", role.name);
    let mut weak_enough = true;
    for (too_strong, level, what) in [
        (role.superuser, Level::Error, "is a superuser: row-level security does not bind it, and one tenant could see another"),
        (role.bypasses, Level::Error, "may bypass row-level security, and one tenant could see another"),
        (role.creates_roles, Level::Warning, "may create roles, stronger ones than itself among them"),
        (role.creates_in_schema, Level::Warning, "may create tables in the schema"),
    ] {
        if too_strong {
            weak_enough = false;
            findings.add(level, &place, what, "connect as a plain login role that is a member of holdfast_runtime and owns nothing");
        }
    }
    // To a superuser everything seems its own.
    for table in checkup.tables.iter().filter(|table| table.owned && !role.superuser) {
        weak_enough = false;
        findings.add(
            Level::Error,
            &place,
            format!("owns the table {}, and could switch its row-level security off", table.name),
            "connect as another role than the one that migrates",
        );
    }
    if weak_enough {
        findings.ok(place, "is no stronger than it must be");
    }
}

fn tables(checkup: &Checkup, findings: &mut Findings) {
    let mut secured = 0;
    for table in checkup.tables.iter().filter(|table| table.of_tenants) {
        let place = format!("table {}", table.name);
        let what = match (table.secured, table.forced, table.policies) {
            (false, _, _) => "has no row-level security: every tenant's rows are seen by every other",
            (true, false, _) => "does not force its row-level security: its owner sees every tenant's rows",
            (true, true, 0) => "has row-level security and no policy: nobody sees a row",
            (true, true, _) => {
                secured += 1;
                continue;
            }
        };
        let mend = format!(
            "as the schema's owner: alter table {0} enable row level security, force row level security; then look who changed it",
            table.name
        );
        findings.add(Level::Error, place, what, mend);
    }
    findings.ok("row-level security", format!("is on and forced for {secured} tables of tenants"));
    let mut enough = true;
    for rights in &checkup.rights {
        let place = format!("table {}", rights.table);
        if !rights.missing.is_empty() {
            enough = false;
            findings.add(
                Level::Error,
                &place,
                format!("our role may not {}", rights.missing.join(", ")),
                format!("as an administrator: grant holdfast_runtime to {}", checkup.role.name),
            );
        }
        // To a superuser everything is allowed.
        if !rights.surplus.is_empty() && !checkup.role.superuser {
            findings.add(
                Level::Warning,
                &place,
                format!("our role may also {}, which it never needs", rights.surplus.join(", ")),
                format!("revoke it from {}, or from a role that it is a member of", checkup.role.name),
            );
        }
    }
    if enough {
        findings.ok("grants", "our role may do what it must");
    }
}

fn what_to_do(error: &StoreError) -> &'static str {
    match error {
        StoreError::BadUrl(_) => "HOLDFAST__DATABASE__URL must be postgres://user:password@host:port/database",
        error if error.is_away() => "check its host and port, and that the server runs and can be reached from this host",
        _ => "check user, password and database; `holdfast migrate --create` makes a missing role and database",
    }
}
