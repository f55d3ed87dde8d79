//! Metrics of the process and its machine out of /proc, and of telemetry itself. Read when the SDK collects, never in between.
//!
//! Names are those of the semantic conventions for `process.*`, `system.*` and `otel.sdk.*`.

use std::collections::HashSet;
use std::sync::{Arc, Weak};
use std::time::Instant;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{AsyncInstrument, Meter, MeterProvider as _};
use procfs::process::{FDTarget, Process as Proc};
use procfs::{Current, CurrentSI, WithCurrentSystemInfo};

use crate::guard::Tally;
use crate::process::Process;

/// Registers everything on the process's meter provider, which owns the call-backs.
pub(crate) fn observe(process: &Arc<Process>) {
    let meter = process.meters.meter("telemetry.system");
    of_process(&meter);
    of_machine(&meter);
    of_telemetry(&process.meters.meter("telemetry.sdk"), process);
}

fn of_process(meter: &Meter) {
    meter
        .f64_observable_counter("process.cpu.time")
        .with_unit("s")
        .with_description("CPU seconds of this process by mode")
        .with_callback(|out| {
            let Ok(stat) = Proc::myself().and_then(|me| me.stat()) else { return };
            let ticks = procfs::ticks_per_second() as f64;
            out.observe(stat.utime as f64 / ticks, &[KeyValue::new("cpu.mode", "user")]);
            out.observe(stat.stime as f64 / ticks, &[KeyValue::new("cpu.mode", "system")]);
        })
        .build();
    gauge(meter, "process.memory.usage", "By", "Physical memory in use", || {
        let stat = Proc::myself().and_then(|me| me.stat()).ok()?;
        Some(stat.rss_bytes().get() as i64)
    });
    gauge(meter, "process.memory.virtual", "By", "Committed virtual memory", || {
        Some(Proc::myself().and_then(|me| me.stat()).ok()?.vsize as i64)
    });
    gauge(meter, "process.thread.count", "{thread}", "Threads", || {
        Some(Proc::myself().and_then(|me| me.stat()).ok()?.num_threads)
    });
    gauge(meter, "process.unix.file_descriptor.count", "{file_descriptor}", "Open file descriptors", || {
        Some(Proc::myself().and_then(|me| me.fd_count()).ok()? as i64)
    });
    meter
        .i64_observable_up_down_counter("process.network.connection.count")
        .with_unit("{connection}")
        .with_description("TCP connections of this process by state")
        .with_callback(connections)
        .build();
    let started = Instant::now();
    meter
        .f64_observable_gauge("process.uptime")
        .with_unit("s")
        .with_description("Time since telemetry began")
        .with_callback(move |out| out.observe(started.elapsed().as_secs_f64(), &[]))
        .build();
}

/// TCP connections whose socket is one of ours: /proc/net lists those of the whole network namespace.
fn connections(out: &dyn AsyncInstrument<i64>) {
    let Ok(me) = Proc::myself() else { return };
    let Ok(descriptors) = me.fd() else { return };
    let sockets: HashSet<u64> = descriptors
        .filter_map(|descriptor| match descriptor.ok()?.target {
            FDTarget::Socket(inode) => Some(inode),
            _ => None,
        })
        .collect();
    let entries = me.tcp().unwrap_or_default().into_iter().chain(me.tcp6().unwrap_or_default());
    let (mut established, mut listening, mut other) = (0, 0, 0);
    for entry in entries.filter(|entry| sockets.contains(&entry.inode)) {
        match entry.state {
            procfs::net::TcpState::Established => established += 1,
            procfs::net::TcpState::Listen => listening += 1,
            _ => other += 1,
        }
    }
    for (state, count) in [("established", established), ("listen", listening), ("other", other)] {
        out.observe(count, &[KeyValue::new("network.connection.state", state)]);
    }
}

fn of_machine(meter: &Meter) {
    meter
        .f64_observable_counter("system.cpu.time")
        .with_unit("s")
        .with_description("CPU seconds of the machine by mode")
        .with_callback(|out| {
            let Ok(stat) = procfs::KernelStats::current() else { return };
            let ticks = procfs::ticks_per_second() as f64;
            let total = stat.total;
            let modes = [
                ("user", total.user),
                ("nice", total.nice),
                ("system", total.system),
                ("idle", total.idle),
                ("iowait", total.iowait.unwrap_or(0)),
                ("steal", total.steal.unwrap_or(0)),
            ];
            for (mode, time) in modes {
                out.observe(time as f64 / ticks, &[KeyValue::new("cpu.mode", mode)]);
            }
        })
        .build();
    meter
        .i64_observable_up_down_counter("system.memory.usage")
        .with_unit("By")
        .with_description("Memory of the machine by state")
        .with_callback(|out| {
            let Ok(memory) = procfs::Meminfo::current() else { return };
            let available = memory.mem_available.unwrap_or(memory.mem_free);
            let states = [("used", memory.mem_total.saturating_sub(available)), ("free", available)];
            for (state, bytes) in states {
                out.observe(bytes as i64, &[KeyValue::new("system.memory.state", state)]);
            }
        })
        .build();
}

/// What telemetry has lost so far reaches the collector with the next export that succeeds.
fn of_telemetry(meter: &Meter, process: &Arc<Process>) {
    type Read = fn(&Process) -> Option<(Tally, usize, usize)>;
    let spans: Read = |process| {
        let queue = process.exporter()?.spans.as_ref()?;
        Some((queue.tally(), queue.len(), queue.records_max()))
    };
    let logs: Read = |process| {
        let queue = process.exporter()?.logs.as_ref()?;
        Some((queue.tally(), queue.len(), queue.records_max()))
    };
    for (signal, read) in [("span", spans), ("log", logs)] {
        let own: Weak<Process> = Arc::downgrade(process);
        let read = move || own.upgrade().and_then(|process| read(&process));
        let counts = read.clone();
        meter
            .u64_observable_counter(format!("otel.sdk.exporter.{signal}.exported"))
            .with_unit(format!("{{{signal}}}"))
            .with_description("Records whose export has ended, by error; without an error they were delivered")
            .with_callback(move |out| {
                let Some((tally, ..)) = counts() else { return };
                out.observe(tally.exported, &[]);
                out.observe(tally.failed, &[KeyValue::new("error.type", "not_delivered")]);
            })
            .build();
        let counts = read.clone();
        meter
            .u64_observable_counter(format!("otel.sdk.processor.{signal}.processed"))
            .with_unit(format!("{{{signal}}}"))
            .with_description("Records that were let into the queue, or for which it had no room")
            .with_callback(move |out| {
                let Some((tally, ..)) = counts() else { return };
                out.observe(tally.accepted - tally.dropped, &[]);
                out.observe(tally.dropped, &[KeyValue::new("error.type", "queue_full")]);
            })
            .build();
        let sizes = read.clone();
        meter
            .i64_observable_up_down_counter(format!("otel.sdk.processor.{signal}.queue.size"))
            .with_unit(format!("{{{signal}}}"))
            .with_callback(move |out| {
                if let Some((_, len, _)) = sizes() {
                    out.observe(len as i64, &[]);
                }
            })
            .build();
        meter
            .i64_observable_up_down_counter(format!("otel.sdk.processor.{signal}.queue.capacity"))
            .with_unit(format!("{{{signal}}}"))
            .with_callback(move |out| {
                if let Some((_, _, max)) = read() {
                    out.observe(max as i64, &[]);
                }
            })
            .build();
    }
}

fn gauge(meter: &Meter, name: &'static str, unit: &'static str, description: &'static str, read: fn() -> Option<i64>) {
    meter
        .i64_observable_up_down_counter(name)
        .with_unit(unit)
        .with_description(description)
        .with_callback(move |out| {
            if let Some(value) = read() {
                out.observe(value, &[]);
            }
        })
        .build();
}
