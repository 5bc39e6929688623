//! The page about the simulator says what is so: its commands run, and it names every fault.

use std::process::Command;

use holdfast::simulator::{Simulator, SimulatorConfig, start};

const PAGE: &str = include_str!("../../../docs/simulator.md");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_of_the_page_runs_and_every_fault_is_among_them() {
    let simulator = start(SimulatorConfig::default()).await.unwrap();
    let folder = std::env::temp_dir().join(format!("holdfast-page-{}", uuid::Uuid::new_v4()));
    std::fs::create_dir(&folder).unwrap();
    let mut armed = Vec::new();
    for block in PAGE.split("```sh\n").skip(1) {
        let commands = block.split("```").next().unwrap();
        run(commands, &simulator, &folder);
        armed.extend(simulator.faults().into_iter().map(|status| status.request.fault.name()));
    }
    std::fs::remove_dir_all(&folder).unwrap();
    let source = include_str!("../../../src/simulator/faults/kind.rs");
    let names: Vec<_> = source.lines().filter_map(|line| line.split("=> \"").nth(1)?.strip_suffix("\",")).collect();
    assert!(names.len() >= 19, "{names:?}");
    for name in names {
        assert!(armed.contains(&name), "the page does not arm {name}");
    }
}

fn run(commands: &str, simulator: &Simulator, folder: &std::path::Path) {
    let mut shell = Command::new("bash");
    shell.args(["-eu", "-o", "pipefail", "-c", commands]).current_dir(folder);
    shell.env("SUPPLIER", simulator.url()).env("SIM", simulator.admin_url()).env("NO_PROXY", "*");
    let output = shell.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{commands}\n{errors}");
}
