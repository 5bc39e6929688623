//! The borders of the house, kept: who may import whom, which room owns which crate, how large a file may grow.

#![expect(clippy::unwrap_used, reason = "a test says what is wrong by panicking")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use holdfast::domain::TRANSITIONS;
use holdfast::metrics;
use holdfast::topics::ALL_TOPICS;

/// Each room and the rooms that it may import, which all stand above it.
const ROOMS: &[(&str, &[&str])] = &[
    ("fault_points", &[]),
    ("chain", &[]),
    ("cryptography", &[]),
    ("domain", &[]),
    ("clock", &[]),
    ("metrics", &[]),
    ("shutdown", &[]),
    ("retry", &[]),
    ("words", &[]),
    ("model", &[]),
    ("simulator", &[]),
    ("engine", &["chain", "cryptography", "clock", "metrics", "retry", "shutdown"]),
    ("store", &["fault_points", "domain"]),
    ("supplier", &["chain", "cryptography", "fault_points", "domain", "metrics"]),
    ("cache", &["cryptography", "domain", "clock", "metrics"]),
    ("events", &["chain", "fault_points", "domain", "clock", "metrics", "retry", "shutdown", "store"]),
    ("operations", &["chain", "fault_points", "domain", "clock", "metrics", "store", "supplier", "cache"]),
    ("topics", &["chain", "fault_points", "domain", "clock", "metrics", "retry", "engine", "operations"]),
    ("http", &["chain", "cryptography", "fault_points", "domain", "clock", "metrics", "shutdown", "words", "operations"]),
    ("ops", &["chain", "domain", "clock", "metrics", "shutdown", "engine", "operations", "topics"]),
    ("config", &["domain", "words", "supplier", "cache", "events", "operations", "topics", "http"]),
    (
        "app",
        &[
            "chain",
            "fault_points",
            "domain",
            "clock",
            "metrics",
            "shutdown",
            "engine",
            "store",
            "supplier",
            "cache",
            "events",
            "operations",
            "topics",
            "http",
            "ops",
            "config",
        ],
    ),
    (
        "cli",
        &[
            "chain",
            "domain",
            "clock",
            "metrics",
            "shutdown",
            "engine",
            "model",
            "store",
            "supplier",
            "cache",
            "events",
            "operations",
            "topics",
            "http",
            "ops",
            "config",
            "app",
            "simulator",
        ],
    ),
    ("main", &["cli"]),
];

/// Crates that only these rooms may name.
const OWNED: &[(&str, &[&str])] = &[
    ("sqlx", &["store"]),
    ("reqwest", &["engine", "supplier", "http", "app", "cli"]),
    ("axum", &["http", "ops", "simulator"]),
    ("utoipa", &["http"]),
    ("jsonwebtoken", &["http"]),
    ("rdkafka", &["events"]),
    ("redis", &["cache"]),
    ("rustls", &["cryptography"]),
    ("backoff", &["retry"]),
    ("roxmltree", &["model"]),
    ("clap", &["cli", "simulator", "main"]),
    (
        "tokio",
        &[
            "fault_points",
            "shutdown",
            "retry",
            "engine",
            "store",
            "supplier",
            "cache",
            "events",
            "simulator",
            "operations",
            "topics",
            "http",
            "ops",
            "app",
            "cli",
            "main",
        ],
    ),
];

/// Lines of a file before its tests.
const MOST_LINES: usize = 600;

struct Source {
    path: PathBuf,
    room: String,
    text: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let inside = path.strip_prefix(&root).unwrap().to_path_buf();
                let room = inside.components().next().unwrap().as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned();
                found.push(Source { text: fs::read_to_string(&path).unwrap(), path: inside, room });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// The code of a file without comments and text literals, with its line breaks kept.
fn code_of(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if rest.starts_with("//") {
            rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
        } else if rest.starts_with("r#\"") {
            let end = rest[3..].find("\"#").map_or(rest.len(), |at| at + 5);
            code.extend(rest[..end].chars().filter(|c| *c == '\n'));
            rest = &rest[end..];
        } else if rest.starts_with("'\"'") {
            rest = &rest[3..];
        } else if c == '"' {
            let mut end = 1;
            let bytes = rest.as_bytes();
            while end < bytes.len() && bytes[end] != b'"' {
                end += if bytes[end] == b'\\' { 2 } else { 1 };
            }
            let end = (end + 1).min(rest.len());
            code.extend(rest[..end].chars().filter(|c| *c == '\n'));
            rest = &rest[end..];
        } else {
            code.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    code
}

/// The part of a file before its unit tests.
fn without_tests(text: &str) -> &str {
    text.find("#[cfg(test)]\nmod tests").map_or(text, |at| &text[..at])
}

/// The rooms that `crate::…` paths of this code lead to, with their lines; grouped imports are taken apart.
fn rooms_named(code: &str) -> Vec<(usize, String)> {
    let mut named = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        let line = code[..at].matches('\n').count() + 1;
        let path = &code[at + "crate::".len()..];
        if let Some(group) = path.strip_prefix('{') {
            // Of each entry of the group, what stands before its first `::`.
            let (mut depth, mut inside, mut name) = (0, false, String::new());
            for c in group.chars() {
                match c {
                    '{' => depth += 1,
                    '}' if depth > 0 => depth -= 1,
                    '}' | ',' if depth == 0 => {
                        named.push((line, std::mem::take(&mut name)));
                        inside = false;
                        if c == '}' {
                            break;
                        }
                    }
                    ':' => inside = true,
                    c if depth == 0 && !inside && (c.is_alphanumeric() || c == '_') => name.push(c),
                    _ => {}
                }
            }
        } else {
            named.push((line, path.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()));
        }
    }
    named.retain(|(_, name)| !name.is_empty());
    named
}

#[test]
fn the_table_of_rooms_is_in_reading_order_and_complete() {
    let mut above: Vec<&str> = Vec::new();
    for (room, may) in ROOMS {
        for other in *may {
            assert!(above.contains(other), "{room} may import {other}, which does not stand above it");
        }
        above.push(room);
    }
    for source in sources().iter().filter(|source| source.room != "lib") {
        assert!(above.contains(&source.room.as_str()), "src/{} is in no room of the table", source.path.display());
    }
}

#[test]
fn a_room_imports_only_what_it_may() {
    let allowed: BTreeMap<&str, &[&str]> = ROOMS.iter().copied().collect();
    let mut offences = String::new();
    for source in sources().iter().filter(|source| source.room != "lib") {
        let may = allowed[source.room.as_str()];
        for (line, named) in rooms_named(&code_of(without_tests(&source.text))) {
            if allowed.contains_key(named.as_str()) && named != source.room && !may.contains(&named.as_str()) {
                let _ = writeln!(offences, "src/{}:{line}: room {} may not import {named}", source.path.display(), source.room);
            }
        }
    }
    assert!(offences.is_empty(), "\n{offences}");
}

#[test]
fn a_crate_is_named_only_where_it_belongs() {
    let mut offences = String::new();
    for source in sources() {
        let code = code_of(without_tests(&source.text));
        for (owned, rooms) in OWNED {
            if rooms.contains(&source.room.as_str()) {
                continue;
            }
            for (at, _) in code.match_indices(&format!("{owned}::")) {
                let before = code[..at].chars().next_back();
                if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                    continue;
                }
                let line = code[..at].matches('\n').count() + 1;
                let _ = writeln!(offences, "src/{}:{line}: {owned} belongs to {rooms:?}", source.path.display());
            }
        }
    }
    assert!(offences.is_empty(), "\n{offences}");
}

#[test]
fn sql_is_written_in_the_store_alone_and_every_statement_is_signed() {
    let mut offences = String::new();
    for source in sources() {
        let code = without_tests(&source.text);
        for (at, call) in ["sqlx::query(", "sqlx::query_scalar(", "sqlx::query_as("].iter().flat_map(|c| code.match_indices(c)) {
            let line = code[..at].matches('\n').count() + 1;
            let argument = code[at + call.len()..].trim_start();
            // A text, a constant, or a function that chooses among constants: one for a planted bug, one for what is forgotten.
            let named = argument.chars().next().is_some_and(char::is_uppercase)
                || ["write_rows()", "what.statement()"].iter().any(|function| argument.starts_with(function));
            let signed = argument.starts_with("\"-- ") || named;
            if source.room != "store" || !signed {
                let _ = writeln!(offences, "src/{}:{line}: a statement belongs to store/ and begins with its name", source.path.display());
            }
        }
        for (at, _) in code.match_indices(": &str = \"\\\n") {
            let first = code[at..].lines().nth(1).unwrap_or("");
            if source.room == "store" && !first.starts_with("-- ") {
                let _ = writeln!(offences, "src/{}: `{first}` is a statement without its name", source.path.display());
            }
        }
    }
    assert!(offences.is_empty(), "\n{offences}");
}

#[test]
fn no_statement_to_the_database_is_waited_for_without_a_limit() {
    const ASKS: [&str; 8] =
        [".fetch_one(", ".fetch_all(", ".fetch_optional(", ".execute(", ".commit(", ".rollback(", ".begin(", ".connect_with("];
    const LIMITED_ELSEWHERE: [&str; 3] = [
        // On the lease's own connection, which gives its work a limit (store/lease_connection.rs).
        ".execute(connection).await",
        // While a connection is made, for which the pool waits only so long.
        "connection.execute(limiting).await",
        // A planted bug.
        "from_secs(2)).await;tx.commit().await",
    ];
    let mut unlimited = Vec::new();
    for source in sources().iter().filter(|source| source.room == "store") {
        let mut code: String = code_of(&source.text).split_whitespace().collect();
        LIMITED_ELSEWHERE.iter().for_each(|limited| code = code.replace(limited, ""));
        for asks in ASKS {
            for (at, _) in code.match_indices(asks) {
                let asked = &code[at + asks.len()..];
                if asked[closing(asked)..].starts_with(".await") {
                    unlimited.push(format!("{}: {asks}…).await", source.path.display()));
                }
            }
        }
    }
    assert_eq!(unlimited, Vec::<String>::new(), "wait with `.answered(...)` of src/store/answered.rs");
}

/// Where the parenthesis that was opened just before ends.
fn closing(text: &str) -> usize {
    let mut depth = 1;
    for (at, c) in text.char_indices() {
        depth += i32::from(c == '(') - i32::from(c == ')');
        if depth == 0 {
            return at + 1;
        }
    }
    text.len()
}

#[test]
fn every_file_says_what_lives_there_and_none_outgrows_a_sitting() {
    let mut offences = String::new();
    let mut sizes = Vec::new();
    for source in sources() {
        if !source.text.starts_with("//! ") {
            let _ = writeln!(offences, "src/{} does not open with `//! `", source.path.display());
        }
        let lines = without_tests(&source.text).lines().count();
        if lines > MOST_LINES {
            let _ = writeln!(offences, "src/{} has {lines} lines before its tests", source.path.display());
        }
        sizes.push(lines);
    }
    assert!(offences.is_empty(), "\n{offences}");
    sizes.sort_unstable();
    assert!(sizes[sizes.len() / 2] <= 150, "half of all files are longer than {} lines", sizes[sizes.len() / 2]);
}

#[test]
fn the_shipped_models_use_exactly_topics_that_are_served() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("bpmn");
    let served: Vec<&str> = ALL_TOPICS.iter().map(|topic| topic.name()).collect();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "bpmn") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for (at, _) in text.match_indices("camunda:topic=\"") {
            let name = text[at + "camunda:topic=\"".len()..].split('"').next().unwrap();
            assert!(served.contains(&name), "{} uses topic {name}, which nobody serves", path.display());
        }
    }
}

/// The diagram of `docs/state-machine.md`, as the table has it.
fn diagram() -> String {
    let mut text = String::from("stateDiagram-v2\n    [*] --> REQUESTED: requested\n");
    for t in TRANSITIONS {
        let _ = writeln!(text, "    {} --> {}: {}", t.from, t.to, t.cause.as_str());
    }
    for end in holdfast::domain::ReservationStatus::ALL.iter().filter(|status| status.is_end()) {
        let _ = writeln!(text, "    {end} --> [*]");
    }
    text
}

#[test]
fn the_diagram_of_states_is_the_table_of_transitions() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/state-machine.md");
    let page = fs::read_to_string(&path).unwrap();
    let wanted = format!("```mermaid\n{}```", diagram());
    assert!(page.contains(&wanted), "docs/state-machine.md must hold this diagram:\n{wanted}");
}

#[test]
fn every_metric_is_on_the_page_for_operators() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md")).unwrap();
    for metric in metrics::ALL {
        let labels = metric.labels.join(", ");
        let row = format!("| `{}` | {labels} | {} |", metric.name, metric.help);
        assert!(page.contains(&row), "docs/metrics.md must hold this row:\n{row}");
    }
}

#[test]
fn the_table_of_events_is_the_catalogue() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/events.md")).unwrap();
    let mut wanted = String::new();
    for event in holdfast::events::schemas::EVENTS {
        let _ = writeln!(wanted, "| `{}` | {} | {} | {} |", event.event_type, event.version, event.aggregate_type, event.means);
    }
    assert!(page.contains(&wanted), "docs/events.md must hold these rows:\n{wanted}");
}

#[test]
fn the_table_of_topics_is_the_registry() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/processes.md")).unwrap();
    let mut wanted = String::new();
    for topic in ALL_TOPICS {
        let quoted = |names: Vec<&str>| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let codes: Vec<&str> = topic.codes().iter().map(|code| code.as_str()).collect();
        let codes = if codes.is_empty() { "nothing".to_owned() } else { quoted(codes) };
        let _ = writeln!(wanted, "| `{}` | {} | {codes} |", topic.name(), quoted(topic.variables()));
    }
    assert!(page.contains(&wanted), "docs/processes.md must hold these rows:\n{wanted}");
    for topic in ALL_TOPICS {
        for variable in topic.variables() {
            assert!(page.matches(&format!("`{variable}`")).count() > 1, "docs/processes.md does not explain `{variable}`");
        }
    }
}

#[test]
fn the_check_on_states_in_the_database_is_the_list_of_states() {
    let sql = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/0001_reservations.sql")).unwrap();
    let check = sql.split("constraint ck_reservation_status check (status in (").nth(1).unwrap().split("))").next().unwrap();
    let mut in_sql: Vec<&str> = check.split(',').map(|name| name.trim().trim_matches('\'')).collect();
    let mut in_code: Vec<&str> = holdfast::domain::ReservationStatus::ALL.iter().map(|status| status.as_str()).collect();
    in_sql.sort_unstable();
    in_code.sort_unstable();
    assert_eq!(in_sql, in_code);
}

#[test]
fn every_test_that_the_page_of_promises_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/tests.md")).unwrap();
    let mut folders = vec![root.join("src"), root.join("tests")];
    let mut code = String::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                code.push_str(&fs::read_to_string(&path).unwrap());
            }
        }
    }
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| ") && line.contains('`')).collect();
    assert!(rows.len() > 30, "the page has lost its rows");
    for row in rows {
        let tests = row.trim_end_matches('|').rsplit('|').next().unwrap();
        for name in tests.split('`').skip(1).step_by(2) {
            assert!(code.contains(&format!("fn {name}(")), "docs/tests.md names `{name}`, which is nowhere: {row}");
        }
    }
}

#[test]
fn the_table_of_cache_keys_is_the_list() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/availability.md")).unwrap();
    for key in holdfast::cache::KEYS {
        let row = format!("| `{}` | {} | {} |", key.shape, key.value, key.lives);
        assert!(page.contains(&row), "docs/availability.md must hold this row:\n{row}");
    }
}

#[test]
fn every_cause_and_kind_of_change_is_explained() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/availability.md")).unwrap();
    let words = holdfast::domain::Trait::ALL.iter().map(|what| what.as_str());
    for word in words.chain(holdfast::domain::ChangeCause::ALL.iter().map(|cause| cause.as_str())) {
        assert!(page.contains(&format!("`{word}`")), "docs/availability.md does not explain `{word}`");
    }
}

#[test]
fn every_planted_bug_is_looked_for_by_the_matrix_and_there_is_no_other() {
    let named = |text: &str, before: &str| -> Vec<String> {
        text.split(before).skip(1).filter_map(|rest| rest.split('"').nth(1)).map(str::to_owned).collect()
    };
    let of_sources = sources().into_iter().filter(|source| !source.path.ends_with("fault_points.rs"));
    let mut planted: Vec<String> =
        of_sources.flat_map(|source| [named(&source.text, "planted_bug!("), named(&source.text, "is_planted(")].concat()).collect();
    let mut looked_for = named(&fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/chaos/bugs.rs")).unwrap(), "    bug(");
    planted.sort_unstable();
    looked_for.sort_unstable();
    assert_eq!(planted, looked_for);
}

#[test]
fn the_test_itself_sees_offences() {
    let code = code_of(
        "use crate::{engine::EngineClient, store::{Store, StoreError}};\n// crate::topics\nlet s = \"crate::http\";\nfn f() { crate::ops::x(); }",
    );
    let rooms: Vec<_> = rooms_named(&code).into_iter().map(|(line, room)| format!("{line}:{room}")).collect();
    assert_eq!(rooms, ["1:engine", "1:store", "4:ops"]);
}

#[test]
fn the_failure_table_names_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/reliability.md")).unwrap();
    let (_, section) = page.split_once("failure modes, row by row\n").unwrap();
    let rows = section.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|')).skip(2);
    let named: Vec<&str> = rows.flat_map(|row| row.rsplit('|').nth(1).unwrap().split('`').skip(1).step_by(2)).collect();
    assert!(named.len() >= 10, "{named:?}");
    let mut code = String::new();
    let mut folders = vec![root.join("tests"), root.join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                code.push_str(&fs::read_to_string(path).unwrap());
            }
        }
    }
    let missing: Vec<_> = named.into_iter().filter(|name| !code.contains(&format!("fn {name}("))).collect();
    assert!(missing.is_empty(), "no such tests: {missing:?}");
}
