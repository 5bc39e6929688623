//! What the pages say to type, to set and to read on is there: commands, make targets, settings, links.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser as _;
use holdfast::cli::Cli;

/// A page and its text.
struct Page {
    path: PathBuf,
    text: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every page of the project.
fn pages() -> Vec<Page> {
    let mut found = vec![root().join("README.md"), root().join("bpmn/README.md")];
    let mut folders = vec![root().join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "md") {
                found.push(path);
            }
        }
    }
    found.sort();
    found.into_iter().map(|path| Page { text: fs::read_to_string(&path).unwrap(), path }).collect()
}

impl Page {
    /// What stands between backticks in a line, and the lines of blocks of shell.
    fn code(&self) -> Vec<String> {
        let mut found = Vec::new();
        let (mut block, mut shell) = (false, false);
        for line in self.text.lines() {
            if let Some(language) = line.trim_start().strip_prefix("```") {
                block = !block;
                shell = block && matches!(language, "sh" | "bash");
            } else if shell {
                found.push(line.split('#').next().unwrap_or("").trim().to_owned());
            } else if !block {
                found.extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
            }
        }
        // A page breaks a long command where it likes.
        found.into_iter().map(|code| code.split_whitespace().collect::<Vec<_>>().join(" ")).filter(|code| !code.is_empty()).collect()
    }

    fn name(&self) -> String {
        self.path.strip_prefix(root()).unwrap().display().to_string()
    }
}

/// A command of the page as somebody would type it: settings before it go, and what stands for a value gets one.
fn typed(code: &str) -> Option<Vec<String>> {
    let words = code.split(' ').skip_while(|word| word.starts_with("HOLDFAST") && word.contains('='));
    let mut words: Vec<String> = words.map(|word| word.trim_matches(|c| c == '[' || c == ']').to_owned()).collect();
    if !words.first().is_some_and(|word| word == "holdfast" || word.ends_with("/holdfast")) || words.len() < 2 {
        return None;
    }
    for word in words.iter_mut().skip(1) {
        if word.chars().all(|c| c.is_ascii_uppercase() || c == '_') {
            *word = match word.as_str() {
                "N" | "K" => "1".to_owned(),
                "ID" | "TENANT" | "EVENT" | "UUID" => "01a21f53-761b-70f0-8598-fcd4bdc5f48d".to_owned(),
                "URL" => "http://127.0.0.1:1".to_owned(),
                other => other.to_lowercase(),
            };
        }
    }
    // Two commands of one sentence: `reservation list/show`.
    Some(words)
}

#[test]
fn every_command_on_a_page_is_one_that_the_program_takes() {
    let (mut wrong, mut checked) = (String::new(), 0);
    for page in pages() {
        for words in page.code().iter().filter_map(|code| typed(code)) {
            checked += 1;
            let Err(error) = Cli::try_parse_from(&words) else { continue };
            // A page may name a command without all that it needs.
            let named_only = matches!(
                error.kind(),
                clap::error::ErrorKind::MissingRequiredArgument | clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
            );
            if !named_only {
                wrong += &format!("{}: `{}`\n{error}\n", page.name(), words.join(" "));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
    assert!(checked > 5, "only {checked} commands were found on the pages");
}

#[test]
fn every_make_target_on_a_page_is_there() {
    let makefile = fs::read_to_string(root().join("Makefile")).unwrap();
    let targets: BTreeSet<&str> = makefile.lines().filter_map(|line| line.split_once(':')).map(|(target, _)| target).collect();
    for page in pages() {
        for code in page.code().iter().filter(|code| code.starts_with("make ")) {
            let target = code.split(' ').nth(1).unwrap();
            assert!(target == "..." || targets.contains(target), "{}: `{code}` has no target `{target}` in the Makefile", page.name());
        }
    }
}

#[test]
fn every_setting_on_a_page_has_a_default_or_belongs_to_a_source() {
    let defaults: toml::Table = toml::from_str(&fs::read_to_string(root().join("config/default.toml")).unwrap()).unwrap();
    let mut checked = 0;
    for page in pages() {
        for code in page.code() {
            let Some((section, key)) = code.split_once('.') else { continue };
            let Some(settings) = defaults.get(section).and_then(toml::Value::as_table) else { continue };
            // `engine.rs` and the like are files, and a metric or topic is no setting either.
            if !key.chars().all(|c| c.is_ascii_lowercase() || c == '_') || matches!(key, "rs" | "md" | "toml") {
                continue;
            }
            checked += 1;
            assert!(settings.contains_key(key), "{}: `{code}` is no setting", page.name());
        }
    }
    assert!(checked > 5, "only {checked} settings were found on the pages");
}

#[test]
fn every_link_to_a_file_leads_to_one() {
    for page in pages() {
        for (at, _) in page.text.match_indices("](") {
            let target = page.text[at + 2..].split([')', '#', ' ']).next().unwrap();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            assert!(page.path.parent().unwrap().join(target).exists(), "{} links to {target}, which is not there", page.name());
        }
    }
}
