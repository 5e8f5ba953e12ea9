//! Processor time of a process, as Linux counts it.

use std::fs;
use std::time::Duration;

use crate::Outcome;

/// What `/proc` counts in: 100 ticks a second on every architecture, as far as user space sees.
const TICK: Duration = Duration::from_millis(10);

/// User and system time that the process has used since it started, all its threads together.
pub fn used_by(pid: u32) -> Outcome<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name stands in parentheses and may hold anything; the fields after it are plain. utime is the 14th of all
    // fields and stime the 15th, see proc(5).
    let fields = stat.rsplit_once(") ").ok_or("an odd /proc/<pid>/stat")?.1;
    let mut fields = fields.split(' ').skip(11);
    let mut ticks =
        || fields.next().and_then(|field| field.parse::<u32>().ok()).ok_or("an odd /proc/<pid>/stat");
    Ok(TICK * (ticks()? + ticks()?))
}
