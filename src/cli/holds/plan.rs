//! The plan file: what was found, what is to be done about it, and a seal by which a change by hand is told.

use std::io::Write as _;
use std::path::Path;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::cli::error::CliError;
use crate::domain::{Drift, DriftKind, ExternalReference, Remedy, ReservationId, TenantId};
use crate::operations::PlannedStep;

/// What the file says it is.
const FORMAT: &str = "holdfast-holds-plan-1";

/// A plan as its file has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Plan {
    format: String,
    pub(super) created_at: DateTime<Utc>,
    /// The inventory, by its configured name.
    pub(super) source: String,
    /// Its address, so that a plan is not carried out on another one of that name.
    pub(super) inventory: String,
    /// The database that was compared with.
    pub(super) database: String,
    pub(super) findings: Vec<Finding>,
    /// SHA-256 over all of the above.
    seal: String,
}

/// One finding, and what is to be done about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Finding {
    pub(super) number: usize,
    pub(super) kind: String,
    pub(super) action: String,
    pub(super) why: String,
    pub(super) tenant: Option<String>,
    pub(super) hold: Option<String>,
    pub(super) key: Option<String>,
    pub(super) order: Option<String>,
    pub(super) reservation: Option<String>,
    pub(super) version: Option<i64>,
    pub(super) status: Option<String>,
    pub(super) until: Option<DateTime<Utc>>,
}

impl Finding {
    /// A difference as the report and the plan say it. Without a tenant nothing can be done.
    pub(super) fn of(number: usize, drift: &Drift, tenant: Option<TenantId>) -> Self {
        let tenant = drift.row.as_ref().map(|row| row.tenant).or(tenant);
        let (hold, row) = (drift.hold.as_ref(), drift.row.as_ref());
        let action = if tenant.is_some() { drift.remedy } else { Remedy::None };
        Self {
            number,
            kind: drift.kind.as_str().to_owned(),
            action: action.as_str().to_owned(),
            why: drift.why.clone(),
            tenant: tenant.map(|tenant| tenant.to_string()),
            hold: hold.map(|hold| hold.reference.as_str().to_owned()),
            key: hold.and_then(|hold| hold.key.clone()).or(row.map(|row| row.key.as_str().to_owned())),
            order: row.map(|row| row.order.to_string()).or(hold.and_then(|hold| hold.order.clone())),
            reservation: row.map(|row| row.id.to_string()),
            version: row.map(|row| row.version),
            status: row.map(|row| row.status.as_str().to_owned()),
            until: hold.and_then(|hold| hold.expires_at).or(row.and_then(|row| row.expires_at)),
        }
    }

    /// What is to be done, read strictly; nothing if nothing is.
    fn step(&self) -> Result<Option<PlannedStep>, String> {
        let wrong = |what: &str, value: &str| format!("finding {}: {what} `{value}`", self.number);
        let kind = DriftKind::parse(&self.kind).ok_or_else(|| wrong("there is no kind", &self.kind))?;
        let remedy = Remedy::parse(&self.action).ok_or_else(|| wrong("there is no action", &self.action))?;
        if remedy == Remedy::None {
            return Ok(None);
        }
        if kind == DriftKind::Unmanaged {
            return Err(wrong("nothing is done about a hold that is not ours, yet its action is", &self.action));
        }
        let tenant = self.tenant.as_deref().ok_or_else(|| wrong("no tenant for the action", &self.action))?;
        let id = |text: &String| ReservationId::parse(text).map_err(|must| wrong(&format!("the reservation {must}, it is"), text));
        let reservation = match (&self.reservation, self.version) {
            (Some(text), Some(version)) => Some((id(text)?, version)),
            (None, None) => None,
            _ => return Err(wrong("reservation and version only make sense together; the action is", &self.action)),
        };
        let reference = |text: &String| ExternalReference::parse(text).map_err(|must| wrong(&format!("the hold {must}, it is"), text));
        Ok(Some(PlannedStep {
            kind,
            remedy,
            tenant: TenantId::parse(tenant).map_err(|must| wrong(&format!("the tenant {must}, it is"), tenant))?,
            reference: self.hold.as_ref().map(reference).transpose()?,
            key: self.key.clone(),
            reservation,
        }))
    }
}

impl Plan {
    /// Seals what was found.
    pub(super) fn sealed(created_at: DateTime<Utc>, source: &str, inventory: &str, database: &str, findings: Vec<Finding>) -> Self {
        let mut plan = Self {
            format: FORMAT.to_owned(),
            created_at,
            source: source.to_owned(),
            inventory: inventory.to_owned(),
            database: database.to_owned(),
            findings,
            seal: String::new(),
        };
        plan.seal = plan.digest();
        plan
    }

    /// The seal, by which runs of this plan know each other.
    pub(super) fn seal(&self) -> &str {
        &self.seal
    }

    /// What is to be done, by the number of its finding.
    pub(super) fn steps(&self) -> Result<Vec<(usize, PlannedStep)>, CliError> {
        let mut steps = Vec::new();
        for (n, finding) in self.findings.iter().enumerate() {
            if finding.number != n + 1 {
                return Err(CliError::Said(format!("the plan counts wrongly: finding {} is number {}", n + 1, finding.number)));
            }
            steps.extend(finding.step().map_err(CliError::Said)?.map(|step| (finding.number, step)));
        }
        Ok(steps)
    }

    /// Writes a new file; an old plan is not overwritten, because it may be half carried out.
    pub(super) fn write(&self, path: &Path) -> Result<(), CliError> {
        let failed = |source| CliError::File { doing: "write the plan", what: path.display().to_string(), source };
        let text = serde_json::to_string_pretty(self).map_err(|error| CliError::Said(error.to_string()))?;
        let mut file = std::fs::File::create_new(path).map_err(failed)?;
        file.write_all(text.as_bytes()).and_then(|()| file.write_all(b"\n")).and_then(|()| file.sync_all()).map_err(failed)
    }

    /// Reads a plan, and refuses one that is not as it was written.
    pub(super) fn read(path: &Path) -> Result<Self, CliError> {
        let text = std::fs::read_to_string(path).map_err(|source| CliError::File {
            doing: "read the plan",
            what: path.display().to_string(),
            source,
        })?;
        let refused = |why: String| CliError::Said(format!("{}: {why}. Nothing was done", path.display()));
        let plan: Self =
            serde_json::from_str(&text).map_err(|error| refused(format!("this is no plan of `holdfast holds compare --plan`: {error}")))?;
        if plan.format != FORMAT {
            return Err(refused(format!("the plan's format is `{}`, this version reads `{FORMAT}`: compare again", plan.format)));
        }
        if plan.seal != plan.digest() {
            return Err(refused(
                "the plan was changed after it was written: its seal is broken. To leave something out, compare again and say so with the options of \
                 `holds compare`"
                    .to_owned(),
            ));
        }
        Ok(plan)
    }

    fn digest(&self) -> String {
        let unsealed = Self { seal: String::new(), ..self.clone() };
        let text = serde_json::to_vec(&unsealed).unwrap_or_default();
        Sha256::digest(&text).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(kind: &str, action: &str) -> Finding {
        Finding {
            number: 1,
            kind: kind.to_owned(),
            action: action.to_owned(),
            why: "so".to_owned(),
            tenant: Some("00000000-0000-0000-0000-000000000001".to_owned()),
            hold: Some("H1".to_owned()),
            key: Some("k".to_owned()),
            order: None,
            reservation: None,
            version: None,
            status: None,
            until: DateTime::from_timestamp(1_800_000_000, 123_456_000),
        }
    }

    fn plan(findings: Vec<Finding>) -> Plan {
        Plan::sealed(DateTime::from_timestamp(1_800_000_000, 5_000).unwrap(), "main", "http://i/", "db", findings)
    }

    #[test]
    fn a_plan_is_read_as_it_was_written_and_no_other_way() {
        let written = plan(vec![finding("GHOST", "release")]);
        let text = serde_json::to_string_pretty(&written).unwrap();
        let read = |text: &str| {
            let path = std::env::temp_dir().join(format!("holdfast-plan-{}", uuid::Uuid::new_v4()));
            std::fs::write(&path, text).unwrap();
            let read = Plan::read(&path).map_err(|error| crate::chain::chain(&error));
            std::fs::remove_file(path).unwrap();
            read
        };
        assert_eq!(read(&text).unwrap(), written);
        for (from, to, says) in [
            ("\"H1\"", "\"H2\"", "its seal is broken"),
            ("\"release\"", "\"none\"", "its seal is broken"),
            ("\"number\": 1", "\"number\": 1, \"note\": 1", "unknown field `note`"),
            ("\"number\": 1", "\"number\": \"one\"", "invalid type"),
            ("\"why\": \"so\",", "", "missing field `why`"),
            ("holdfast-holds-plan-1", "holdfast-holds-plan-9", "this version reads"),
            ("}", "", "no plan"),
        ] {
            assert!(text.contains(from), "{from}");
            let error = read(&text.replacen(from, to, 1)).unwrap_err();
            assert!(error.contains(says) && error.contains("Nothing was done"), "{from} -> {to}: {error}");
        }
    }

    #[test]
    fn a_finding_that_makes_no_sense_is_refused_even_under_a_seal() {
        let said = |finding: Finding| plan(vec![finding]).steps().unwrap_err().to_string();
        assert!(said(finding("PHANTOM", "release")).contains("there is no kind `PHANTOM`"));
        assert!(said(finding("GHOST", "burn")).contains("there is no action `burn`"));
        assert!(said(finding("UNMANAGED", "release")).contains("nothing is done about a hold that is not ours"));
        assert!(said(Finding { version: Some(1), ..finding("LOST", "recheck") }).contains("only make sense together"));
        assert!(said(Finding { tenant: None, ..finding("GHOST", "release") }).contains("no tenant"));
        assert!(said(Finding { number: 2, ..finding("GHOST", "release") }).contains("counts wrongly"));
        assert!(said(Finding { hold: Some(String::new()), ..finding("GHOST", "release") }).contains("the hold must be"));
        assert_eq!(plan(vec![finding("UNMANAGED", "none")]).steps().unwrap(), []);
    }
}
