//! The `airtable-gateway` binary.

fn main() -> anyhow::Result<()> {
    Ok(service_kit::run(airtable_gateway::SERVICE, airtable_gateway::build)?)
}
