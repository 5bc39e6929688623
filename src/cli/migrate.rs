//! `holdfast migrate`: bring the schema up to this version.

use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret as _, SecretString};

use crate::cli::error::CliError;
use crate::cli::output::say;
use crate::config::Config;
use crate::store::{Provision, migrate, provision};

/// Options of `holdfast migrate`.
#[derive(Debug, Args)]
pub(crate) struct Migrate {
    /// Make the database of `database.url` and its login role first, with `database.owner_url` as a superuser
    #[arg(long)]
    create: bool,
}

impl Migrate {
    pub(crate) async fn carry_out(self, file: Option<&Path>) -> Result<ExitCode, CliError> {
        let config = Config::load(file)?;
        let owner_url = &config.database.owner_url;
        if owner_url.expose_secret().is_empty() {
            return Err(CliError::Said(
                "setting `database.owner_url` must be set: migrations run as the schema's owner (HOLDFAST__DATABASE__OWNER_URL)".to_owned(),
            ));
        }
        if self.create {
            let (database, runtime_role, runtime_password) = parts(&config.database.url)?;
            provision(&Provision { admin_url: owner_url.clone(), database: database.clone(), runtime_role, runtime_password }).await?;
            say(&format!("database {database} is there, at this version's schema"));
        } else {
            let count = migrate(owner_url).await?;
            say(&format!("the schema is at this version ({count} migrations)"));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Database, user and password of a connection URL.
fn parts(url: &SecretString) -> Result<(String, String, SecretString), CliError> {
    let wrong = || {
        CliError::Said("setting `database.url` must be postgres://user:password@host:port/database (HOLDFAST__DATABASE__URL)".to_owned())
    };
    let url = reqwest::Url::parse(url.expose_secret()).map_err(|_| wrong())?;
    let plain = |part: &str| percent_decode_str(part).decode_utf8().map(std::borrow::Cow::into_owned).map_err(|_| wrong());
    let (database, user) = (plain(url.path().trim_start_matches('/'))?, plain(url.username())?);
    match url.password() {
        Some(password) if !user.is_empty() && !database.is_empty() => Ok((database, user, SecretString::from(plain(password)?))),
        _ => Err(wrong()),
    }
}
