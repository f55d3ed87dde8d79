//! Opens the ports, all before anything else starts, so that a port in use is told at once.

use std::net::SocketAddr;

use anyhow::{Context, anyhow};
use tokio::net::TcpListener;

use crate::config::{ListenAddress, ListenersConfig};

/// What is served on a port. The name is the flag and, with `_` for `-`, the configuration's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Face {
    OtlpGrpc,
    OtlpHttp,
    Tempo,
    Loki,
    Mimir,
    Console,
    Health,
    Telemetry,
}

impl Face {
    /// As in `--otlp-grpc`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::OtlpGrpc => "otlp-grpc",
            Self::OtlpHttp => "otlp-http",
            Self::Tempo => "tempo",
            Self::Loki => "loki",
            Self::Mimir => "mimir",
            Self::Console => "console",
            Self::Health => "health",
            Self::Telemetry => "telemetry",
        }
    }

    /// What it is, for people.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::OtlpGrpc => "OTLP gRPC",
            Self::OtlpHttp => "OTLP HTTP",
            Self::Tempo => "Tempo API",
            Self::Loki => "Loki API, push",
            Self::Mimir => "Mimir API, remote write",
            Self::Console => "status page",
            Self::Health => "health",
            Self::Telemetry => "own metrics",
        }
    }
}

/// A face and its port.
pub(crate) struct Listener {
    pub(crate) face: Face,
    /// `None` when it is switched off.
    pub(crate) open: Option<(TcpListener, SocketAddr)>,
}

/// Opens each listener of `config`, in the order of the list.
pub(crate) async fn open(config: &ListenersConfig) -> anyhow::Result<Vec<Listener>> {
    let wanted = [
        (Face::OtlpGrpc, &config.otlp_grpc),
        (Face::OtlpHttp, &config.otlp_http),
        (Face::Tempo, &config.tempo),
        (Face::Loki, &config.loki),
        (Face::Mimir, &config.mimir),
        (Face::Console, &config.console),
        (Face::Health, &config.health),
        (Face::Telemetry, &config.telemetry),
    ];
    let mut listeners = Vec::with_capacity(wanted.len());
    for (face, address) in wanted {
        let open = match address {
            ListenAddress::Off => None,
            ListenAddress::At(address) => Some(bind(face, address).await?),
        };
        listeners.push(Listener { face, open });
    }
    Ok(listeners)
}

async fn bind(face: Face, address: &str) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let name = face.name();
    let listener = TcpListener::bind(address).await.map_err(|error| {
        let in_use = error.kind() == std::io::ErrorKind::AddrInUse;
        let error = anyhow!(error).context(format!("cannot listen on {address} for --{name}"));
        if in_use {
            error.context(format!(
                "another program has {address}: stop it (`ss -ltnp` shows which), or choose --{name} 127.0.0.1:0 or --{name} none"
            ))
        } else {
            error
        }
    })?;
    let address = listener.local_addr().with_context(|| format!("cannot tell the address of --{name}"))?;
    Ok((listener, address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_off() -> ListenersConfig {
        let off = || ListenAddress::Off;
        ListenersConfig {
            otlp_grpc: off(),
            otlp_http: off(),
            tempo: off(),
            loki: off(),
            mimir: off(),
            console: off(),
            health: off(),
            telemetry: off(),
        }
    }

    #[tokio::test]
    async fn a_port_in_use_names_the_flag_and_the_way_out() {
        let config = ListenersConfig { tempo: ListenAddress::loopback(0), ..all_off() };
        let first = open(&config).await.expect("free port");
        let address = first[2].open.as_ref().expect("tempo is on").1;
        assert_eq!(first.iter().filter(|listener| listener.open.is_some()).count(), 1);
        let taken = ListenersConfig { loki: ListenAddress::At(address.to_string()), ..all_off() };
        let error = format!("{:#}", open(&taken).await.err().expect("in use"));
        for hint in ["--loki", "another program has", "--loki none", &address.to_string()] {
            assert!(error.contains(hint), "{error}");
        }
    }
}
