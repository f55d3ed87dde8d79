//! All processes of the demo: where they listen, what they are told, in which order they start and stop.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use serde_json::Value;

use crate::args::Args;
use crate::process::{Process, Program};

/// How long services may take until their dependencies answer; debug builds on two busy cores are slow.
const READY_LIMIT: Duration = Duration::from_secs(60);

/// A key of the form that the stand-ins take. It opens nothing.
const GEMINI_KEY: &str = "demo-key-for-the-stand-in";
const AIRTABLE_TOKEN: &str = "patDemoForTheStandIn.0000";

/// A service: its name, the port of the contract, the variable that tells others where it is.
const SERVICES: [(&str, u16, &str); 4] = [
    ("airtable-gateway", 8002, "AIRTABLE_GATEWAY_URL"),
    ("mcp-server", 8001, "MCP_SERVER_URL"),
    ("llm-orchestrator", 8003, "LLM_ORCHESTRATOR_URL"),
    ("automation-services", 8006, "AUTOMATION_SERVICES_URL"),
];

/// Base URLs of everything, without a slash at the end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places {
    pub(crate) otlp_grpc: String,
    pub(crate) otlp_http: String,
    pub(crate) tempo: String,
    pub(crate) loki: String,
    pub(crate) mimir: String,
    pub(crate) console: String,
    pub(crate) health: String,
    pub(crate) telemetry: String,
    pub(crate) gemini: String,
    pub(crate) airtable: String,
    /// In the order of [`SERVICES`].
    pub(crate) services: [String; 4],
}

impl Places {
    pub(crate) fn gateway(&self) -> &str {
        &self.services[0]
    }

    pub(crate) fn mcp(&self) -> &str {
        &self.services[1]
    }

    pub(crate) fn orchestrator(&self) -> &str {
        &self.services[2]
    }

    pub(crate) fn automation(&self) -> &str {
        &self.services[3]
    }

    /// Name, URL and the variable of each service.
    pub(crate) fn named_services(&self) -> impl Iterator<Item = (&'static str, &str, &'static str)> {
        SERVICES.iter().zip(&self.services).map(|((name, _, variable), url)| (*name, url.as_str(), *variable))
    }
}

/// Everything that runs.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) places: Places,
    /// In the order of start; stopped the other way round, so that what sends telemetry ends before what keeps it.
    pub(crate) processes: Vec<Process>,
    bin_dir: PathBuf,
}

impl Stage {
    /// Starts all and waits until each service says that it is ready.
    pub(crate) async fn start(args: &Args) -> anyhow::Result<Self> {
        let beside = || Ok::<_, anyhow::Error>(std::env::current_exe()?.parent().context("no folder")?.to_owned());
        let bin_dir = args.bin_dir.clone().map_or_else(beside, Ok)?;
        let logs = args.data_dir.join("logs");
        std::fs::create_dir_all(&logs).with_context(|| format!("cannot make {}", logs.display()))?;
        let mut stage = Self { places: Places::default(), processes: Vec::new(), bin_dir };
        stage.start_quartet(args, &logs).await?;
        stage.start_stand_ins(args, &logs).await?;
        stage.start_services(args, &logs)?;
        stage.wait_until_ready().await?;
        Ok(stage)
    }

    async fn start_quartet(&mut self, args: &Args, logs: &Path) -> anyhow::Result<()> {
        let mut arguments: Vec<String> = ["up", "-o", "json", "--data-dir"].map(str::to_owned).to_vec();
        arguments.push(args.data_dir.join("quartet").display().to_string());
        if args.free_ports {
            let listeners = ["otlp-grpc", "otlp-http", "tempo", "loki", "mimir", "console", "health", "telemetry"];
            arguments.extend(listeners.iter().flat_map(|name| [format!("--{name}"), "127.0.0.1:0".to_owned()]));
        }
        let path = self.bin_dir.join("quartet");
        let program = Program { name: "quartet", path, arguments, environment: Vec::new(), logs };
        let (process, ready) = Process::start_and_read(&program).await?;
        self.processes.push(process);
        let url = |name: &str| {
            let address =
                ready["listeners"][name].as_str().with_context(|| format!("quartet has no listener {name}"))?;
            Ok::<_, anyhow::Error>(format!("http://{address}"))
        };
        let places = &mut self.places;
        places.otlp_grpc = url("otlp-grpc")?;
        places.otlp_http = url("otlp-http")?;
        places.tempo = url("tempo")?;
        places.loki = url("loki")?;
        places.mimir = url("mimir")?;
        places.console = url("console")?;
        places.health = url("health")?;
        places.telemetry = url("telemetry")?;
        Ok(())
    }

    async fn start_stand_ins(&mut self, args: &Args, logs: &Path) -> anyhow::Result<()> {
        let listen = |port: u16| format!("127.0.0.1:{}", if args.free_ports { 0 } else { port });
        let seed = args.seed.to_string();
        let gemini = ["--listen", &listen(8090), "--seed", &seed, "--slow", "every:25=2500"].map(str::to_owned);
        let airtable = ["--listen", &listen(8091), "--seed", &seed, "--penalty-ms", "1000", "--latency-ms", "15"];
        let of = |name: &'static str, arguments: Vec<String>| Program {
            name,
            path: self.bin_dir.join(name),
            arguments,
            environment: Vec::new(),
            logs,
        };
        let (process, ready) = Process::start_and_read(&of("stand-in-gemini", gemini.to_vec())).await?;
        self.processes.push(process);
        self.places.gemini = format!("http://{}", address(&ready)?);
        let (process, ready) =
            Process::start_and_read(&of("stand-in-airtable", airtable.map(str::to_owned).to_vec())).await?;
        self.processes.push(process);
        self.places.airtable = format!("http://{}", address(&ready)?);
        Ok(())
    }

    fn start_services(&mut self, args: &Args, logs: &Path) -> anyhow::Result<()> {
        let mut ports = Vec::new();
        for (slot, (_, port, _)) in self.places.services.iter_mut().zip(SERVICES) {
            let port = if args.free_ports { free_port()? } else { port };
            ports.push(port);
            *slot = format!("http://127.0.0.1:{port}");
        }
        for ((name, _, _), port) in SERVICES.into_iter().zip(ports) {
            let data = args.data_dir.join(name);
            std::fs::create_dir_all(&data).with_context(|| format!("cannot make {}", data.display()))?;
            let mut environment = vec![("PORT", port.to_string()), ("DATA_DIR", data.display().to_string())];
            environment.extend(self.environment());
            // Its tool query_database reads what automation-services keeps.
            if name == "mcp-server" && std::env::var_os("DATABASE_URL").is_none() {
                let file = args.data_dir.join("automation-services/automation-services.sqlite");
                environment.push(("DATABASE_URL", format!("sqlite://{}", file.display())));
            }
            let path = self.bin_dir.join(name);
            let program = Program { name, path, arguments: Vec::new(), environment, logs };
            self.processes.push(Process::start(&program)?);
        }
        Ok(())
    }

    /// What all services are told; what the user's environment has besides (DATABASE_URL, REDIS_URL, OTEL_*) they see as well.
    fn environment(&self) -> Vec<(&'static str, String)> {
        let places = &self.places;
        let mut variables = vec![
            ("ENVIRONMENT", "development".to_owned()),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", places.otlp_grpc.clone()),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc".to_owned()),
            // Charts move while one looks at them.
            ("OTEL_METRIC_EXPORT_INTERVAL", "5000".to_owned()),
            ("GEMINI_BASE_URL", places.gemini.clone()),
            ("GEMINI_API_KEY", GEMINI_KEY.to_owned()),
            ("AIRTABLE_BASE_URL", format!("{}/v0", places.airtable)),
            ("AIRTABLE_TOKEN", AIRTABLE_TOKEN.to_owned()),
            // As long as the stand-in's own.
            ("AIRTABLE_PENALTY", "1".to_owned()),
        ];
        variables.extend(places.named_services().map(|(_, url, variable)| (variable, url.to_owned())));
        variables
    }

    async fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let client = reqwest::Client::builder().timeout(Duration::from_secs(5)).build()?;
        let started = Instant::now();
        let services: Vec<(&str, String)> =
            self.places.named_services().map(|(name, url, _)| (name, url.to_owned())).collect();
        for (name, url) in services {
            loop {
                for process in &mut self.processes {
                    process.still_runs()?;
                }
                let answer = client.get(format!("{url}/ready")).send().await;
                let reason = match answer {
                    Ok(answer) if answer.status().is_success() => break,
                    Ok(answer) => answer.text().await.unwrap_or_default(),
                    Err(error) => error.to_string(),
                };
                if started.elapsed() > READY_LIMIT {
                    return Err(anyhow!("{name} is not ready after {} s: {reason}", READY_LIMIT.as_secs()));
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        Ok(())
    }

    /// Waits until any process ends, which none should.
    pub(crate) async fn first_to_end(processes: &mut [Process]) -> anyhow::Error {
        loop {
            if let Some(error) = processes.iter_mut().find_map(|process| process.still_runs().err()) {
                return error;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// Stops all, the last started first.
    pub(crate) async fn stop(&mut self) {
        for process in self.processes.iter_mut().rev() {
            match process.stop().await {
                Ok(status) if status.success() => {}
                Ok(status) => crate::say::error(&format!("{} ended with {status}", process.name)),
                Err(error) => crate::say::error(&format!("{error:#}")),
            }
        }
    }

    /// Runs `quartet verify` against what runs here; its report goes to stdout. True when it passed.
    pub(crate) async fn verify(&self, args: &Args) -> anyhow::Result<bool> {
        let places = &self.places;
        let mut command = std::process::Command::new(self.bin_dir.join("quartet"));
        command.arg("verify").args(["--otlp", &places.otlp_http]);
        command.args(["--collector-health", &places.health, "--collector-metrics", &places.telemetry]);
        if args.output == crate::args::Output::Json {
            command.args(["-o", "json"]);
        }
        for (name, url, _) in places.named_services() {
            command.arg("--service").arg(format!("{name}={url}"));
        }
        command.env("TEMPO_URL", &places.tempo).env("LOKI_ENDPOINT", &places.loki);
        command.env("MIMIR_URL", &places.mimir).env("GRAFANA_URL", &places.console);
        let status = tokio::task::spawn_blocking(move || command.status()).await?;
        Ok(status.context("cannot start quartet verify")?.success())
    }
}

fn address(ready: &Value) -> anyhow::Result<&str> {
    ready["address"].as_str().with_context(|| format!("no address in {ready}"))
}

/// A port that nobody listens on now. Another program may take it before the service does; then the service says so.
fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
