//! Numbers: what the operating system says of a process and of this machine, and the middle of many.

use std::fmt;
use std::fs;
use std::time::Duration;

use crate::Failure;

/// Ticks of a second in `/proc/<pid>/stat`; the kernel fixes it for every user of the interface.
const TICKS_PER_SECOND: u64 = 100;

/// A variable of the stack, or its default.
#[expect(clippy::disallowed_methods, reason = "the ports of the stack come from make")]
pub(crate) fn setting(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}

/// The CPU time that a process has used so far, in user space and for it in the kernel.
pub(crate) fn cpu(pid: u32) -> Result<Duration, Failure> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name before the last parenthesis may hold anything. After it come the fields from the third on.
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok()).ok_or("read CPU times from /proc");
    Ok(Duration::from_millis((ticks(11)? + ticks(12)?) * 1_000 / TICKS_PER_SECOND))
}

/// The most memory that a process has had resident at any moment, in MB.
pub(crate) fn peak_memory_mb(pid: u32) -> Result<f64, Failure> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok());
    Ok(kilobytes.ok_or("read the peak memory from /proc")? / 1_024.0)
}

/// The load of the last minute.
pub(crate) fn load() -> Result<String, Failure> {
    let load = fs::read_to_string("/proc/loadavg")?;
    Ok(load.split(' ').take(3).collect::<Vec<_>>().join(" "))
}

/// What the numbers were measured on.
pub(crate) struct Machine {
    processors: usize,
    model: String,
    memory_gb: f64,
    kernel: String,
}

impl Machine {
    pub(crate) fn read() -> Result<Self, Failure> {
        let processors = fs::read_to_string("/proc/cpuinfo")?;
        let memory = fs::read_to_string("/proc/meminfo")?;
        let field = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name))?;
            Some(line.split(':').nth(1)?.trim().to_owned())
        };
        let kilobytes = field(&memory, "MemTotal").and_then(|total| total.trim_end_matches(" kB").parse::<f64>().ok());
        Ok(Self {
            processors: std::thread::available_parallelism()?.get(),
            model: field(&processors, "model name").unwrap_or_else(|| "unknown processor".to_owned()),
            memory_gb: kilobytes.unwrap_or_default() / 1_048_576.0,
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")?.trim().to_owned(),
        })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { processors, model, memory_gb, kernel } = self;
        write!(f, "machine: {processors} x {model}, {memory_gb:.0} GB, Linux {kernel}; engine, PostgreSQL and inventory run on it too")
    }
}

/// The middle value; of an even number the mean of the two in the middle.
pub(crate) fn median(values: &[f64]) -> f64 {
    let sorted = sorted(values);
    let (low, high) = (sorted.len().saturating_sub(1) / 2, sorted.len() / 2);
    match (sorted.get(low), sorted.get(high)) {
        (Some(low), Some(high)) => f64::midpoint(*low, *high),
        _ => f64::NAN,
    }
}

/// The value that `share` of all values do not exceed.
pub(crate) fn percentile(values: &[f64], share: f64) -> f64 {
    let sorted = sorted(values);
    let at = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(at.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}

/// The smallest and the largest value.
pub(crate) fn spread(values: &[f64]) -> (f64, f64) {
    let sorted = sorted(values);
    (sorted.first().copied().unwrap_or(f64::NAN), sorted.last().copied().unwrap_or(f64::NAN))
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}
