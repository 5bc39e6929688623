//! `holdfast events schemas`: what is published, in writing.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::cli::error::CliError;
use crate::cli::output::say;
use crate::events::schemas::published_files;

/// Options of `holdfast events schemas`.
#[derive(Debug, Args)]
pub(super) struct Schemas {
    /// Write one file for each event and the AsyncAPI document to this folder, in place of listing them
    #[arg(long, value_name = "FOLDER")]
    write: Option<PathBuf>,
    /// Print the file of this name
    #[arg(long, value_name = "NAME", conflicts_with = "write")]
    show: Option<String>,
}

impl Schemas {
    pub(super) fn carry_out(self) -> Result<ExitCode, CliError> {
        let files = published_files();
        if let Some(name) = self.show {
            let Some(file) = files.iter().find(|file| file.name == name) else {
                let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
                return Err(CliError::Said(format!("there is no file `{name}`; there are {}", names.join(", "))));
            };
            say(file.text.trim_end());
            return Ok(ExitCode::SUCCESS);
        }
        for file in files {
            if let Some(folder) = &self.write {
                let path = folder.join(&file.name);
                let failed = |source| CliError::File { doing: "write", what: path.display().to_string(), source };
                if let Some(parent) = path.parent() {
                    std::fs::create_dir_all(parent).map_err(failed)?;
                }
                std::fs::write(&path, &file.text).map_err(failed)?;
            }
            say(&file.name);
        }
        Ok(ExitCode::SUCCESS)
    }
}
