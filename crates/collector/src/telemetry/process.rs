//! CPU and memory of this process, from `/proc` (Linux; elsewhere the numbers are absent).

/// What the kernel says about us.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Process {
    /// CPU seconds, user and system.
    pub cpu_secs: f64,
    /// Resident memory in bytes.
    pub rss_bytes: u64,
    /// Highest resident memory in bytes.
    pub rss_peak_bytes: u64,
    /// Threads.
    pub threads: u64,
}

/// Clock ticks a second in `/proc/*/stat`: `USER_HZ`, 100 on every Linux architecture that Rust supports.
const TICKS_PER_SEC: f64 = 100.0;

/// Reads the numbers now.
pub fn read() -> Option<Process> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    Some(parse(&stat, &status))
}

fn parse(stat: &str, status: &str) -> Process {
    // The second field, the name in brackets, may hold blanks: count from behind it. utime and stime are fields 14 and 15.
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: u64 = after_name.split_whitespace().skip(11).take(2).filter_map(|text| text.parse::<u64>().ok()).sum();
    let line = |name: &str| {
        let rest = status.lines().find_map(|line| line.strip_prefix(name))?;
        rest.trim_start_matches(':').split_whitespace().next()?.parse::<u64>().ok()
    };
    Process {
        cpu_secs: ticks as f64 / TICKS_PER_SEC,
        rss_bytes: line("VmRSS").unwrap_or(0) * 1024,
        rss_peak_bytes: line("VmHWM").unwrap_or(0) * 1024,
        threads: line("Threads").unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_behind_a_name_with_blanks_and_brackets() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 1 0 0 0 250 150 0 0 20 0 4 0 1 1 1";
        let status = "Name:\ta) b\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\nThreads:\t4\n";
        let process = parse(stat, status);
        assert_eq!(process, Process { cpu_secs: 4.0, rss_bytes: 1 << 20, rss_peak_bytes: 2 << 20, threads: 4 });
        assert!(read().is_none_or(|process| process.rss_bytes > 0));
    }
}
