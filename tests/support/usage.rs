//! What a process uses, as Linux counts it, and how long calls take.

use std::fs;
use std::time::Duration;

/// What `/proc` counts in: 100 ticks a second on every architecture, as far as user space sees.
const TICK: Duration = Duration::from_millis(10);

/// User and system time that the process has used since it started, all its threads together.
pub fn processor_time(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("a process");
    // The name stands in parentheses and may hold anything; the fields after it are plain. utime is the 14th of all
    // fields and stime the 15th, see proc(5).
    let fields = stat.rsplit_once(") ").expect("the end of the name").1;
    let ticks = fields.split(' ').skip(11).take(2).map(|field| field.parse::<u32>().expect("ticks"));
    TICK * ticks.sum()
}

/// A figure of `/proc/<pid>/status`, in KiB: `VmRSS` is the memory the process has, `VmHWM` the most it ever had.
pub fn memory(pid: u32, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok()).expect("a figure")
}

/// Lets the most memory that the process ever had begin anew: `VmHWM` becomes `VmRSS`.
pub fn reset_peak(pid: u32) {
    fs::write(format!("/proc/{pid}/clear_refs"), "5").expect("a process");
}

/// How many threads the process has.
pub fn threads(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/task")).expect("a process").count()
}

/// What so many percent of the values are below. They are sorted.
pub fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let index = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(index).copied().unwrap_or_default()
}
