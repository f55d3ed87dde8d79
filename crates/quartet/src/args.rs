//! The command line. Flags win over the configuration file's keys, which win over defaults.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::client::{QueryArgs, TraceArgs};
use crate::config::{ByteSize, Config, Durability, ListenAddress, Period};
use crate::verify::VerifyArgs;

const EXIT_CODES: &str = "\
Exit codes:
  0  success; for `up`: stopped by SIGTERM or SIGINT after a clean drain
  1  failure while running: a port in use, a damaged store, a server that does not answer
  2  wrong command line or configuration
  3  trace, query: nothing was found";

/// OpenTelemetry in one binary: takes traces, metrics and logs in, keeps them, answers as Tempo, Loki and Mimir do.
#[derive(Debug, Parser)]
#[command(name = "quartet", version, after_help = EXIT_CODES, arg_required_else_help = true)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Start everything on loopback: receivers, store, query APIs, status page
    Up(Box<UpArgs>),
    /// Check a file without starting anything
    #[command(subcommand)]
    Check(CheckVerb),
    /// Show one trace
    Trace(TraceArgs),
    /// Run one query
    Query(QueryArgs),
    /// Test services and stack end to end: health, traces, metrics, logs, cost, response times
    Verify(Box<VerifyArgs>),
    /// Print the version
    Version(VersionArgs),
    /// Print a completion script for a shell
    Completions(CompletionsArgs),
}

/// What can be checked.
#[derive(Debug, Subcommand)]
pub(crate) enum CheckVerb {
    /// Check a configuration file and print the effective configuration
    Config(CheckConfigArgs),
}

/// How data is printed on stdout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For reading.
    #[default]
    Table,
    /// One JSON document on one line.
    Json,
}

/// How our own log is written on stderr.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people on a terminal, JSON otherwise.
    #[default]
    Auto,
    /// For people.
    Human,
    /// One JSON document a line.
    Json,
}

/// Arguments of `quartet up`.
#[derive(Debug, Default, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct UpArgs {
    /// Configuration file (YAML); never required
    #[arg(long, value_name = "FILE", env = "QUARTET_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Where data lives [default: ./quartet-data]
    #[arg(long, value_name = "DIR", env = "QUARTET_DATA_DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// When an acknowledged record is safe [default: fsync]
    #[arg(long, value_enum)]
    pub(crate) durability: Option<Durability>,
    /// How long rows are kept, such as 14d, or none [default: 14d]
    #[arg(long, value_name = "TIME")]
    pub(crate) retention: Option<Period>,
    /// Memory of rows that are in no block yet [default: 112MiB]
    #[arg(long, value_name = "SIZE", alias = "memory-limit")]
    pub(crate) head_bytes_max: Option<ByteSize>,
    /// Largest request, as received and once decompressed [default: 16MiB]
    #[arg(long, value_name = "SIZE")]
    pub(crate) message_bytes_max: Option<ByteSize>,
    /// Store requests with the secrets that they hold [default: API keys, tokens, passwords are masked]
    #[arg(long)]
    pub(crate) no_redaction: bool,
    /// Share of the file system above which the oldest blocks are deleted [default: 0.9]
    #[arg(long, value_name = "SHARE")]
    pub(crate) disk_used_max: Option<f64>,
    /// Addresses.
    #[command(flatten)]
    pub(crate) listeners: ListenerArgs,
    /// Threads that serve connections; 0 for one a core [default: 0]
    #[arg(long, value_name = "N")]
    pub(crate) worker_threads: Option<usize>,
    /// What start-up prints on stdout
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: Output,
    /// How our own log is written on stderr
    #[arg(long, value_enum, default_value_t)]
    pub(crate) log_format: LogFormat,
    /// What our own log holds: a level, or directives such as info,collector=debug
    #[arg(long, value_name = "FILTER", env = "QUARTET_LOG", default_value = "info")]
    pub(crate) log: String,
}

/// Address of each listener.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Listeners (host:port, port 0 picks a free one and prints it, or none)")]
pub(crate) struct ListenerArgs {
    /// OTLP/gRPC [default: 127.0.0.1:4317]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) otlp_grpc: Option<ListenAddress>,
    /// OTLP/HTTP [default: 127.0.0.1:4318]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) otlp_http: Option<ListenAddress>,
    /// Tempo API [default: 127.0.0.1:3200]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) tempo: Option<ListenAddress>,
    /// Loki API and push [default: 127.0.0.1:3100]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) loki: Option<ListenAddress>,
    /// Mimir API and remote write [default: 127.0.0.1:9009]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) mimir: Option<ListenAddress>,
    /// Status page [default: 127.0.0.1:3000]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) console: Option<ListenAddress>,
    /// Health page [default: 127.0.0.1:13133]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) health: Option<ListenAddress>,
    /// Our own metrics [default: 127.0.0.1:8888]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) telemetry: Option<ListenAddress>,
}

/// Arguments of `quartet check config`.
#[derive(Debug, Args)]
pub(crate) struct CheckConfigArgs {
    /// The file
    pub(crate) file: PathBuf,
}

/// Arguments of `quartet version`.
#[derive(Debug, Args)]
pub(crate) struct VersionArgs {
    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

/// Arguments of `quartet completions`.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
}

impl UpArgs {
    /// Puts the flags that were given in place of the configuration's values.
    pub(crate) fn override_config(&self, config: &mut Config) {
        fn replace<T: Clone>(target: &mut T, flag: Option<&T>) {
            if let Some(flag) = flag {
                *target = flag.clone();
            }
        }
        let (flags, listeners) = (&self.listeners, &mut config.listeners);
        replace(&mut listeners.otlp_grpc, flags.otlp_grpc.as_ref());
        replace(&mut listeners.otlp_http, flags.otlp_http.as_ref());
        replace(&mut listeners.tempo, flags.tempo.as_ref());
        replace(&mut listeners.loki, flags.loki.as_ref());
        replace(&mut listeners.mimir, flags.mimir.as_ref());
        replace(&mut listeners.console, flags.console.as_ref());
        replace(&mut listeners.health, flags.health.as_ref());
        replace(&mut listeners.telemetry, flags.telemetry.as_ref());
        replace(&mut config.storage.data_dir, self.data_dir.as_ref());
        replace(&mut config.storage.durability, self.durability.as_ref());
        replace(&mut config.storage.retention, self.retention.as_ref());
        replace(&mut config.storage.head_bytes_max, self.head_bytes_max.as_ref());
        replace(&mut config.storage.disk_used_max, self.disk_used_max.as_ref());
        replace(&mut config.receivers.message_bytes_max, self.message_bytes_max.as_ref());
        replace(&mut config.runtime.worker_threads, self.worker_threads.as_ref());
        config.redaction.enabled &= !self.no_redaction;
        // Raising the largest request alone is what a user means: the room for requests under way follows.
        if self.message_bytes_max.is_some() {
            let least = ByteSize(config.receivers.message_bytes_max.0.saturating_mul(2));
            let in_flight = &mut config.receivers.in_flight_bytes_max;
            if in_flight.0 < least.0 {
                *in_flight = least;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_win_over_keys() {
        let line = [
            "quartet",
            "up",
            "--otlp-grpc",
            "none",
            "--retention",
            "2d",
            "--message-bytes-max",
            "64MiB",
            "--no-redaction",
        ];
        let Verb::Up(args) = Cli::try_parse_from(line).expect("valid").verb else { panic!("not up") };
        let mut config = Config::default();
        args.override_config(&mut config);
        assert_eq!(config.listeners.otlp_grpc, ListenAddress::Off);
        assert_eq!(config.listeners.otlp_http, ListenAddress::loopback(4318));
        assert_eq!(config.storage.retention.to_string(), "2d");
        assert_eq!(config.receivers.in_flight_bytes_max, ByteSize(128 << 20));
        assert!(!config.redaction.enabled && Config::default().redaction.enabled);
        assert_eq!(config.validate(), Ok(()));
        let wrong = Cli::try_parse_from(["quartet", "up", "--tempo", "3200"]).expect_err("no host");
        assert!(wrong.to_string().contains("has no port"), "{wrong}");
    }
}
