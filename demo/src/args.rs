//! The command line.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// How start-up is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    Text,
    /// One JSON document when everything answers, with all addresses.
    Json,
}

/// Starts Quartet, stand-ins of Gemini and Airtable and the four services, and plays a working day in fast motion.
///
/// Ends cleanly on Ctrl-C. DATABASE_URL and REDIS_URL are passed on to the services.
#[derive(Clone, Debug, Parser)]
#[command(version)]
pub(crate) struct Args {
    /// Where the programs are [default: beside this one]
    #[arg(long, value_name = "DIR")]
    pub(crate) bin_dir: Option<PathBuf>,
    /// Where data and logs live
    #[arg(long, value_name = "DIR", default_value = "quartet-data/demo")]
    pub(crate) data_dir: PathBuf,
    /// Free ports instead of the usual ones
    #[arg(long)]
    pub(crate) free_ports: bool,
    /// How long the day from 08:00 to 18:00 takes, in seconds
    #[arg(long, value_name = "N", default_value_t = 300, value_parser = clap::value_parser!(u64).range(10..=86_400))]
    pub(crate) day_seconds: u64,
    /// Stop after this many seconds instead of on Ctrl-C
    #[arg(long, value_name = "N")]
    pub(crate) seconds: Option<u64>,
    /// No traffic: start everything and wait
    #[arg(long)]
    pub(crate) quiet: bool,
    /// Run `quartet verify` at the end (with --seconds) and end with its result
    #[arg(long, requires = "seconds")]
    pub(crate) verify: bool,
    /// The same seed plays the same day
    #[arg(long, value_name = "N", default_value_t = 7)]
    pub(crate) seed: u64,
    /// How start-up is told on stdout
    #[arg(short, long, value_enum, default_value = "text")]
    pub(crate) output: Output,
}
