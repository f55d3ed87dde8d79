//! CPU time and memory as the kernel counts them.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

use anyhow::{Context as _, Result};

/// CPU time of the calling thread.
pub(crate) struct ThreadClock(File);

impl ThreadClock {
    /// Of the thread that calls this; no other may read it.
    pub(crate) fn new() -> Result<Self> {
        Ok(Self(File::open("/proc/thread-self/schedstat")?))
    }

    /// Nanoseconds. Giving up the processor first makes the kernel bring its account up to date.
    pub(crate) fn nanos(&self) -> Result<u64> {
        std::thread::yield_now();
        let mut text = [0; 64];
        let length = self.0.read_at(&mut text, 0)?;
        first_number(std::str::from_utf8(&text[..length])?)
    }
}

/// CPU time of all threads of a process, in nanoseconds. Exact while they sleep.
pub(crate) fn process_nanos(pid: u32) -> Result<u64> {
    let mut sum = 0;
    for task in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        sum += first_number(&std::fs::read_to_string(task?.path().join("schedstat"))?)?;
    }
    Ok(sum)
}

/// Memory that is the process's own and not of a file, in KiB.
pub(crate) fn anonymous_kib(pid: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).context("no RssAnon in /proc")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// Date, processor, cores, kernel, and how much else the machine has to do.
pub(crate) fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let processor = read("/proc/cpuinfo");
    let processor = processor.lines().find(|line| line.starts_with("model name")).unwrap_or_default();
    let processor = processor.split_once(':').map(|(_, name)| name.trim()).unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let date = std::process::Command::new("date").args(["-u", "+%F %H:%MZ"]).output();
    let date = date.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    let kernel = read("/proc/sys/kernel/osrelease");
    format!("{date}, {processor}, {cores} cores, Linux {}, load average {}", kernel.trim(), load_average())
}

/// Of the last minute; what this program causes itself is in it.
pub(crate) fn load_average() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or_default().to_owned()
}

fn first_number(text: &str) -> Result<u64> {
    Ok(text.split_ascii_whitespace().next().context("an empty file in /proc")?.parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_counted_to_the_microsecond() {
        let clock = ThreadClock::new().unwrap();
        let before = clock.nanos().unwrap();
        let started = std::time::Instant::now();
        while started.elapsed().as_micros() < 500 {}
        let spent = clock.nanos().unwrap() - before;
        // Other threads may have had the processor meanwhile, so only the upper end is sharp.
        assert!(spent > 0 && spent < 2_000_000, "{spent} ns");
        assert!(process_nanos(std::process::id()).unwrap() >= spent);
        assert!(anonymous_kib(std::process::id()).unwrap() > 0);
    }
}
