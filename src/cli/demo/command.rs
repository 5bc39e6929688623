//! `holdfast demo` from its first line to its exit code.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::Instant;

use clap::Args;
use futures::future::join_all;
use serde_json::{Value, json};

use crate::cli::demo::children;
use crate::cli::demo::files::{Files, failed};
use crate::cli::demo::installed::Installed;
use crate::cli::demo::judge::disagreements;
use crate::cli::demo::observe::observe;
use crate::cli::demo::play::play;
use crate::cli::demo::progress::Progress;
use crate::cli::demo::scenario::{End, Scenario};
use crate::cli::demo::scenarios::SCENARIOS;
use crate::cli::demo::settings::{Settings, Source};
use crate::cli::demo::setup::{set_up, shown};
use crate::cli::demo::stage::Stage;
use crate::cli::demo::table::{Row, lines};
use crate::cli::demo::told::{Told, told};
use crate::cli::error::CliError;
use crate::cli::output::say;

/// Options of `holdfast demo`.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    #[command(flatten)]
    settings: Settings,
}

impl Demo {
    pub(crate) async fn carry_out(self) -> Result<ExitCode, CliError> {
        let settings = self.settings;
        let files = Files::write(&settings)?;
        let lock = files.folder.join("lock");
        let lock = std::fs::File::create(&lock).map_err(failed("write", &lock))?;
        if lock.try_lock().is_err() {
            return Err(CliError::Said(format!("another demo is under way in {}; wait for its end", files.folder.display())));
        }
        let done = tokio::select! {
            done = demonstrate(&settings, &files) => done,
            _ = tokio::signal::ctrl_c() => Err(CliError::Said("interrupted".to_owned())),
        };
        if settings.once {
            children::end_recorded(&files).await?;
        } else if done.is_err() && children::are_recorded(&files) {
            crate::cli::output::complain("`make down` ends what the demo started; the next demo replaces it.");
        }
        done
    }
}

async fn demonstrate(settings: &Settings, files: &Files) -> Result<ExitCode, CliError> {
    let names = SCENARIOS.iter().map(|scenario| scenario.name).collect();
    let terminal = if settings.json { std::io::stderr().is_terminal() } else { std::io::stdout().is_terminal() };
    let progress = Progress::new(names, terminal, settings.json);
    let (mut stage, mut parts) = set_up(settings, files, progress).await?;
    stage.progress.say("");

    let begun = Instant::now();
    let playing = join_all(SCENARIOS.iter().enumerate().map(|(index, scenario)| play(&stage, scenario, index)));
    let played = tokio::select! {
        played = playing => played,
        complaint = children::first_to_end(&mut parts) => return Err(CliError::Said(complaint)),
    };
    let seconds = begun.elapsed().as_secs_f64();
    let mut rows = Vec::new();
    for (scenario, played) in SCENARIOS.iter().zip(&played) {
        let facts = observe(&stage, scenario, played).await?;
        rows.push(Row { scenario, order: played.order.to_string(), disagreements: disagreements(scenario, &facts), facts });
    }
    let told = told(files, &rows).await?;
    let installed = match stage.keeper.take() {
        Some(keeper) => Some(keeper.deliver(settings, &rows).await?),
        None => None,
    };
    let agree = rows.iter().all(|row| row.disagreements.is_empty())
        && told.as_ref().is_none_or(|told| told.facts == told.true_facts)
        && installed.as_ref().is_none_or(|installed| installed.shown == installed.told);
    let ending = Ending { rows: &rows, told: told.as_ref(), installed: installed.as_ref(), seconds };

    if settings.json {
        let orders: Value = rows.iter().map(Row::json).collect();
        let links: BTreeMap<_, _> = links(&stage, settings, &ending).into_iter().collect();
        let (facts, products) = (told.as_ref().map(|told| told.facts), installed.as_ref().map(|installed| installed.shown));
        say(
            &json!({ "agree": agree, "seconds": seconds, "orders": orders, "factsTold": facts, "productsShown": products, "links": links })
                .to_string(),
        );
    } else {
        show(&stage, settings, files, &ending);
    }
    stage.store.close().await;
    if settings.once {
        children::end_recorded(files).await?;
        for part in &mut parts {
            part.reap().await;
        }
    }
    Ok(if agree { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What came of it all.
struct Ending<'a> {
    rows: &'a [Row<'a>],
    told: Option<&'a Told>,
    installed: Option<&'a Installed>,
    seconds: f64,
}

/// The table, what disagrees, and where to go on.
fn show(stage: &Stage, settings: &Settings, files: &Files, ending: &Ending<'_>) {
    let Ending { rows, told, installed, seconds } = *ending;
    say("");
    lines(rows).iter().for_each(|line| say(line));
    say("");
    let wrong: Vec<&Row<'_>> = rows.iter().filter(|row| !row.disagreements.is_empty()).collect();
    if wrong.is_empty() {
        say(&format!("Engine, database and inventory agree on all {} orders, after {seconds:.1} s.", rows.len()));
    } else {
        say(&format!("{} of {} orders DISAGREE, after {seconds:.1} s:", wrong.len(), rows.len()));
        for row in wrong {
            row.disagreements.iter().for_each(|what| say(&format!("  {}: {what}", row.scenario.name)));
            say(&format!("    order {}, process instance {}", row.order, row.facts.instances.first().map_or("-", |i| i.id.as_str())));
        }
        say(&format!("  Look at the daemon's log, {}, at each order as below, and at the ledger.", shown(&files.log("daemon"))));
    }
    match told {
        Some(Told { topic, facts, true_facts }) if facts == true_facts => {
            say(&format!("Kafka has all {facts} facts of them, in the topic {topic}."))
        }
        Some(Told { topic, facts, true_facts }) => {
            say(&format!("Kafka has {facts} of {true_facts} facts of them, in the topic {topic}: some are MISSING."))
        }
        None => say(&format!("Nobody answers on port {}: their facts stay in the outbox (`make up` starts Kafka).", settings.kafka_port)),
    }
    if let Some(Installed { told, shown, .. }) = installed {
        let verdict = if shown == told { "all are shown by the API" } else { "the API shows too FEW" };
        say(&format!("The customer has {told} products, as Kafka was told of them; {verdict}: {shown}."));
    }
    say("");
    if settings.once {
        return;
    }
    say("All of it is still running:");
    for (what, link) in links(stage, settings, ending) {
        say(&format!("  {what:16} {link}"));
    }
    say("  Cockpit and Tasklist: log in as demo with the password demo. Cockpit shows what still runs, such as the order left open.");
    if let Some(row) = rows.iter().find(|row| row.scenario.expect.end == End::Waits) {
        say("Report that order fulfilled, and watch it end:");
        say(&format!(
            "  curl -H 'Content-Type: application/json' {}/message -d '{{\"messageName\":\"FulfilmentDone\",\"businessKey\":\"{}\"}}'",
            settings.engine_url(),
            row.order
        ));
    }
    if let Some(reservation) = told_best(rows) {
        say("Read the whole story of one reservation:");
        say(&format!("  {} -c {} reservation show {reservation}", this_program(), shown(&files.config)));
    }
    if told.is_some() {
        say("See what others hear of it:");
        say(&format!("  {} -c {} events tail --once", this_program(), shown(&files.config)));
    }
    if !settings.wait_for_human {
        say("Decide for yourself in Tasklist:  make demo HOLDFAST_DEMO_ARGS=--wait-for-human");
    }
    say("End everything:  make down");
}

/// Where to look, by name.
fn links(stage: &Stage, settings: &Settings, ending: &Ending<'_>) -> Vec<(&'static str, String)> {
    let open = ending.rows.iter().find(|row| row.scenario.expect.end == End::Waits).and_then(|row| row.facts.instances.first());
    let mut links = Vec::new();
    let mut add = |what, link: Option<String>| links.extend(link.map(|link| (what, link)));
    add("Cockpit", stage.links.cockpit());
    add("the open order", open.and_then(|instance| stage.links.instance(&instance.id)));
    add("Tasklist", stage.links.tasklist());
    add("ledger", Some(format!("{}/ledger", settings.inventory_admin_url(Source::Main))));
    add("ledger (legacy)", Some(format!("{}/ledger", settings.inventory_admin_url(Source::Legacy))));
    add("API", Some(format!("http://127.0.0.1:{}/docs/", settings.http_port)));
    add("customer", ending.installed.map(|installed| installed.link.clone()));
    add("metrics", Some(format!("http://127.0.0.1:{}/metrics", settings.admin_port)));
    add("ready", Some(format!("http://127.0.0.1:{}/ready", settings.admin_port)));
    links
}

/// The reservation whose story is worth reading: the one whose answer was swallowed.
fn told_best(rows: &[Row<'_>]) -> Option<String> {
    let has_incident = |scenario: &Scenario| scenario.expect.incident.is_some();
    let row = rows.iter().find(|row| has_incident(row.scenario) && !row.facts.reservations.is_empty())?;
    row.facts.reservations.last().map(|row| row.id.clone())
}

fn this_program() -> String {
    std::env::current_exe().map_or_else(|_| "holdfast".to_owned(), |path| shown(&path))
}
